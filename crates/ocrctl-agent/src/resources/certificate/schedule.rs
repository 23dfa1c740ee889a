//! When a certificate is renewed, and when a failed attempt is repeated. Pure: times come in, decisions go out.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Leaf;

/// Pauses after the first failures; a day after each further one.
const BACK_OFF: [SignedDuration; 3] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(100),
];
const DAILY: SignedDuration = SignedDuration::from_hours(24);
/// Where the authority suggests no window, one of this share of the life begins when a third of it is left.
const WINDOW: i64 = 50;

/// The history of the host's renewals, kept across reboots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The next renewal of the certificate in place.
    pub schedule: Option<Schedule>,
    /// Failed attempts in a row. One that never ended counts.
    #[serde(default)]
    pub failures: u32,
    pub last_failure: Option<LastFailure>,
    /// The timer tries again from here on.
    pub retry_at: Option<Timestamp>,
    /// The authority's own word: it wants to hear nothing before.
    pub retry_after: Option<Timestamp>,
    /// When the authority may be asked for renewal information again.
    pub ask_after: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Of the certificate that it is for.
    pub serial: String,
    pub at: Timestamp,
    pub window: Window,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The authority suggests it (RFC 9773).
    RenewalInformation,
    /// A third of the life is left.
    Age,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    pub at: Timestamp,
    pub message: String,
    /// True if the authority had been asked for a certificate: its limits count such attempts.
    pub ordered: bool,
}

/// On whose behalf the authority would be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Timer,
    /// A person, who may have repaired the cause.
    Operator,
    /// A person who insists.
    Force,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RenewalInformation => "the authority suggests that time",
            Self::Age => "a third of its life is left then",
        })
    }
}

impl Schedule {
    /// A point in the window: the one chosen before, while certificate and window are the same. `chance` is
    /// uniform in 0..1.
    pub fn choose(
        leaf: &Leaf,
        suggested: Option<Window>,
        before: Option<&Self>,
        chance: f64,
    ) -> Self {
        let (window, why) = match suggested {
            Some(window) => (window, Why::RenewalInformation),
            None => (by_age(leaf), Why::Age),
        };
        if let Some(before) = before
            && before.serial == leaf.serial
            && before.window == window
        {
            return before.clone();
        }
        let length = window.end.duration_since(window.start).as_secs_f64();
        let into = SignedDuration::try_from_secs_f64(length * chance).unwrap_or_default();
        Self {
            serial: leaf.serial.clone(),
            at: window.start.checked_add(into).unwrap_or(window.start),
            window,
            why,
        }
    }
}

fn by_age(leaf: &Leaf) -> Window {
    let life = leaf.not_after.duration_since(leaf.not_before);
    let part = |divisor: i64| life.as_secs() / divisor;
    let start = leaf
        .not_after
        .checked_sub(SignedDuration::from_secs(part(3)))
        .unwrap_or(leaf.not_after);
    let end = start
        .checked_add(SignedDuration::from_secs(part(WINDOW)))
        .unwrap_or(start);
    Window { start, end }
}

impl State {
    /// The end of the time in which `asker` may not ask the authority; `None` if it may ask now.
    pub fn held(&self, now: Timestamp, asker: Asker) -> Option<Timestamp> {
        // Written down by a clock that was ahead, and has been set right since.
        if self.last_failure.as_ref().is_some_and(|last| last.at > now) {
            return None;
        }
        let ordered = self.last_failure.as_ref().is_some_and(|last| last.ordered);
        let back_off = match asker {
            Asker::Timer => self.retry_at,
            Asker::Operator => self.retry_at.filter(|_| ordered),
            Asker::Force => None,
        };
        back_off.max(self.retry_after).filter(|until| *until > now)
    }

    /// An attempt begins. Written down before the authority is asked, so that one that is killed, or whose end
    /// can't be written, has counted.
    pub fn begin(&mut self, now: Timestamp) {
        self.fail(now, "the attempt was interrupted", true, None);
    }

    /// The attempt that began last has failed. Where it has not come to an order, it does not hold up a person.
    pub fn failed(
        &mut self,
        now: Timestamp,
        message: &str,
        ordered: bool,
        retry_after: Option<Timestamp>,
    ) {
        self.failures = self.failures.saturating_sub(1);
        self.fail(now, message, ordered, retry_after);
    }

