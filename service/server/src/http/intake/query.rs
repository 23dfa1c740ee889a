//! Values of the parameters, such as `?lang=eng+deu&pages=1-3,7&mode=auto&codes=iban,vin&strict=1`, or the same in a
//! form.

use ocr_api::issue::{Issue, IssueCode};
use ocr_api::problem::ProblemKind;
use ocr_codes::rules::Rule;
use ocr_codes::{CodeType, Selection};
use ocr_protocol::{EngineChoice, How, Mode, Password};

use super::parameters::{MAX_ATTACHMENT_NAME, MAX_PASSWORD, Parameter, Parameters, malformed};
use crate::http::outcome::error::Rejection;

/// Parsed parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) pages: Pages,
    pub(crate) how: How,
    pub(crate) strict: Strict,
    /// Name or number of the attachment to read instead of the document.
    pub(crate) attachment: Option<String>,
    /// Keeps active content of the document in a searchable PDF.
    pub(crate) keep_active: bool,
    pub(crate) password: Option<Password>,
}

/// Recognition that this service offers.
#[derive(Debug, Clone, Default)]
pub struct Offered {
    /// Languages that clients may request.
    pub languages: Vec<String>,
    /// Recognizer of requests that don't name one.
    pub engine: EngineChoice,
    pub has_pp_ocr: bool,
}

/// Conditions under which an answer becomes a problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Strict {
    #[default]
    No,
    /// A page was not read to its end.
    Complete,
    /// A page was not read to its end, or there is any doubt about the reading.
    WithoutDoubt,
}

/// Page ranges, ends included. An empty list means all pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pages(Vec<(u32, Option<u32>)>);

impl Wanted {
    /// Parses all parameters. `rules` are those in force.
    pub(crate) fn of(
        parameters: &Parameters,
        offered: &Offered,
        rules: &[Rule],
    ) -> Result<Self, Rejection> {
        let mut wanted = Self {
            pages: Pages::default(),
            how: How {
                engine: offered.engine,
                codes: Selection::all(rules),
                ..How::default()
            },
            strict: Strict::No,
            attachment: None,
            keep_active: false,
            password: None,
        };
        for (parameter, value) in parameters.iter() {
            match parameter {
                Parameter::Lang => wanted.how.languages = languages(value, &offered.languages)?,
                Parameter::Pages => wanted.pages = Pages::parse(value)?,
                Parameter::Mode => wanted.how.mode = mode(value)?,
                Parameter::Engine => {
                    wanted.how.engine = engine(value, offered.has_pp_ocr)?;
                }
                Parameter::Codes => wanted.how.codes = codes(value, rules)?,
                Parameter::Strict => wanted.strict = strict(value)?,
                Parameter::Attachment => wanted.attachment = Some(attachment(value)?),
                Parameter::Active => wanted.keep_active = keep_active(value)?,
                Parameter::Password => wanted.password = Some(password(value)?),
            }
        }
        Ok(wanted)
    }
}

fn mode(value: &str) -> Result<Mode, Rejection> {
    match value {
        "auto" => Ok(Mode::Auto),
        "text" => Ok(Mode::Text),
        "ocr" => Ok(Mode::Ocr),
        _ => Err(malformed(
            "`mode` must be `auto`, `text` (a PDF's text layer) or `ocr`.",
        )),
    }
}

fn engine(value: &str, has_pp_ocr: bool) -> Result<EngineChoice, Rejection> {
    match EngineChoice::named(value) {
        Some(EngineChoice::PpOcr) if !has_pp_ocr => Err(malformed(
            "PP-OCR is not installed here; leave `engine` out, or ask the operator for its models.",
        )),
        Some(choice) => Ok(choice),
        None => Err(malformed(
            "`engine` must be `auto`, `ppocr` or `tesseract`.",
        )),
    }
}

fn strict(value: &str) -> Result<Strict, Rejection> {
    match value {
        "2" => Ok(Strict::WithoutDoubt),
        "1" | "true" => Ok(Strict::Complete),
        "0" | "false" => Ok(Strict::No),
        _ => Err(malformed(
            "`strict` must be `0`, `1` (an incomplete answer is an error) or `2` (an answer with doubts about the reading is an error as well).",
        )),
    }
}

