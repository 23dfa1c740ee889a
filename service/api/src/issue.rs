//! What an answer's reader should know about it: in words for a person, by a code for a program.

use serde::{Deserialize, Serialize};

/// A doubt about an answer, or about one of its pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Issue {
    pub code: IssueCode,
    /// Counted from 1; `null` where it concerns the whole document.
    pub page: Option<u32>,
    /// A sentence without the page's number.
    pub detail: String,
}

/// The kind of an [`Issue`]. Later releases may have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IssueCode {
    /// A page was not read to its end; its `status` says why.
    Unread,
    /// A picture on the page can't be decoded and was not read.
    Undecodable,
    /// A code, date or number may be misread, misprinted or missing.
    CodeInDoubt,
    /// Words of a PDF page's text layer are not seen on the page: white, covered, clipped, switched off or minute.
    HiddenText,
    /// A PDF page's text layer says something else than the page shows; the page was recognized.
    LayerDisagrees,
    /// The words of a page were read with little confidence.
    LowConfidence,
    /// Something on the page looks like text, and no word was read there.
    InkWithoutText,
    /// The page was read at too few pixels an inch for its text.
    LowResolution,
    /// The page seems to be in a script that none of the wanted languages is written in.
    UnreadScript,
    /// A form of XFA: what a viewer shows is not in the document's pages.
    XfaForm,
    /// Files are embedded in the document and were not read; `document.attachments` lists them.
    Attachments,
    /// The document is a portfolio: its content is in its attachments.
    Portfolio,
    /// An animation, of which only the first frame was read.
    MoreFrames,
    /// The document has more pages than can be counted, or states pages that it does not have.
    MissingPages,
    /// Text of a PDF page is in a font that the document does not embed and the service does not have: it is given as the document
    /// states it, not compared with what the page shows.
    FontMissing,
    /// A kind that this version of the types does not know.
    #[serde(other)]
    Other,
}

impl IssueCode {
    /// Each code that the service answers with.
    pub const ALL: [Self; 15] = [
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
        Self::FontMissing,
    ];

    /// Whether something of the document may not have been read, or not as it is: what `strict=2` refuses. A code in doubt was
    /// read, hidden text was left out, a layer that disagrees was not used, and attachments are documents of their own.
    pub fn doubts_reading(self) -> bool {
        !matches!(
            self,
            Self::CodeInDoubt
                | Self::HiddenText
                | Self::LayerDisagrees
                | Self::Attachments
                | Self::Other
        )
    }

    /// Its name in JSON.
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
            Self::FontMissing => "font_missing",
            Self::Other => "other",
        }
    }
}

impl Issue {
    /// About the page at hand, whose number is added by [`Issue::on_page`], or about the document.
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

    /// The whole of it in a sentence, as in `warnings`.
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
    fn a_code_reads_back_and_an_unknown_one_is_other() {
        for code in IssueCode::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.name());
            assert_eq!(serde_json::from_value::<IssueCode>(json).unwrap(), code);
        }
        let later = serde_json::from_str::<IssueCode>("\"of_tomorrow\"").unwrap();
        assert_eq!(later, IssueCode::Other);
    }

    #[test]
    fn a_sentence_names_its_page() {
        let issue = Issue::new(IssueCode::Unread, "it took longer than a page may.");
        assert_eq!(issue.sentence(), "it took longer than a page may.");
        assert_eq!(
            issue.on_page(3).sentence(),
            "Page 3: it took longer than a page may."
        );
    }
}
