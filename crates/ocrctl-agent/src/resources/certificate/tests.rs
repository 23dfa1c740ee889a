//! Certificates on a host that is a tree of files: from the own authority, from files, and from a real ACME server.

mod acme;
mod own;
