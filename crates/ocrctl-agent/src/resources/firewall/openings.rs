//! Ports that UFW lets in.

use super::State;
use super::rule::Rule;
use crate::host::Host;
use ocrctl_protocol::Result;

#[derive(Debug)]
pub struct Openings {
    /// True if packets that no rule allows are dropped.
    pub closed: bool,
    rules: Vec<Rule>,
}

impl Openings {
    pub fn read(host: &Host) -> Result<Self> {
        let state = State::read(host)?;
        Ok(Self {
            closed: state.enabled && matches!(state.incoming.as_str(), "DROP" | "REJECT"),
            rules: state.rules,
        })
    }

    /// Returns whether anyone, from anywhere, gets through to a port; `protocol` is `tcp` or `udp`.
    pub fn lets_in(&self, port: u16, protocol: &str) -> bool {
        !self.closed || self.rules.iter().any(|rule| rule.lets_in(port, protocol))
    }
}
