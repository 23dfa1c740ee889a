//! Lines and words as they are read.

/// A row of text: one detected line, or several side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    pub words: Vec<Word>,
    /// True if a paragraph begins with it.
    pub begins_paragraph: bool,
}

/// A word. Its bounds are left, top, right and bottom in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    pub text: String,
    /// 0 to 1.
    pub confidence: f32,
    pub bounds: [f32; 4],
}