fn keep_active(value: &str) -> Result<bool, Rejection> {
    match value {
        "keep" => Ok(true),
        "remove" => Ok(false),
        _ => Err(malformed(
            "`active` must be `remove` (a searchable PDF has no scripts, programs or attachments of the document) or `keep`.",
        )),
    }
}

fn attachment(value: &str) -> Result<String, Rejection> {
    if value.is_empty() || value.chars().count() > MAX_ATTACHMENT_NAME {
        return Err(malformed(
            "`attachment` must be the name of a file that is embedded in the PDF, or its number, counted from 1.",
        ));
    }
    Ok(value.to_owned())
}

fn password(value: &str) -> Result<Password, Rejection> {
    if value.is_empty() || value.chars().count() > MAX_PASSWORD {
        return Err(malformed(format!(
            "A password has 1 to {MAX_PASSWORD} characters; leave it out for a document that needs none."
        )));
    }
    Ok(Password::new(value))
}

fn codes(value: &str, rules: &[Rule]) -> Result<Selection, Rejection> {
    Selection::parse(value, rules).map_err(|unknown| {
        let built_in = CodeType::ALL.iter().map(|kind| kind.name());
        let rules = rules.iter().map(|rule| rule.name.as_str());
        let names: Vec<&str> = built_in.chain(rules).collect();
        malformed(format!(
            "`codes` must be `none` or a list of types, and {unknown}. The types are: {}.",
            names.join(", ")
        ))
    })
}

/// Clients and proxies may turn a plus sign in a query into a space.
fn languages(value: &str, installed: &[String]) -> Result<String, Rejection> {
    let names: Vec<&str> = value.split(['+', ' ', ',']).collect();
    let unknown = names
        .iter()
        .find(|name| !installed.iter().any(|known| known == *name));
    if unknown.is_some() || names.len() > installed.len() {
        return Err(malformed(format!(
            "`lang` must be languages joined by `+`. Available: {}.",
            installed.join(", ")
        )));
    }
    Ok(names.join("+"))
}

impl Pages {
    fn parse(value: &str) -> Result<Self, Rejection> {
        value
            .split(',')
            .map(|range| parse_range(range.trim()))
            .collect::<Option<Vec<_>>>()
            .filter(|ranges| ranges.len() <= 1000)
            .map(Self)
            .ok_or_else(|| {
                malformed(
                    "`pages` must be a list such as `1-3,7` or `5-`; pages are counted from 1.",
                )
            })
    }

    /// The same ranges, sorted, and merged where they overlap or touch. A request may have a thousand ranges that each
    /// mean all pages.
    fn merged(&self) -> Vec<(u32, Option<u32>)> {
        let mut ranges = self.0.clone();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, Option<u32>)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                // This range goes to the document's end, so none is behind it.
                Some((_, None)) => {}
                Some((_, Some(end))) if first <= end.saturating_add(1) => match last {
                    Some(last) => *end = last.max(*end),
                    None => merged
                        .last_mut()
                        .into_iter()
                        .for_each(|range| range.1 = None),
                },
                _ => merged.push((first, last)),
            }
        }
        merged
    }

    /// Writes the ranges in one form, however the client wrote them.
    pub(crate) fn normalized(&self) -> String {
        let text = |(first, last): (u32, Option<u32>)| match last {
            Some(last) => format!("{first}-{last}"),
            None => format!("{first}-"),
        };
        let ranges: Vec<String> = self.merged().into_iter().map(text).collect();
        ranges.join(",")
    }

    /// Numbers of the pages that a document of `count` pages has, each once and in order. Rejects more than `most`, and
    /// none.
    pub(crate) fn of(&self, count: u32, most: u32) -> Result<Vec<u32>, Rejection> {
        let ranges = self.ranges(count)?;
        let asked: u64 = ranges
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1)
            .sum();
        if asked > u64::from(most) {
            return Err(Rejection::new(
                ProblemKind::TooManyPages,
                format!(
                    "The request asks for {asked} of the document's {count} pages, and at most {most} are answered at a time \
                     (`--max-pages`); ask for fewer by `pages`, such as `pages=1-{most}`."
                ),
            ));
        }
        Ok(ranges
            .into_iter()
            .flat_map(|(first, last)| first..=last)
            .collect())
    }

    /// The first of the pages that a document of `count` pages has.
    pub(crate) fn first_of(&self, count: u32) -> Result<u32, Rejection> {
        Ok(self.ranges(count)?.first().map_or(1, |(first, _)| *first))
    }

    /// An issue, if the ranges name pages that a document of `count` pages lacks.
    pub(crate) fn beyond(&self, count: u32) -> Option<Issue> {
        let detail = asks_beyond(self.last()?, count)?;
        Some(Issue::new(IssueCode::PagesBeyondEnd, detail))
    }

    /// The highest page that the ranges name. The end of an open range is its first page.
    fn last(&self) -> Option<u32> {
        let ends = self.0.iter().map(|(first, last)| last.unwrap_or(*first));
        ends.max()
    }

    /// Sorted ranges, ends included, that do not overlap, cut at the document's end.
    fn ranges(&self, count: u32) -> Result<Vec<(u32, u32)>, Rejection> {
        let Some(last) = self.last() else {
            return Ok(vec![(1, count.max(1))]);
        };
        let cut = |(first, last): (u32, Option<u32>)| {
            (first <= count).then(|| (first, last.unwrap_or(count).min(count)))
        };
        let ranges: Vec<(u32, u32)> = self.merged().into_iter().filter_map(cut).collect();
        match asks_beyond(last, count) {
            Some(detail) if ranges.is_empty() => Err(malformed(detail)),
            _ => Ok(ranges),
        }
    }
}

