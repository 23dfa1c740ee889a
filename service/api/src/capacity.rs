//! What `GET /v1/capacity` answers: how busy the service is, and what the key that asks may still use.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capacity {
    pub release: String,
    pub workers: WorkerLoad,
    pub queue: QueueLoad,
    /// Pages read a second over the last minute.
    pub pages_per_second: f64,
    /// Milliseconds of a worker's time that a page takes: a moving average over what is sent.
    pub page_ms: f64,
    /// Milliseconds that a page of this key, sent now, would wait for a worker: keys take turns.
    pub estimated_wait_ms: u64,
    pub key: KeyCapacity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerLoad {
    pub total: u32,
    pub ready: u32,
    pub busy: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueLoad {
    /// Documents in the service, being read or waiting.
    pub documents: u64,
    /// As many as there can be.
    pub max_documents: u64,
    /// Pages that they have still to get.
    pub pages: u64,
}

/// The limits of the key that asked; `null` where it has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyCapacity {
    pub id: String,
    pub requests_per_minute: Option<Allowance>,
    pub pages_per_day: Option<Allowance>,
    /// When the next day's pages begin.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub day_ends: Timestamp,
    pub concurrent_pages: Option<Allowance>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Allowance {
    pub limit: u32,
    /// What is left of it at this moment.
    pub left: u32,
}
