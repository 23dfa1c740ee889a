//! The way from the operator's machine to a host: connections, by OpenSSH's `ssh` or without it, and over one of them
//! the session with the agent that runs there.

pub mod session;
pub mod transport;

#[cfg(test)]
extern crate self as ocrctl_ssh;
#[cfg(test)]
mod test_support;
