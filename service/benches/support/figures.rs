//! A measured figure next to its target.

use std::time::Duration;

pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// No target. The figure puts the others into context.
    Nothing,
}

pub(crate) fn show(what: &str, unit: &str, measured: f64, wanted: &Wanted) {
    let verdict = |met: bool| if met { "met" } else { "MISSED" };
    let beside = match wanted {
        Wanted::AtLeast(least) => format!("at least {least:<8} {}", verdict(measured >= *least)),
        Wanted::AtMost(most) => format!("at most  {most:<8} {}", verdict(measured <= *most)),
        Wanted::Nothing => String::new(),
    };
    let line = format!("  {what:<66} {measured:9.2} {unit:<8} {beside}");
    println!("{}", line.trim_end());
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
