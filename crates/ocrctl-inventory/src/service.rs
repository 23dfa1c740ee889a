//! Settings of the release: their defaults and what makes sense of them.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_saphyr::Location;

use super::problem::{Checks, TWICE, word};
use ocrctl_protocol::quantity::{self, thousandths};
use ocrctl_protocol::{Invalid, PageEngine, Service};

use super::duration;
use super::form::{Whole, WholeOrAuto};
use super::schema::{self, Text};

const MB: u64 = 1_000_000;
const MIB: u64 = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Returns the defaults of fields that the inventory leaves out.
pub(super) fn defaults() -> Service {
    let deadline = Duration::from_secs(120);
    Service {
        workers: None,
        languages: vec!["eng".to_owned()],
        engine: PageEngine::Auto,
        max_upload: 50 * MB,
        max_pages: None,
        page_timeout: Duration::from_secs(30),
        deadline,
        // No request in flight lasts longer, and when none is in flight the drain is over.
        drain: deadline,
        ready_timeout: Service::READY_TIMEOUT,
        watch: Duration::from_secs(10),
        memory: 2048 * MIB,
        millicpus: None,
        pids: 256,
        require_sandbox: true,
        runtime: None,
    }
}

pub(super) fn read(raw: &schema::Service, checks: &mut Checks<'_>) -> Service {
    let default = defaults();
    let deadline = checks.value(&raw.deadline, default.deadline, |t| time(t, SECOND..=HOUR));
    let service = Service {
        workers: whole_or_auto(&raw.workers, checks),
        languages: languages(raw, checks).unwrap_or(default.languages),
        engine: checks.value(&raw.engine, default.engine, |text| {
            word(text, "is none of the recognizers")
        }),
        max_upload: checks.value(&raw.max_upload, default.max_upload, |text| {
            bytes(text, MB..=4000 * MB)
        }),
        max_pages: Some(whole(&raw.max_pages, Service::MAX_PAGES, checks))
            .filter(|pages| *pages != Service::MAX_PAGES),
        page_timeout: checks.value(&raw.page_timeout, default.page_timeout.min(deadline), |t| {
            time(t, SECOND..=HOUR)
        }),
        deadline,
        drain: checks.value(&raw.drain, deadline, |t| time(t, SECOND..=HOUR)),
        ready_timeout: checks.value(&raw.ready_timeout, default.ready_timeout, |t| {
            time(t, 5 * SECOND..=HOUR)
        }),
        watch: checks.value(&raw.watch, default.watch, |t| {
            time(t, Duration::ZERO..=10 * 60 * SECOND)
        }),
        memory: checks.value(&raw.memory, default.memory, |text| {
            bytes(text, 256 * MIB..=1024 * 1024 * MIB)
        }),
        millicpus: checks.value(&raw.cpus, None, cpus),
        pids: whole(&raw.pids, default.pids, checks),
        require_sandbox: checks.value(&raw.require_sandbox, default.require_sandbox, yes_or_no),
        runtime: checks.value(&raw.runtime, None, |text| runtime(text).map(Some)),
    };
    compare(raw, &service, checks);
    service
}

/// Rejects values that are valid alone but not together.
fn compare(raw: &schema::Service, service: &Service, checks: &mut Checks<'_>) {
    fn place<Form>(fields: [&Option<Text<Form>>; 2]) -> Option<Location> {
        Some(fields.into_iter().flatten().next()?.referenced)
    }
    let show = quantity::show_duration;
    if service.page_timeout > service.deadline
        && let Some(at) = place([&raw.page_timeout, &raw.deadline])
    {
        let (page, deadline) = (show(service.page_timeout), show(service.deadline));
        checks
            .refuse(at, format!("`page_timeout` ({page}) is longer than `deadline` ({deadline})"))
            .hint("a page may take no longer than the whole document: shorten it, or raise `deadline`");
    } else if service.drain < service.page_timeout
        && let Some(at) = place([&raw.drain, &raw.page_timeout])
    {
        let (drain, page) = (show(service.drain), show(service.page_timeout));
        checks
            .refuse(
                at,
                format!("`drain` ({drain}) is shorter than `page_timeout` ({page})"),
            )
            .hint("a deploy would cut off pages that are still allowed to take their time");
    }
    if service.max_upload >= service.memory
        && let Some(at) = place([&raw.max_upload, &raw.memory])
    {
        let (upload, memory) = (
            quantity::show_bytes(service.max_upload),
            quantity::show_bytes(service.memory),
        );
        checks
            .refuse(
                at,
                format!("`max_upload` ({upload}) does not fit into `memory` ({memory})"),
            )
            .hint("lower it, or raise `memory`");
    }
}

