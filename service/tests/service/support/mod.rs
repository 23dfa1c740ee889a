//! Code that the tests share.

pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod crowd;
pub(crate) mod hostile;
pub(crate) mod pdf;
pub(crate) mod process;
pub(crate) mod prose;
pub(crate) mod scan;
pub(crate) mod server;
pub(crate) mod streams;
pub(crate) mod work;

pub(crate) use client::{Reply, Request};
pub(crate) use server::{Server, ocr_service};
