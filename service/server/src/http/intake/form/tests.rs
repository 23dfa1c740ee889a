use ocr_api::problem::ProblemKind;

use super::*;

const CONTENT_TYPE: &[u8] = b"Multipart/Form-Data; charset=utf-8; boundary=\"edge\"";
const FILE_HEAD: &str = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
                         Content-Type: application/pdf\r\n\r\n";

fn part(name: &str, value: &str) -> String {
    format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(data: &str) -> String {
    format!("{FILE_HEAD}{data}\r\n")
}

/// Parses a form of these parts. Returns the file's data and the rest.
fn receive(parts: &[String]) -> Result<(Vec<u8>, FilePart, Parameters), Rejection> {
    let form = format!("{}--edge--\r\n", parts.concat());
    let mut of_pieces = Vec::new();
    for size in [1, 1000, usize::MAX] {
        let mut reader = Form::of(CONTENT_TYPE)?.unwrap();
        let mut data = Vec::new();
        for piece in form.as_bytes().chunks(size) {
            reader.push(piece, &mut |bytes| {
                data.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        let (file, parameters) = reader.finish()?;
        of_pieces.push((data, file, parameters));
    }
    let last = of_pieces.pop().unwrap();
    for other in of_pieces {
        assert_eq!((other.0, other.2), (last.0.clone(), last.2.clone()));
    }
    Ok(last)
}

#[track_caller]
fn refused(parts: &[String], detail: &str) {
    let refused = receive(parts).unwrap_err();
    assert_eq!(refused.kind(), ProblemKind::Malformed);
    assert!(refused.detail().contains(detail), "{}", refused.detail());
}

#[test]
fn accepts_parameters_before_and_behind_the_file() {
    let parts = [part("lang", "deu+eng"), file("%PDF"), part("pages", "1")];
    let (data, head, parameters) = receive(&parts).unwrap();
    assert_eq!(data, b"%PDF");
    assert_eq!(head.name.as_deref(), Some("a.pdf"));
    assert_eq!(head.content_type.as_deref(), Some("application/pdf"));
    let values: Vec<(Parameter, &str)> = parameters.iter().collect();
    let wanted = [(Parameter::Lang, "deu+eng"), (Parameter::Pages, "1")];
    assert_eq!(values, wanted);
}

#[test]
fn rejects_unknown_and_repeated_parts() {
    let detail = "a part `page`, which is not a parameter. The parameters are `lang`";
    refused(&[file("x"), part("page", "1")], detail);
    refused(
        &[file("x"), part("lang", "deu"), part("lang", "deu")],
        "`lang` is given twice",
    );
    refused(&[file("x"), file("y")], "several parts named `file`");
    let none = receive(&[part("lang", "deu")]).unwrap_err();
    assert_eq!(none.kind(), ProblemKind::EmptyBody);
}

#[test]
fn bounds_the_bytes_besides_the_file() {
    let large = "x".repeat(OVERHEAD as usize);
    assert_eq!(receive(&[file(&large)]).unwrap().0.len(), large.len());
    refused(&[file("x"), part("codes", &large)], "besides its file");
    refused(&[format!("{large}\r\n"), file("x")], "not in the first");
    let preamble = format!("{}\r\n", "x".repeat(60_000));
    assert!(receive(&[preamble, file("x")]).is_ok());
    let endless = format!("--edge--\r\n{large}");
    refused(&[file("x"), endless], "besides its file");
    let head = format!("--edge\r\nX: {}\r\n\r\n", "x".repeat(reader::MAX_HEAD));
    refused(&[head, file("x")], "longer than 16384 bytes");
}

#[test]
fn rejects_missing_and_overlong_boundaries() {
    let is_form = |value: &str| Form::of(value.as_bytes()).map(|form| form.is_some()).ok();
    assert_eq!(is_form("application/pdf; boundary=x"), Some(false));
    assert_eq!(is_form("multipart/form-data; boundary=x"), Some(true));
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for wrong in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"x",
        "multipart/form-data; boundary=x; boundary=y",
        &long,
    ] {
        assert_eq!(is_form(wrong), None, "{wrong}");
    }
}