fn languages(raw: &schema::Service, checks: &mut Checks<'_>) -> Option<Vec<String>> {
    let raw = raw.languages.as_ref()?;
    if raw.value.is_empty() {
        checks
            .refuse(raw.referenced, "`languages` is empty")
            .hint("name at least one, such as `eng`");
    }
    let mut seen = HashSet::new();
    for language in &raw.value {
        if checks.parse(language, tesseract_language).is_some() && !seen.insert(&language.value) {
            checks
                .refuse(
                    language.referenced,
                    format!("`{}` is there twice", language.value),
                )
                .hint(TWICE);
        }
    }
    Some(raw.value.iter().map(|l| l.value.clone()).collect())
}

fn tesseract_language(text: &str) -> Result<(), Invalid> {
    let fits = |b: u8| b.is_ascii_lowercase() || b == b'_';
    if text.len() < 3 || !text.bytes().all(fits) {
        return Err(
            Invalid::new(format!("`{text}` is not a language of Tesseract"))
                .hint("it calls them `eng`, `deu`, `fra`, `chi_sim` …"),
        );
    }
    Ok(())
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, Invalid> {
    text.parse().map_err(|_| {
        Invalid::new(format!("`{text}` is neither yes nor no")).hint("write `true` or `false`")
    })
}

/// Parses the name of a runtime by Docker's rules.
fn runtime(text: &str) -> Result<String, Invalid> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.bytes().all(fits) {
        return Err(
            Invalid::new(format!("`{text}` is not the name of a runtime"))
                .hint("write what `docker info` on the host lists under Runtimes, such as `runsc`"),
        );
    }
    Ok(text.to_owned())
}

fn cpus(text: &str) -> Result<Option<u64>, Invalid> {
    if text == "all" {
        return Ok(None);
    }
    thousandths(text)
        .filter(|millis| (100..=1_024_000).contains(millis))
        .map(Some)
        .ok_or_else(|| {
            Invalid::new(format!("`{text}` is not a number of cores"))
                .hint("write `all`, or a number from 0.1 to 1024, such as `1.5`")
        })
}

/// Reads a number within the limits of its field.
pub(super) fn whole<const LOW: u32, const HIGH: u32>(
    field: &Option<Text<Whole<LOW, HIGH>>>,
    default: u32,
    checks: &mut Checks<'_>,
) -> u32 {
    checks.value(field, default, |text| count(text, LOW..=HIGH, ""))
}

fn whole_or_auto<const LOW: u32, const HIGH: u32>(
    field: &Option<Text<WholeOrAuto<LOW, HIGH>>>,
    checks: &mut Checks<'_>,
) -> Option<u32> {
    checks.value(field, None, |text| match text {
        "auto" => Ok(None),
        text => count(text, LOW..=HIGH, ", or `auto`").map(Some),
    })
}

fn count(text: &str, range: RangeInclusive<u32>, or: &str) -> Result<u32, Invalid> {
    let wrong = match text.parse() {
        Ok(number) if range.contains(&number) => return Ok(number),
        Ok(_) => "out of range",
        Err(_) => "not a number that is possible here",
    };
    let (low, high) = range.into_inner();
    Err(Invalid::new(format!("`{text}` is {wrong}"))
        .hint(format!("write a number from {low} to {high}{or}")))
}

fn time(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, Invalid> {
    within(text, duration::parse(text)?, range, quantity::show_duration)
}

fn bytes(text: &str, range: RangeInclusive<u64>) -> Result<u64, Invalid> {
    let bytes = quantity::bytes(text)
        .ok_or_else(|| Invalid::new(format!("`{text}` is not a size")).hint(quantity::SIZE))?;
    within(text, bytes, range, quantity::show_bytes)
}

fn within<T: PartialOrd + Copy>(
    text: &str,
    value: T,
    range: RangeInclusive<T>,
    show: fn(T) -> String,
) -> Result<T, Invalid> {
    let word = match value {
        value if value < *range.start() => "small",
        value if value > *range.end() => "large",
        value => return Ok(value),
    };
    let (low, high) = (show(*range.start()), show(*range.end()));
    Err(Invalid::new(format!("`{text}` is too {word}"))
        .hint(format!("write a value from {low} to {high}")))
}
