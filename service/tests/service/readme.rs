//! The README's example: the document in its picture, and the answer that it shows.

use serde_json::{Value, json};

use crate::support::Server;

const README: &str = include_str!("../../../README.md");
const INVOICE: &[u8] = include_bytes!("../../../docs/pictures/invoice.jpg");

#[test]
fn the_service_answers_what_the_readme_shows() {
    let shown = README.split("```").find_map(|it| it.strip_prefix("json\n"));
    let shown: Vec<Value> = shown
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let server = Server::start(&["--workers", "1"]);
    let answer = serde_json::to_value(server.answer("", INVOICE)).unwrap();
    // The fields that the README's jq chooses.
    let mut chosen = vec![json!({"complete": answer["complete"], "issues": answer["issues"]})];
    for code in answer["codes"].as_array().unwrap() {
        let [kind, value, agreement] = ["type", "value", "agreement"].map(|field| &code[field]);
        chosen.push(json!({"type": kind, "value": value, "agreement": agreement}));
    }
    assert_eq!(shown, chosen);
}
