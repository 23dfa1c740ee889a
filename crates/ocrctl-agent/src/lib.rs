//! The programs that run on a host: the agent that serves a controller (`requests/`), and what the host's timers start. `host/` is below
//! everything, `docker/` and `acme/` are outside systems, `resources/` and `stack.rs` make the host what it shall be, `health/`,
//! `audit/` and `doctor/` look at it, and `watch/` looks after it.

mod acme;
mod audit;
mod backup;
mod checks;
pub mod docker;
mod doctor;
mod health;
pub mod host;
pub mod requests;
pub mod resources;
pub mod stack;
#[cfg(test)]
mod test_support;
pub mod watch;
