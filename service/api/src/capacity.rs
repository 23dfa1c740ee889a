//! Answer of `GET /v1/capacity`: the service's load, and the quota that the key has left.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capacity {
    pub release: String,
    pub workers: WorkerLoad,
    pub queue: QueueLoad,
    /// Pages read per second over the last minute.
    pub pages_per_second: f64,
    /// Milliseconds of a worker's time per page, as a moving average over all documents.
    pub page_ms: f64,
    /// Estimated milliseconds for which a page of this key, sent now, would wait for a worker. Keys take turns.
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
    /// Most documents in the service at a time.
    pub max_documents: u64,
    /// Pages that these documents' requests still have to get.
    pub pages: u64,
}

/// Limits of the key that asked. `null` for those that it does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyCapacity {
    pub id: String,
    pub requests_per_minute: Option<Allowance>,
    pub pages_per_day: Option<Allowance>,
    /// Time at which the next day's pages become available.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub day_ends: Timestamp,
    pub concurrent_pages: Option<Allowance>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Allowance {
    pub limit: u32,
    /// The rest at this moment.
    pub left: u32,
}
