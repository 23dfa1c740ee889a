//! Removal of active content from a PDF: scripts, programs, forms that are sent, embedded files. PDFium's interface
//! does not reach the catalog, so this works on the file that PDFium has written.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, Object, ObjectId};
use ocr_protocol::Active;

/// Actions that only go to a place when the reader requests it.
const HARMLESS: [&[u8]; 3] = [b"GoTo", b"URI", b"Named"];
/// URI schemes that run something or access local files.
const UNSAFE_SCHEMES: [&str; 4] = ["javascript:", "vbscript:", "data:", "file:"];
/// Annotations that play or contain something, and the entries for that.
const PLAYERS: [&[u8]; 6] = [
    b"RichMedia",
    b"Movie",
    b"Sound",
    b"Screen",
    b"3D",
    b"FileAttachment",
];
const PLAYED: [&[u8]; 7] = [
    b"RichMediaContent",
    b"RichMediaSettings",
    b"Movie",
    b"Sound",
    b"3DD",
    b"FS",
    b"A",
];
/// Entries of a dictionary that hold an action, or several in sequence.
const ACTIONS: [&[u8]; 3] = [b"A", b"PA", b"Next"];
/// Deepest nesting of objects. Deeper ones are removed.
const DEPTH: u32 = 100;

/// The file without its active content, and a list of what was removed. Returns `None` if the file can't be read or
/// written.
pub(super) fn remove(file: &[u8]) -> Option<(Vec<u8>, BTreeSet<Active>)> {
    let mut document = Document::load_mem(file).ok()?;
    let mut removed = BTreeSet::new();
    let catalog = document.trailer.get(b"Root").ok()?.as_reference().ok()?;
    clean_catalog(&mut document, catalog, &mut removed)?;
    let ids: Vec<ObjectId> = document.objects.keys().copied().collect();
    for id in ids {
        // The object is removed meanwhile, so that others can be looked up. References from it to itself don't matter
        // here.
        let Some(mut object) = document.objects.remove(&id) else {
            continue;
        };
        clean(&document, &mut object, &mut removed, DEPTH);
        document.objects.insert(id, object);
    }
    if removed.is_empty() {
        return Some((file.to_vec(), removed));
    }
    // Objects that are no longer referenced would otherwise stay in the file.
    document.prune_objects();
    document.max_id = document.objects.keys().map(|id| id.0).max()?;
    let mut written = Vec::with_capacity(file.len());
    document.save_to(&mut written).ok()?;
    Some((written, removed))
}

/// Entries that have this meaning only in the catalog.
fn clean_catalog(
    document: &mut Document,
    catalog: ObjectId,
    removed: &mut BTreeSet<Active>,
) -> Option<()> {
    let entries = document.get_dictionary_mut(catalog).ok()?;
    if entries.remove(b"OpenAction").is_some() {
        removed.insert(Active::OpenAction);
    }
    for key in [&b"Collection"[..], b"AF"] {
        if entries.remove(key).is_some() {
            removed.insert(Active::Attachments);
        }
    }
    entries.remove(b"NeedsRendering");
    within(document, catalog, b"Names", &mut |names| {
        if names.remove(b"JavaScript").is_some() {
            removed.insert(Active::JavaScript);
        }
        if names.remove(b"EmbeddedFiles").is_some() {
            removed.insert(Active::Attachments);
        }
    });
    within(document, catalog, b"AcroForm", &mut |form| {
        if form.remove(b"XFA").is_some() {
            removed.insert(Active::Xfa);
        }
    });
    Some(())
}

/// Changes a dictionary that an object has under `key`, directly or by reference.
fn within(
    document: &mut Document,
    id: ObjectId,
    key: &[u8],
    change: &mut dyn FnMut(&mut Dictionary),
) {
    let Ok(entries) = document.get_dictionary_mut(id) else {
        return;
    };
    let target = match entries.get_mut(key) {
        Ok(Object::Dictionary(inner)) => return change(inner),
        Ok(Object::Reference(target)) => *target,
        _ => return,
    };
    if let Ok(inner) = document.get_dictionary_mut(target) {
        change(inner);
    }
}

