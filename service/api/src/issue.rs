//! Issues of an answer: a sentence for people, and a code for programs.

use serde::{Deserialize, Serialize};

/// A doubt about an answer, or about one of its pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Issue {
    pub code: IssueCode,
    /// Number of the page, counted from 1. `null` if it concerns the whole document.
    pub page: Option<u32>,
    /// A sentence without the page's number.
    pub detail: String,
}

/// Kind of an [`Issue`]. Later releases may have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IssueCode {
    /// A page was not read to its end. Its `status` has the reason.
    Unread,
    /// A picture on the page can't be decoded and was not read.
    Undecodable,
    /// A code, date or number may be misread, misprinted or missing.
    CodeInDoubt,
    /// Words of a PDF page's text layer are not visible on the page: white, covered, clipped, switched off or minute.
    HiddenText,
    /// A PDF page's text layer differs from the characters that the page shows. The page was recognized instead.
    LayerDisagrees,
    /// The words of a page were read with little confidence.
    LowConfidence,
    /// A part of the page looks like text, but no word was read there.
    InkWithoutText,
    /// The page has too few pixels per inch for its text.
    LowResolution,
    /// The page seems to have a script that none of the requested languages uses.
    UnreadScript,
    /// An XFA form: the content that a viewer shows is not in the document's pages.
    XfaForm,
    /// Files are embedded in the document and were not read. `document.attachments` lists them.
    Attachments,
    /// The document is a portfolio: its content is in its attachments.
    Portfolio,
    /// An animation, of which only the first frame was read.
    MoreFrames,
    /// The document has more pages than the limit, or states pages that it does not have.
    MissingPages,
    /// `pages` names pages behind the document's last one. The answer has the others.
    PagesBeyondEnd,
    /// Text of a PDF page is in a font that the document does not embed and the service does not have. It is answered as
    /// the document states it, without a comparison with what the page shows.
    FontMissing,
    /// A kind unknown to this version of the types.
    #[serde(other)]
    Other,
}

impl IssueCode {
    /// All codes that the service uses.
    pub const ALL: [Self; 16] = [
        Self::Unread,
        Self::Undecodable,
        Self::CodeInDoubt,
        Self::HiddenText,
        Self::LayerDisagrees,
        Self::LowConfidence,
        Self::InkWithoutText,
        Self::LowResolution,
        Self::UnreadScript,
        Self::XfaForm,
        Self::Attachments,
        Self::Portfolio,
        Self::MoreFrames,
        Self::MissingPages,
        Self::PagesBeyondEnd,
        Self::FontMissing,
    ];

    /// True if a part of the document may be unread or misread. `strict=2` rejects these. The other codes don't count:
    /// a code in doubt was read, hidden text was left out, a layer that differs was not used, attachments are
    /// separate documents, and pages beyond the end have no text.
    pub fn doubts_reading(self) -> bool {
        !matches!(
            self,
            Self::CodeInDoubt
                | Self::HiddenText
                | Self::LayerDisagrees
                | Self::Attachments
                | Self::PagesBeyondEnd
                | Self::Other
        )
    }

    /// Name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Undecodable => "undecodable",
            Self::CodeInDoubt => "code_in_doubt",
            Self::HiddenText => "hidden_text",
            Self::LayerDisagrees => "layer_disagrees",
            Self::LowConfidence => "low_confidence",
            Self::InkWithoutText => "ink_without_text",
            Self::LowResolution => "low_resolution",
            Self::UnreadScript => "unread_script",
            Self::XfaForm => "xfa_form",
            Self::Attachments => "attachments",
            Self::Portfolio => "portfolio",
            Self::MoreFrames => "more_frames",
            Self::MissingPages => "missing_pages",
            Self::PagesBeyondEnd => "pages_beyond_end",
            Self::FontMissing => "font_missing",
            Self::Other => "other",
        }
    }
}

impl Issue {
    /// Creates an issue about the document, or about a page whose number [`Issue::on_page`] adds.
    pub fn new(code: IssueCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            page: None,
            detail: detail.into(),
        }
    }

    #[must_use]
    pub fn on_page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }

    /// The issue as one sentence, as in `warnings`.
    pub fn sentence(&self) -> String {
        match self.page {
            Some(page) => format!("Page {page}: {}", self.detail),
            None => self.detail.clone(),
        }
    }
}

/// The sentences of `warnings`.
pub fn sentences(issues: &[Issue]) -> Vec<String> {
    issues.iter().map(Issue::sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_parse_from_json_and_unknown_ones_are_other() {
        for code in IssueCode::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.name());
            assert_eq!(serde_json::from_value::<IssueCode>(json).unwrap(), code);
        }
        let later = serde_json::from_str::<IssueCode>("\"of_tomorrow\"").unwrap();
        assert_eq!(later, IssueCode::Other);
    }

    #[test]
    fn sentences_name_their_page() {
        let issue = Issue::new(
            IssueCode::Unread,
            "it took longer than the time limit for a page.",
        );
        assert_eq!(
            issue.sentence(),
            "it took longer than the time limit for a page."
        );
        assert_eq!(
            issue.on_page(3).sentence(),
            "Page 3: it took longer than the time limit for a page."
        );
    }
}
