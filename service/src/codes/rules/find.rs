//! Codes of rules on a page, and in a barcode.

use ocr_api::code::Check;
use regex::{Regex, RegexBuilder};

use super::super::flow::Flow;
use super::super::label::Labels;
use super::Rule;

/// Bytes that a compiled pattern, and the cache that it is run with, may have.
const MOST_BYTES: usize = 256 << 10;
/// Codes of one rule on one page: a page is not trusted to have few.
const MOST_CODES: usize = 1000;

/// Rules ready to be run. A worker keeps it for as long as the same rules are wanted.
#[derive(Debug, Default)]
pub struct RuleFinder {
    rules: Vec<Rule>,
    patterns: Vec<Regex>,
}

/// A code of a rule: characters of the flow from `start` up to `end`.
#[derive(Debug)]
pub(in crate::codes) struct RuleCode<'a> {
    pub(in crate::codes) rule: &'a str,
    pub(in crate::codes) value: String,
    pub(in crate::codes) check: Option<Check>,
    pub(in crate::codes) start: usize,
    pub(in crate::codes) end: usize,
}

/// Why a pattern can't be used.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(MOST_BYTES)
        .dfa_size_limit(MOST_BYTES)
        .nest_limit(50)
        .build()
}

impl RuleFinder {
    /// Makes these the rules that are looked for; it costs nothing where they are already. One that can't be compiled
    /// finds nothing: the service has compiled it before.
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

    /// The codes in the words of a page, rule by rule.
    pub(in crate::codes) fn on_page(&self, flow: &Flow<'_>) -> Vec<RuleCode<'_>> {
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

    /// The codes that a barcode's whole content is. Nothing there is a label.
    pub(in crate::codes) fn in_content(
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

/// The value and its check; `None` if it is not to be reported. A failing check is, where a label stands by it.
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