fn clean(document: &Document, object: &mut Object, removed: &mut BTreeSet<Active>, depth: u32) {
    if depth == 0 {
        *object = Object::Null;
        return;
    }
    match object {
        Object::Array(items) => {
            for item in items {
                clean(document, item, removed, depth - 1);
            }
        }
        Object::Dictionary(entries) => clean_entries(document, entries, removed, depth),
        Object::Stream(stream) => clean_entries(document, &mut stream.dict, removed, depth),
        _ => {}
    }
}

fn clean_entries(
    document: &Document,
    entries: &mut Dictionary,
    removed: &mut BTreeSet<Active>,
    depth: u32,
) {
    for key in ACTIONS {
        let active = entries
            .get(key)
            .ok()
            .and_then(|value| active(document, value));
        if let Some(active) = active {
            entries.remove(key);
            removed.insert(active);
        }
    }
    // Actions that run by themselves: when a page is opened, a field is left, or the document is printed. Names of
    // fonts may be the same, but their values are not actions.
    if let Some(triggered) = dictionary_at(document, entries.get(b"AA").ok()) {
        let mut actions = triggered
            .iter()
            .filter_map(|(_, value)| Some(kind_of(action(document, value)?)));
        if let Some(first) = actions.next() {
            removed.insert(first);
            removed.extend(actions);
            entries.remove(b"AA");
        } else if triggered.is_empty() {
            entries.remove(b"AA");
        }
    }
    for key in [&b"EF"[..], b"RF"] {
        let holds_file = dictionary_at(document, entries.get(key).ok()).is_some_and(|files| {
            [&b"F"[..], b"UF", b"DOS", b"Mac", b"Unix"]
                .iter()
                .any(|name| files.has(name))
        });
        if holds_file {
            entries.remove(key);
            removed.insert(Active::Attachments);
        }
    }
    let plays = entries
        .get(b"Subtype")
        .and_then(Object::as_name)
        .is_ok_and(|subtype| PLAYERS.contains(&subtype));
    if plays && entries.has(b"Rect") {
        for key in PLAYED {
            if entries.remove(key).is_some() {
                removed.insert(Active::Media);
            }
        }
    }
    for (_, value) in entries.iter_mut() {
        clean(document, value, removed, depth - 1);
    }
}

/// Kind of an active value: an action, or a list with one, that does more than going to a place.
fn active(document: &Document, value: &Object) -> Option<Active> {
    let (_, value) = document.dereference(value).ok()?;
    if let Object::Array(items) = value {
        return items
            .iter()
            .filter_map(|item| action(document, item))
            .find(|action| !is_harmless(document, action))
            .map(kind_of);
    }
    let action = action(document, value)?;
    (!is_harmless(document, action)).then(|| kind_of(action))
}

/// A dictionary with a kind that is not a stream. Groups and structure elements have a kind, too, but at other places.
fn action<'d>(document: &'d Document, value: &'d Object) -> Option<&'d Dictionary> {
    let action = dictionary_at(document, Some(value))?;
    action.has(b"S").then_some(action)
}

fn is_harmless(document: &Document, action: &Dictionary) -> bool {
    let kind = action
        .get(b"S")
        .and_then(Object::as_name)
        .unwrap_or_default();
    if kind == b"URI" {
        let uri = action.get_deref(b"URI", document).and_then(Object::as_str);
        let text: String = String::from_utf8_lossy(uri.unwrap_or_default())
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .flat_map(char::to_lowercase)
            .take(16)
            .collect();
        return !UNSAFE_SCHEMES.iter().any(|scheme| text.starts_with(scheme));
    }
    HARMLESS.contains(&kind)
}

fn kind_of(action: &Dictionary) -> Active {
    match action
        .get(b"S")
        .and_then(Object::as_name)
        .unwrap_or_default()
    {
        b"JavaScript" => Active::JavaScript,
        b"Launch" => Active::Launch,
        b"SubmitForm" | b"ImportData" => Active::Submit,
        b"Rendition" | b"Movie" | b"Sound" | b"RichMediaExecute" => Active::Media,
        _ => Active::Action,
    }
}