fn asks_beyond(last: u32, count: u32) -> Option<String> {
    (last > count).then(|| format!("`pages` asks for page {last}; the document has {count}."))
}

fn parse_range(range: &str) -> Option<(u32, Option<u32>)> {
    let number = |text: &str| {
        let text = text.trim();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let page = text.parse::<u32>().ok().filter(|_| digits);
        page.filter(|page| *page > 0)
    };
    match range.split_once('-') {
        None => number(range).map(|page| (page, Some(page))),
        Some((first, "")) => number(first).map(|first| (first, None)),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((first, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Option<Wanted> {
        let parameters = Parameters::of_query(query).ok()?;
        let offered = Offered {
            languages: vec!["eng".into(), "deu".into()],
            ..Offered::default()
        };
        Wanted::of(&parameters, &offered, &[]).ok()
    }

    fn pages(query: &str, count: u32) -> Option<Vec<u32>> {
        parse(query)?.pages.of(count, 10_000).ok()
    }

    #[test]
    fn defaults_to_all_pages_in_no_certain_language() {
        let wanted = parse("").unwrap();
        assert_eq!(wanted.how.languages, "");
        assert_eq!(wanted.how.mode, Mode::Auto);
        assert_eq!(wanted.pages.of(3, 3).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn sorts_ranges_and_counts_overlaps_once() {
        assert_eq!(pages("pages=7,1-3,2", 9).unwrap(), [1, 2, 3, 7]);
        assert_eq!(pages("pages=2-", 4).unwrap(), [2, 3, 4]);
        assert_eq!(pages("pages=1%2C3", 4).unwrap(), [1, 3]);
        for wrong in [
            "0",
            "",
            "+1",
            "3-1",
            "a",
            "1-2-3",
            "-3",
            "1,,2",
            "99999999999",
        ] {
            assert!(parse(&format!("pages={wrong}")).is_none(), "{wrong}");
        }
        assert_eq!(pages("pages=5", 4), None);
        assert_eq!(pages("pages=5-,7", 4), None);
    }

    #[test]
    fn leaves_out_pages_beyond_the_end_and_reports_them() {
        let beyond = |query: &str| {
            let issue = parse(query).unwrap().pages.beyond(4)?;
            assert_eq!(issue.code, IssueCode::PagesBeyondEnd);
            Some(issue.detail)
        };
        for (query, last) in [
            ("pages=1-8", "8"),
            ("pages=1-,9", "9"),
            ("pages=1-4294967295", "4294967295"),
        ] {
            assert_eq!(pages(query, 4).unwrap(), [1, 2, 3, 4], "{query}");
            let detail = format!("`pages` asks for page {last}; the document has 4.");
            assert_eq!(beyond(query), Some(detail), "{query}");
        }
        assert_eq!(pages("pages=2,6-", 4).unwrap(), [2]);
        assert!(beyond("pages=2,6-").unwrap().contains("page 6"));
        for query in ["", "pages=1-4", "pages=4-"] {
            assert_eq!(beyond(query), None, "{query}");
        }
    }

    #[test]
    fn a_thousand_ranges_cost_no_more_than_their_pages() {
        let query = format!("pages={}1-", "1-,".repeat(999));
        let asked = parse(&query).unwrap().pages;
        assert_eq!(asked.merged(), [(1, None)]);
        assert_eq!(asked.of(10_000, 10_000).unwrap().len(), 10_000);
    }

    #[test]
    fn rejects_more_pages_than_the_limit() {
        let of = |query: &str| parse(query).unwrap().pages.of(5000, 2000);
        for query in ["", "pages=1-", "pages=1-2001", "pages=1-1000,2000-3000"] {
            let refused = of(query).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::TooManyPages, "{query}");
            assert!(refused.detail().contains("2000"), "{}", refused.detail());
        }
        assert_eq!(of("pages=3001-").unwrap().len(), 2000);
        assert_eq!(of("pages=1-10").unwrap().len(), 10);
        let lying = parse("").unwrap().pages.of(u32::MAX, 2000);
        assert_eq!(lying.unwrap_err().kind(), ProblemKind::TooManyPages);
    }

    #[test]
    fn writes_the_same_pages_as_the_same_text() {
        let text = |query: &str| parse(query).unwrap().pages.normalized();
        assert_eq!(text("pages=7,1-3,2"), "1-3,7-7");
        assert_eq!(text("pages=1,2,3,7"), text("pages=7,1-3,2"));
        assert_eq!(text("pages=4-,2,3-9"), "2-");
        assert_eq!(text("pages=1,3-"), "1-1,3-");
        assert_eq!(text(""), "");
    }

    #[test]
    fn accepts_only_installed_engines() {
        let tesseract = parse("engine=tesseract").unwrap().how.engine;
        assert_eq!(tesseract, EngineChoice::Tesseract);
        assert!(parse("engine=ppocr").is_none() && parse("engine=fast").is_none());
    }

    #[test]
    fn accepts_only_installed_languages() {
        assert_eq!(parse("lang=deu+eng").unwrap().how.languages, "deu+eng");
        assert_eq!(parse("lang=deu%2Beng").unwrap().how.languages, "deu+eng");
        assert_eq!(parse("lang=deu%20eng").unwrap().how.languages, "deu+eng");
        for wrong in ["fra", "", "eng+", "../eng", "eng+deu+eng"] {
            assert!(parse(&format!("lang={wrong}")).is_none(), "{wrong}");
        }
    }

    #[test]
    fn searches_all_codes_but_card_numbers_by_default() {
        let has = |query: &str, kind| parse(query).unwrap().how.codes.has(kind);
        assert!(has("", CodeType::Iban) && !has("", CodeType::Luhn));
        assert!(has("codes=luhn,iban", CodeType::Luhn) && !has("codes=luhn", CodeType::Iban));
        assert!(parse("codes=none").unwrap().how.codes.is_empty());
        for wrong in ["codes=", "codes=iban,", "codes=ibans", "codes=none,iban"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn rejects_unknown_parameters_and_values() {
        assert_eq!(parse("mode=text").unwrap().how.mode, Mode::Text);
        for (value, strict) in [
            ("0", Strict::No),
            ("1", Strict::Complete),
            ("2", Strict::WithoutDoubt),
        ] {
            assert_eq!(parse(&format!("strict={value}")).unwrap().strict, strict);
        }
        assert!(parse("password=hush").is_none());
        let attachment = parse("attachment=a%20b.pdf").unwrap().attachment;
        assert_eq!(attachment.as_deref(), Some("a b.pdf"));
        for wrong in [
            "mode=fast",
            "strict=yes",
            "strict=3",
            "active=1",
            "attachment=",
            "strict",
            "page=1",
            "mode=ocr&mode=ocr",
            "pages=%4",
            "pages=%ff",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
