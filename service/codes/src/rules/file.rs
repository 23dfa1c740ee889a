//! The file of rules: YAML that is read and checked as a whole. Each rule is checked against its own examples.

use std::fmt;

use ocr_api::answer::{Method, Page, PageStatus, Word};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::super::kind::CodeType;
use super::find::compile;
use super::{Rule, RuleFinder, Scheme};

/// Largest file in bytes. A larger one is rejected without reading it.
pub const MAX_BYTES: u64 = 64 << 10;
const MOST_RULES: usize = 200;
const LONGEST_NAME: usize = 40;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    version: Spanned<u32>,
    #[serde(default)]
    rules: Vec<RuleSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSource {
    name: Spanned<String>,
    pattern: Spanned<String>,
    #[serde(default)]
    labels: Vec<Spanned<String>>,
    #[serde(default)]
    needs_label: Option<Spanned<bool>>,
    #[serde(default)]
    check: Option<Scheme>,
    #[serde(default)]
    upper: bool,
    #[serde(default)]
    strip: String,
    /// Lines of text in which the rule must find a code.
    matches: Vec<Spanned<String>>,
    /// Lines in which it must find none.
    #[serde(default)]
    must_not_match: Vec<Spanned<String>>,
}

/// A mistake in a file, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, from 1. `None` if the place is unknown.
    pub at: Option<(u64, u64)>,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// A valid file of rules.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RuleFile {
    pub rules: Vec<Rule>,
    /// Result of each example: its rule, its text, and the values found in it.
    pub examples: Vec<(String, String, Vec<String>)>,
}

impl RuleFile {
    /// Parses and checks a file.
    ///
    /// # Errors
    /// Returns all mistakes. None of the file's rules may be used.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let whole = |what: String| vec![Problem { at: None, what }];
        if bytes.len() as u64 > MAX_BYTES {
            return Err(whole(format!("larger than {MAX_BYTES} bytes")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| whole("not UTF-8".to_owned()))?;
        let source: Source = serde_saphyr::from_str(text).map_err(|error| {
            let at = error.location().map(place);
            let what = error.without_snippet().to_string();
            vec![Problem { at, what }]
        })?;
        let mut lint = Lint::default();
        if source.version.value != 1 {
            lint.report(source.version.referenced, "the only version is 1");
        }
        if source.rules.len() > MOST_RULES {
            lint.problems
                .extend(whole(format!("more than {MOST_RULES} rules")));
        } else {
            source.rules.into_iter().for_each(|rule| lint.take(rule));
        }
        if lint.problems.is_empty() {
            Ok(lint.file)
        } else {
            Err(lint.problems)
        }
    }
}

fn place(location: Location) -> (u64, u64) {
    (location.line(), location.column())
}

#[derive(Debug, Default)]
struct Lint {
    file: RuleFile,
    problems: Vec<Problem>,
}

impl Lint {
    fn report(&mut self, at: Location, what: impl Into<String>) {
        self.problems.push(Problem {
            at: Some(place(at)),
            what: what.into(),
        });
    }

    fn take(&mut self, source: RuleSource) {
        let before = self.problems.len();
        self.name(&source.name);
        self.pattern(&source.pattern);
        let labels: Vec<String> = source.labels.iter().map(|one| words(&one.value)).collect();
        for (label, one) in labels.iter().zip(&source.labels) {
            if label.is_empty() {
                self.report(one.referenced, "the label has no letter or digit");
            }
        }
        let needs_label = source.needs_label.as_ref().is_some_and(|needs| needs.value);
        if let Some(needs) = source
            .needs_label
            .filter(|_| needs_label && labels.is_empty())
        {
            self.report(
                needs.referenced,
                "`labels` is empty, but the rule needs a label",
            );
        }
        if source.matches.is_empty() {
            self.report(
                source.name.referenced,
                "`matches` needs at least one example, to show what the rule is for",
            );
        }
        if self.problems.len() > before {
            return;
        }
        let rule = Rule {
            name: source.name.value,
            pattern: source.pattern.value,
            labels,
            needs_label,
            check: source.check,
            upper: source.upper,
            strip: source.strip,
        };
        self.examples(&rule, &source.matches, true);
        self.examples(&rule, &source.must_not_match, false);
        self.file.rules.push(rule);
    }

    fn name(&mut self, name: &Spanned<String>) {
        let text = name.value.as_str();
        let good = text.len() <= LONGEST_NAME
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !good {
            let what = format!(
                "`{text}` is not a valid name: use lower-case letters, digits and `_`, starting with a letter, {LONGEST_NAME} at most"
            );
            self.report(name.referenced, what);
        } else if text == "none" || CodeType::ALL.iter().any(|kind| kind.name() == text) {
            self.report(
                name.referenced,
                format!("`{text}` is a reserved name; use another one"),
            );
        } else if self.file.rules.iter().any(|rule| rule.name == text) {
            self.report(name.referenced, format!("`{text}` is defined twice"));
        }
    }

