//! Counters and histograms of the pool, for `/metrics`.

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Bounds of the histograms, in seconds. A page of text layer takes 3 ms, a dense scan some seconds, and 30 s is the
/// default limit.
pub(crate) const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

#[derive(Debug)]
pub(super) struct Metrics {
    /// Seconds for which jobs (pages and counts of pages) waited for a worker.
    pub(super) queue: Histogram,
    /// Seconds that workers spent on pages.
    pub(super) read: Histogram,
    replaced: Family<[(&'static str, Gone); 1], Counter>,
}

/// Reason for which a worker was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Gone {
    /// It did not become ready.
    Start,
    /// It exited without work.
    Idle,
    /// It crashed at a page, or before it began with one.
    Crashed,
    /// Another process killed it, most likely the kernel for lack of memory.
    Killed,
    /// It was killed after the page time-out.
    TimedOut,
    /// It held much memory after a page, and its document continues in another worker.
    Worn,
    /// It was killed, because its page was abandoned.
    Abandoned,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            queue: Histogram::new(SECONDS),
            read: Histogram::new(SECONDS),
            replaced: Family::default(),
        };
        // Creates all series, so that a query sees the first event as an increase.
        for gone in Gone::ALL {
            metrics.replaced.get_or_create_owned(&[("reason", gone)]);
        }
        metrics
    }
}

impl Metrics {
    pub(super) fn replaced(&self, gone: Gone) {
        self.replaced.get_or_create(&[("reason", gone)]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "queue_wait_seconds",
            "Time for which a job (a page, or a count of pages) waited for a worker",
            self.queue.clone(),
        );
        registry.register(
            "page_seconds",
            "Time that a worker spent on a page, whatever its result",
            self.read.clone(),
        );
        registry.register(
            "worker_restarts",
            "Worker processes that ended before their documents, by reason",
            self.replaced.clone(),
        );
    }
}

impl Gone {
    const ALL: [Self; 7] = [
        Self::Start,
        Self::Idle,
        Self::Crashed,
        Self::Killed,
        Self::TimedOut,
        Self::Worn,
        Self::Abandoned,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Idle => "idle",
            Self::Crashed => "crashed",
            Self::Killed => "killed",
            Self::TimedOut => "timeout",
            Self::Worn => "worn",
            Self::Abandoned => "abandoned",
        }
    }
}

impl EncodeLabelValue for Gone {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.name(), encoder)
    }
}
