//! A picture for a PDF, and what its decoders have in common.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::metadata::Orientation;
use ocr_protocol::{Fault, FaultKind};

/// A picture in the terms of ISO 32000-1, 8.9.5.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) space: Space,
    pub(super) bits: u8,
    pub(super) data: Data,
    /// Transparency, deflated, with the same number of bits.
    pub(super) alpha: Option<Vec<u8>>,
    /// Rotation and mirroring that make the picture upright.
    pub(super) orientation: Orientation,
    pub(super) dpi: Option<u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Space {
    Gray,
    Rgb,
    /// Adobe writes 255 for no ink.
    Cmyk {
        inverted: bool,
    },
    /// Palette of three bytes per colour.
    Indexed(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data {
    Jpeg(Vec<u8>),
    /// Deflated rows.
    Deflated(Vec<u8>),
    /// Deflated rows. Each begins with the byte of its PNG filter.
    Filtered(Vec<u8>),
}

impl Space {
    pub(super) fn channels(&self) -> u8 {
        match self {
            Self::Gray | Self::Indexed(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk { .. } => 4,
        }
    }
}

/// Width and height after the image has been rotated.
pub(super) fn turned((width, height): (u32, u32), orientation: Orientation) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

/// Compresses quickly: clients wait for the page, and most of a scan is white.
pub(super) fn deflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|error| Fault::new(FaultKind::Engine, error.to_string()))
}
