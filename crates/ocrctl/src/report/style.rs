//! Colours, of which there are none where nobody can see them.

use anstyle::{AnsiColor, Style};

/// The styles of one output stream. Plain styles print as nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Styles {
    pub create: Style,
    pub update: Style,
    pub delete: Style,
    pub error: Style,
    pub warning: Style,
    pub hint: Style,
    pub strong: Style,
    pub faint: Style,
}

impl Styles {
    pub(super) fn coloured() -> Self {
        let colour = |colour: AnsiColor| colour.on_default();
        Self {
            create: colour(AnsiColor::Green),
            update: colour(AnsiColor::Yellow),
            delete: colour(AnsiColor::Red),
            error: colour(AnsiColor::Red).bold(),
            warning: colour(AnsiColor::Yellow).bold(),
            hint: colour(AnsiColor::Cyan).bold(),
            strong: Style::new().bold(),
            faint: Style::new().dimmed(),
        }
    }

    pub(super) fn when(coloured: bool) -> Self {
        if coloured {
            Self::coloured()
        } else {
            Self::default()
        }
    }
}
