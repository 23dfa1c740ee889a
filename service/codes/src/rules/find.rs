//! Search for the codes of rules on a page and in a barcode.

use ocr_api::code::Check;
use regex::{Regex, RegexBuilder};

use super::super::flow::Flow;
use super::super::label::Labels;
use super::Rule;

/// Most bytes of a compiled pattern, and of the cache that it runs with.
const MOST_BYTES: usize = 256 << 10;
/// Most codes per rule and page. A page is not trusted to have few.
const MOST_CODES: usize = 1000;

/// Compiled rules. A worker keeps them as long as the same rules are wanted.
#[derive(Debug, Default)]
pub struct RuleFinder {
    rules: Vec<Rule>,
    patterns: Vec<Regex>,
}

/// A code of a rule: characters of the flow from `start` up to `end`.
#[derive(Debug)]
pub(crate) struct RuleCode<'a> {
    pub(crate) rule: &'a str,
    pub(crate) value: String,
    pub(crate) check: Option<Check>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Compiles a pattern within the size limits.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(MOST_BYTES)
        .dfa_size_limit(MOST_BYTES)
        .nest_limit(50)
        .build()
}

impl RuleFinder {
    /// Compiles the rules, unless they are the current ones already. A rule that can't be compiled finds nothing; the
    /// service has compiled it before, so that does not happen.
    pub fn prepare(&mut self, rules: &[Rule]) {
        if self.rules == rules {
            return;
        }
        let compiled = rules.iter().filter_map(|rule| {
            let pattern = compile(&rule.pattern).ok()?;
            Some((rule.clone(), pattern))
        });
        (self.rules, self.patterns) = compiled.unzip();
    }

    fn each(&self) -> impl Iterator<Item = (&Rule, &Regex)> {
        self.rules.iter().zip(&self.patterns)
    }

    /// Codes in the words of a page, rule by rule.
    pub(crate) fn on_page(&self, flow: &Flow<'_>) -> Vec<RuleCode<'_>> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let text = flow.text();
        let mut found = Vec::new();
        for (rule, pattern) in self.each() {
            let names: Vec<&str> = rule.labels.iter().map(String::as_str).collect();
            let labels = Labels::of(flow, &names);
            let matches = pattern.captures_iter(&text.text).take(MOST_CODES);
            for captures in matches {
                let Some(whole) = captures.get(0).filter(|whole| !whole.is_empty()) else {
                    continue;
                };
                let (start, end) = (text.char_at(whole.start()), text.char_at(whole.end()));
                if !flow.stands_alone(start, end) {
                    continue;
                }
                let labelled = flow
                    .token_at(start)
                    .is_some_and(|token| labels.reach(token));
                let read = captures.name("value").unwrap_or(whole);
                let Some((value, check)) = judge(rule, read.as_str(), labelled) else {
                    continue;
                };
                found.push(RuleCode {
                    rule: &rule.name,
                    value,
                    check,
                    start,
                    end,
                });
            }
        }
        found
    }

    /// Codes that match a barcode's whole content. Barcodes have no labels.
    pub(crate) fn in_content(
        &self,
        content: &str,
    ) -> impl Iterator<Item = (&str, String, Option<Check>)> {
        self.each().filter_map(move |(rule, pattern)| {
            let captures = pattern.captures(content)?;
            let whole = captures.get(0)?;
            let (value, check) = judge(
                rule,
                captures.name("value").unwrap_or(whole).as_str(),
                false,
            )?;
            let passes = check.as_ref().is_none_or(|check| check.ok);
            (whole.as_str() == content && passes).then_some((rule.name.as_str(), value, check))
        })
    }
}

/// The value and its check. `None` if it is not reported: a code that fails its check needs a label.
fn judge(rule: &Rule, text: &str, labelled: bool) -> Option<(String, Option<Check>)> {
    if rule.needs_label && !labelled {
        return None;
    }
    let mut value: String = text
        .chars()
        .filter(|c| !rule.strip.contains(*c))
        .map(|c| if c == '\n' { ' ' } else { c })
        .collect();
    if rule.upper {
        value = value.to_uppercase();
    }
    let check = rule.check.map(|scheme| Check {
        scheme: scheme.name().to_owned(),
        ok: scheme.passes(&value),
    });
    let reported = labelled || check.as_ref().is_none_or(|check| check.ok);
    (reported && !value.is_empty()).then_some((value, check))
}
