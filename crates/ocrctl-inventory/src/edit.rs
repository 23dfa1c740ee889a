//! Changing fields in the text of an inventory, at their places: comments, order and style stay as they are.
//!
//! The parser says where keys and values begin; where they end is read off the text, for the styles that a field
//! can have. What this cannot see through (anchors, merges, block scalars) comes out wrong rather than unchanged:
//! the caller reads the result again and compares ([`super::relocate`]).

use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    List(Vec<String>),
    Fields(Vec<(&'static str, Value)>),
}

/// Makes the field at `path` this value, in the text of an inventory; fields of the field are changed one by one.
/// `None` removes it. A new one goes behind `after`, or to the end.
///
/// The result is `None` where there is no such place.
pub(super) fn set(
    text: &str,
    path: &[&str],
    value: Option<&Value>,
    after: Option<&str>,
) -> Option<String> {
    let (key, parents) = path.split_last()?;
    let root = serde_saphyr::from_str::<Spanned<Node>>(text).ok()?;
    let parent = parents
        .iter()
        .try_fold(&root, |node, key| Some(&node.value.entry(key)?.value))?;
    let map = Map::new(text, parent)?;
    let Some(entry) = parent.value.entry(key) else {
        return match value {
            Some(value) => map.insert(key, value, after),
            None => Some(text.to_owned()),
        };
    };
    let Some(value) = value else {
        return map.remove(entry);
    };
    let mut out = text.to_owned();
    match (&entry.value.value, value) {
        (Node::Map(old), Value::Fields(new)) => {
            let path_to = |field| [path, &[field]].concat();
            for (name, value) in new {
                out = set(&out, &path_to(name), Some(value), None)?;
            }
            for field in old {
                let name = field.key.value.as_str();
                if !new.iter().any(|(key, _)| *key == name) {
                    out = set(&out, &path_to(name), None, None)?;
                }
            }
        }
        _ => {
            let place = map.value(entry)?;
            let flow = value.flow();
            // A value on lines of its own becomes one beside its key.
            let beside = if place.own_lines { " " } else { "" };
            out.replace_range(place.range, &format!("{beside}{flow}"));
        }
    }
    Some(out)
}

impl Value {
    /// On one line, such as `{username: ocr, password: {env: PASSWORD}}`.
    pub(super) fn flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::List(words) => {
                let words: Vec<String> = words.iter().map(|word| scalar(word)).collect();
                format!("[{}]", words.join(", "))
            }
            Self::Fields(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", value.flow()))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }
}

/// Plain where that can't be misread, in flow and in block; else in double quotes, of which JSON's are some.
fn scalar(text: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_./@+=-~:".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_./".contains(c))
        && text.chars().all(inner)
        && !text.ends_with(':');
    match text.strip_prefix("~/") {
        _ if plain => text.to_owned(),
        Some(rest) if rest.chars().all(inner) && !text.ends_with(':') => text.to_owned(),
        _ => serde_json::Value::from(text).to_string(),
    }
}

/// The shape of a document, with the places of keys and values.
#[derive(Debug)]
enum Node {
    Map(Vec<Entry>),
    List,
    Scalar,
}

#[derive(Debug)]
struct Entry {
    key: Spanned<String>,
    value: Spanned<Node>,
}

impl Node {
    fn entry(&self, key: &str) -> Option<&Entry> {
        match self {
            Self::Map(entries) => entries.iter().find(|entry| entry.key.value == key),
            Self::List | Self::Scalar => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry()? {
                    entries.push(Entry { key, value });
                }
                Ok(Node::Map(entries))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Node::List)
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_i128<E: Error>(self, _: i128) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_u128<E: Error>(self, _: u128) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_unit<E: Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
            fn visit_none<E: Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A mapping at its place in the text.
struct Map<'a> {
    text: &'a str,
    entries: &'a [Entry],
    /// `{a: b}`, else one entry a line.
    flow: bool,
}

/// The place of a value in the text. With `own_lines`, from behind its key's colon to the end of its last line.
struct Place {
    range: Range<usize>,
    own_lines: bool,
}

impl<'a> Map<'a> {
    fn new(text: &'a str, node: &'a Spanned<Node>) -> Option<Self> {
        let Node::Map(entries) = &node.value else {
            return None;
        };
        let flow = text[byte(node.referenced)?..].starts_with('{');
        Some(Self {
            text,
            entries,
            flow,
        })
    }

    fn value(&self, entry: &Entry) -> Option<Place> {
        let (key, start) = (entry.key.referenced, byte(entry.value.referenced)?);
        if self.flow || entry.value.referenced.line() == key.line() {
            return Some(Place {
                range: start..inline_end(self.text, start),
                own_lines: false,
            });
        }
        let from = byte(key)?;
        let colon = from + self.text[from..].find(':')? + 1;
        let indent = usize::try_from(key.column()).ok()? - 1;
        Some(Place {
            range: colon..self.block_end(start, indent, matches!(entry.value.value, Node::List)),
            own_lines: true,
        })
    }

    /// The end of the last line that is indented more than `indent`; the entries of a list may stand as far out as
    /// its key.
    fn block_end(&self, start: usize, indent: usize, list: bool) -> usize {
        let mut end = line_end(self.text, start);
        let mut at = next_line(self.text, end);
        while at < self.text.len() {
            let line = &self.text[at..line_end(self.text, at)];
            let content = line.trim_start();
            let by = line.len() - content.len();
            let inside = by > indent || (list && by == indent && content.starts_with("- "));
            if !content.is_empty() && !content.starts_with('#') {
                if !inside {
                    break;
                }
                end = at + line.len();
            }
            at = next_line(self.text, at + line.len());
        }
        end
    }

    fn remove(&self, entry: &Entry) -> Option<String> {
        let (start, end) = (byte(entry.key.referenced)?, self.value(entry)?.range.end);
        let mut out = self.text.to_owned();
        if self.flow {
            let rest = &self.text[end..];
            let range = if let Some(behind) = rest.trim_start().strip_prefix(',') {
                start..self.text.len() - behind.trim_start_matches(' ').len()
            } else {
                let before = self.text[..start].trim_end();
                before.strip_suffix(',').unwrap_or(before).len()..end
            };
            out.replace_range(range, "");
        } else {
            // With what is said about it at the line's end.
            let from = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
            out.replace_range(
                from..next_line(self.text, line_end(self.text, end.max(start))),
                "",
            );
        }
        Some(out)
    }

    fn insert(&self, key: &str, value: &Value, after: Option<&str>) -> Option<String> {
        let before = self
            .entries
            .iter()
            .find(|entry| Some(entry.key.value.as_str()) == after)
            .or(self.entries.last())?;
        let end = self.value(before)?.range.end;
        let mut out = self.text.to_owned();
        if self.flow {
            out.insert_str(end, &format!(", {key}: {}", value.flow()));
            return Some(out);
        }
        let column = usize::try_from(before.key.referenced.column()).ok()?;
        let indent = " ".repeat(column - 1);
        let newline = if self.text.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let mut lines = Vec::new();
        match value {
            Value::Fields(fields) => {
                lines.push(format!("{indent}{key}:"));
                lines.extend(
                    fields
                        .iter()
                        .map(|(key, value)| format!("{indent}  {key}: {}", value.flow())),
                );
            }
            other => lines.push(format!("{indent}{key}: {}", other.flow())),
        }
        out.insert_str(
            line_end(self.text, end),
            &format!("{newline}{}", lines.join(newline)),
        );
        Some(out)
    }
}

fn byte(at: Location) -> Option<usize> {
    at.span()
        .byte_offset()
        .and_then(|offset| usize::try_from(offset).ok())
}

/// Where the line that `at` is in ends: at its line break.
fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    if text[at..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n + 1)
}

/// Where a value that begins at `start` and stands beside its key ends.
fn inline_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let length = match rest.chars().next() {
        Some('{' | '[') => brackets(rest),
        Some(quote @ ('"' | '\'')) => quoted(rest, quote),
        _ => plain(text, start),
    };
    start + length
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if quote == '"' => escaped = !escaped,
            // In single quotes a quote is written twice: the second begins what is taken for another text.
            c if c == quote && !escaped => {
                let end = at + c.len_utf8();
                if quote == '\'' && text[end..].starts_with('\'') {
                    return end + quoted(&text[end..], quote);
                }
                return end;
            }
            _ => escaped = false,
        }
    }
    text.len()
}

fn brackets(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    let mut before = ' ';
    while let Some(c) = text[at..].chars().next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            '"' | '\'' if " ,:[{\n".contains(before) => {
                at += quoted(&text[at..], c);
                before = c;
                continue;
            }
            '#' if before.is_whitespace() => {
                at = line_end(text, at);
                before = '\n';
                continue;
            }
            _ => {}
        }
        before = c;
        at += c.len_utf8();
    }
    text.len()
}

/// A plain scalar on one line ends before ` #`, and in a flow mapping before `,`, `}` and `]` too. No field that is
/// changed here can hold these.
fn plain(text: &str, start: usize) -> usize {
    let line = &text[start..line_end(text, start)];
    let comment = line.find(" #").unwrap_or(line.len());
    let flow = line.find([',', '}', ']']).unwrap_or(line.len());
    line[..comment.min(flow)].trim_end().len()
}