    fn pattern(&mut self, pattern: &Spanned<String>) {
        match compile(&pattern.value) {
            Ok(compiled) if compiled.is_match("") => {
                self.report(
                    pattern.referenced,
                    "the pattern also matches the empty text",
                );
            }
            Ok(_) => {}
            Err(error) => {
                // The first lines of the error draw the pattern; the last one states the mistake.
                let error = error.to_string();
                let what = error.lines().last().unwrap_or_default();
                let what = what.trim_start_matches("error: ");
                self.report(
                    pattern.referenced,
                    format!("the pattern is not usable: {what}"),
                );
            }
        }
    }

    fn examples(&mut self, rule: &Rule, examples: &[Spanned<String>], must_match: bool) {
        let mut finder = RuleFinder::default();
        finder.prepare(std::slice::from_ref(rule));
        for example in examples {
            let found = found_in(&finder, &example.value);
            // A code that fails its check is reported as such, so it can't be an example of a valid one.
            let good = found.iter().any(|(_, ok)| *ok);
            if must_match != good {
                let what = if must_match && found.is_empty() {
                    format!("`{}` finds no code in this example", rule.name)
                } else if must_match {
                    format!(
                        "the code that `{}` finds in this example fails its check",
                        rule.name
                    )
                } else {
                    format!(
                        "`{}` must not find a code in this example, but does",
                        rule.name
                    )
                };
                self.report(example.referenced, what);
            }
            let values = found
                .into_iter()
                .map(|(value, ok)| {
                    if ok {
                        value
                    } else {
                        format!("{value} (fails its check)")
                    }
                })
                .collect();
            self.file
                .examples
                .push((rule.name.clone(), example.value.clone(), values));
        }
    }
}

/// Words in lower case without signs, in the form in which a page's words are compared.
fn words(label: &str) -> String {
    let lower = label.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// Values in an example and whether they pass, found as on a page with the example's lines.
fn found_in(finder: &RuleFinder, example: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    for (row, line) in (0i32..).zip(example.lines()) {
        let mut left = 0;
        for text in line.split_whitespace() {
            let width = 10 * i32::try_from(text.chars().count()).unwrap_or(1000);
            words.push(Word {
                text: text.to_owned(),
                confidence: 100.0,
                bounds: [left, row * 40, left + width, row * 40 + 20],
                hidden: false,
            });
            left += width + 10;
        }
    }
    let page = Page {
        page: 1,
        status: PageStatus::Ok,
        method: Some(Method::Text),
        engine: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: example.to_owned(),
        words,
        ms: 0,
    };
    let flow = super::super::flow::Flow::of(&page);
    finder
        .on_page(&flow)
        .into_iter()
        .map(|code| (code.value, code.check.is_none_or(|check| check.ok)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../../rules.example.yaml");

    fn problems(yaml: &str) -> Vec<String> {
        let problems = RuleFile::parse(yaml.as_bytes()).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_shipped_example_is_valid() {
        let file = RuleFile::parse(GOOD.as_bytes()).unwrap();
        assert!(!file.rules.is_empty() && file.examples.len() > file.rules.len());
        assert_eq!(RuleFile::parse(b"version: 1\n").unwrap().rules, []);
    }

    #[test]
    fn reports_every_mistake_with_its_place() {
        let yaml = "version: 1\nrules:\n  - name: iban\n    pattern: 'a('\n    matches: [x]\n  - name: member\n    \
                    pattern: 'M\\d{4}'\n    check: luhn\n    matches: [M1234, none here]\n    must_not_match: ['M1234']\n";
        assert_eq!(
            problems(yaml),
            [
                "line 3, column 11: `iban` is a reserved name; use another one",
                "line 4, column 14: the pattern is not usable: unclosed group",
                "line 9, column 22: `member` finds no code in this example",
                "line 10, column 22: `member` must not find a code in this example, but does",
            ]
        );
        let unknown = problems("version: 1\nrules:\n  - nam: x\n");
        assert!(unknown[0].starts_with("line 3, column 5: "), "{unknown:?}");
        assert!(unknown[0].contains("nam"), "{unknown:?}");
        assert_eq!(
            problems("version: 2\n"),
            ["line 1, column 10: the only version is 1"]
        );
    }

    #[test]
    fn rejects_files_crafted_to_be_slow_or_large() {
        let rule = |pattern: &str| {
            format!("version: 1\nrules:\n  - name: x\n    pattern: '{pattern}'\n    matches: [x]\n")
        };
        for pattern in ["(x{1000}){1000}", "((((x*)*)*)*)*", &"(".repeat(60), "x|"] {
            assert_eq!(problems(&rule(pattern)).len(), 1, "{pattern}");
        }
        assert!(problems(&"#".repeat(70_000))[0].contains("larger"));
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
        assert_eq!(problems(bomb).len(), 1);
    }
}
