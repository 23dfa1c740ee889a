//! Code blocks of a Markdown text: docs/tutorial.md is run by them.

/// Returns each fenced block: the text after the three backticks, and its lines.
pub fn blocks(markdown: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut current: Option<(&str, String)> = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), &mut current) {
            (Some(kind), None) => current = Some((kind.trim(), String::new())),
            (Some(_), Some(_)) => found.extend(current.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}
