//! Sessions with a host behind a real sshd, where a shell script plays the agent.

mod bootstrap;
mod conversation;
mod refusals;
mod sudo;
mod support;