    fn fail(
        &mut self,
        now: Timestamp,
        message: &str,
        ordered: bool,
        retry_after: Option<Timestamp>,
    ) {
        let pause = BACK_OFF
            .get(self.failures as usize)
            .copied()
            .unwrap_or(DAILY);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.checked_add(pause).ok().max(retry_after);
        self.retry_after = retry_after;
        self.last_failure = Some(LastFailure {
            at: now,
            message: message.to_owned(),
            ordered,
        });
    }

    /// A certificate has been issued and is served.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Returns whether the certificate of this schedule is to be renewed now.
    pub fn due(&self, serial: &str, now: Timestamp) -> bool {
        self.schedule
            .as_ref()
            .is_some_and(|schedule| schedule.serial == serial && schedule.at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn leaf() -> Leaf {
        Leaf {
            names: vec!["ocr.example.org".into()],
            serial: "01".into(),
            issuer: String::new(),
            not_before: at("2026-01-01T00:00:00Z"),
            not_after: at("2026-04-01T00:00:00Z"),
        }
    }

    #[test]
    fn by_age_it_is_a_random_point_after_two_thirds_of_the_life() {
        let early = Schedule::choose(&leaf(), None, None, 0.0);
        assert_eq!(early.at, at("2026-03-02T00:00:00Z"));
        assert_eq!(early.why, Why::Age);
        let late = Schedule::choose(&leaf(), None, None, 0.999);
        assert!(late.at > at("2026-03-03T00:00:00Z") && late.at < at("2026-03-04T00:00:00Z"));
    }

    #[test]
    fn a_point_once_chosen_stays_until_the_window_or_the_certificate_changes() {
        let window = Window {
            start: at("2026-02-01T00:00:00Z"),
            end: at("2026-02-03T00:00:00Z"),
        };
        let first = Schedule::choose(&leaf(), Some(window), None, 0.5);
        assert_eq!(first.at, at("2026-02-02T00:00:00Z"));
        let again = Schedule::choose(&leaf(), Some(window), Some(&first), 0.1);
        assert_eq!(again, first);
        // A revocation moves the window into the past: renew at once.
        let revoked = Window {
            start: at("2026-01-01T00:00:00Z"),
            end: at("2026-01-02T00:00:00Z"),
        };
        let moved = Schedule::choose(&leaf(), Some(revoked), Some(&first), 0.5);
        assert_eq!(moved.at, at("2026-01-01T12:00:00Z"));
        let other = Leaf {
            serial: "02".into(),
            ..leaf()
        };
        let renewed = Schedule::choose(&other, Some(window), Some(&first), 0.25);
        assert_eq!(renewed.at, at("2026-02-01T12:00:00Z"));
    }

    #[test]
    fn the_pauses_are_1_10_100_minutes_then_a_day() {
        let now = at("2026-01-01T00:00:00Z");
        let mut state = State::default();
        let mut pauses = Vec::new();
        for _ in 0..5 {
            state.begin(now);
            state.failed(now, "the authority is down", true, None);
            let pause = state.retry_at.unwrap().duration_since(now);
            pauses.push(pause.as_secs() / 60);
        }
        assert_eq!(pauses, [1, 10, 100, 1440, 1440]);
        assert_eq!(state.failures, 5);
        state.succeeded();
        assert_eq!(state, State::default());
    }

    #[test]
    fn an_attempt_that_never_ended_holds_the_next_one_up() {
        let now = at("2026-01-01T00:00:00Z");
        let mut state = State::default();
        state.begin(now);
        assert!(state.held(now, Asker::Timer).is_some());
        assert!(state.held(now, Asker::Operator).is_some());
        assert_eq!(state.held(now, Asker::Force), None);
        assert_eq!(
            state.held(now + SignedDuration::from_secs(61), Asker::Timer),
            None
        );
    }

    #[test]
    fn ignores_times_written_by_a_wrong_clock() {
        let mut state = State::default();
        state.begin(at("2031-01-01T00:00:00Z"));
        assert_eq!(state.held(at("2026-01-01T00:00:00Z"), Asker::Timer), None);
    }

    #[test]
    fn an_operator_may_retry_unless_the_authority_forbids_it() {
        let now = at("2026-01-01T00:00:00Z");
        let mut state = State::default();
        state.begin(now);
        state.failed(now, "the A record is wrong", false, None);
        assert!(state.held(now, Asker::Timer).is_some());
        assert_eq!(state.held(now, Asker::Operator), None);
        let later = now + SignedDuration::from_hours(30);
        state.begin(now);
        state.failed(now, "too many", true, Some(later));
        for asker in [Asker::Timer, Asker::Operator, Asker::Force] {
            assert_eq!(state.held(now, asker), Some(later));
        }
    }
}