fn dictionary_at<'d>(document: &'d Document, value: Option<&'d Object>) -> Option<&'d Dictionary> {
    let (_, value) = document.dereference(value?).ok()?;
    value.as_dict().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lopdf::{Stream, dictionary};

    /// A page with additional entries in its dictionary and its annotation.
    fn pdf(page: Dictionary, annotation: Dictionary, catalog: Dictionary) -> Vec<u8> {
        let mut document = Document::with_version("1.7");
        let annotation = document.add_object(annotation);
        let mut page = page;
        page.set("Type", Object::Name(b"Page".to_vec()));
        page.set("Annots", vec![annotation.into()]);
        let page = document.add_object(page);
        let pages = document.add_object(dictionary! {
            "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1,
        });
        let mut catalog = catalog;
        catalog.set("Type", Object::Name(b"Catalog".to_vec()));
        catalog.set("Pages", pages);
        let catalog = document.add_object(catalog);
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    fn javascript() -> Dictionary {
        dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") }
    }

    fn has(file: &[u8], text: &str) -> bool {
        file.windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    #[test]
    fn removes_scripts_from_all_places() {
        let file = pdf(
            dictionary! { "AA" => dictionary! { "O" => javascript() } },
            dictionary! { "Subtype" => "Link", "A" => dictionary! { "S" => "GoTo", "Next" => vec![Object::Dictionary(javascript())] } },
            dictionary! { "OpenAction" => javascript(), "Names" => dictionary! {
                "JavaScript" => dictionary! { "Names" => vec![Object::string_literal("a"), javascript().into()] },
            } },
        );
        let (clean, removed) = remove(&file).unwrap();
        assert_eq!(
            removed.into_iter().collect::<Vec<_>>(),
            [Active::JavaScript, Active::OpenAction]
        );
        assert!(!has(&clean, "app.alert") && !has(&clean, "JavaScript"));
        assert!(has(&clean, "GoTo"));
    }

    #[test]
    fn keeps_actions_that_only_go_to_a_place() {
        let link =
            dictionary! { "S" => "URI", "URI" => Object::string_literal("https://example.org/") };
        let font = dictionary! { "Type" => "Font", "BaseFont" => "Helvetica" };
        let resources = dictionary! { "Font" => dictionary! { "AA" => font.clone(), "EF" => font.clone(), "A" => font } };
        let file = pdf(
            dictionary! { "Resources" => resources },
            dictionary! { "Subtype" => "Link", "A" => link },
            dictionary! {},
        );
        let (same, removed) = remove(&file).unwrap();
        assert!(removed.is_empty());
        assert_eq!(same, file);
    }

    #[test]
    fn removes_files_forms_and_programs() {
        let mut document = Document::load_mem(&pdf(
            dictionary! {},
            dictionary! { "Subtype" => "Link", "A" => dictionary! { "S" => "Launch", "F" => Object::string_literal("calc.exe") } },
            dictionary! { "AcroForm" => dictionary! { "XFA" => Object::string_literal("<xdp/>"), "Fields" => Vec::<Object>::new() } },
        ))
        .unwrap();
        let file = document.add_object(Stream::new(
            dictionary! { "Type" => "EmbeddedFile" },
            b"payload".to_vec(),
        ));
        let catalog = document.catalog_mut().unwrap();
        let files = dictionary! { "Names" => vec![
            Object::string_literal("a"),
            dictionary! { "Type" => "Filespec", "EF" => dictionary! { "F" => file } }.into(),
        ] };
        catalog.set("Names", dictionary! { "EmbeddedFiles" => files });
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        let (clean, removed) = remove(&bytes).unwrap();
        for kind in [Active::Launch, Active::Attachments, Active::Xfa] {
            assert!(removed.contains(&kind), "{kind:?}");
        }
        for gone in ["payload", "calc.exe", "xdp", "EmbeddedFile"] {
            assert!(!has(&clean, gone), "{gone}");
        }
    }

    #[test]
    fn removes_links_that_run_scripts() {
        for (uri, goes) in [
            ("javascript:alert(1)", true),
            (" JavaScript:alert(1)", true),
            ("file:///etc/passwd", true),
            ("https://example.org/javascript:", false),
            ("mailto:a@example.org", false),
        ] {
            let link = dictionary! { "S" => "URI", "URI" => Object::string_literal(uri) };
            let file = pdf(
                dictionary! {},
                dictionary! { "Subtype" => "Link", "A" => link },
                dictionary! {},
            );
            assert_eq!(!remove(&file).unwrap().1.is_empty(), goes, "{uri}");
        }
    }
}
