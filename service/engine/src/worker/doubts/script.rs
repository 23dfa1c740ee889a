//! Scripts of texts and of languages.

use std::path::Path;

use crate::worker::Scan;
use crate::worker::ffi::tesseract::ScriptDetector;

/// Data file of Tesseract's detector, which is in the directory of languages.
const DATA: &str = "osd.traineddata";
/// Names of scripts in Tesseract's detector.
const LATIN: &str = "Latin";

/// Languages of Tesseract that don't use Latin letters, by script.
const SCRIPTS: &[(&str, &[&str])] = &[
    (
        "Arabic",
        &["ara", "fas", "urd", "pus", "snd", "uig", "kur_ara"],
    ),
    ("Armenian", &["hye"]),
    ("Bengali", &["ben", "asm"]),
    ("Cherokee", &["chr"]),
    (
        "Cyrillic",
        &[
            "rus", "ukr", "bel", "bul", "mkd", "srp", "kaz", "kir", "tgk", "tat", "mon",
            "uzb_cyrl", "aze_cyrl",
        ],
    ),
    ("Devanagari", &["hin", "mar", "nep", "san"]),
    ("Ethiopic", &["amh", "tir"]),
    ("Georgian", &["kat", "kat_old"]),
    ("Greek", &["ell", "grc"]),
    ("Gujarati", &["guj"]),
    ("Gurmukhi", &["pan"]),
    ("Hebrew", &["heb", "yid"]),
    ("Hangul", &["kor", "kor_vert"]),
    ("Kannada", &["kan"]),
    ("Khmer", &["khm"]),
    ("Korean", &["kor", "kor_vert"]),
    ("Lao", &["lao"]),
    ("Malayalam", &["mal"]),
    ("Myanmar", &["mya"]),
    ("Oriya", &["ori"]),
    ("Sinhala", &["sin"]),
    ("Syriac", &["syr"]),
    ("Tamil", &["tam"]),
    ("Telugu", &["tel"]),
    ("Thai", &["tha"]),
    ("Thaana", &["div"]),
    ("Tibetan", &["bod", "dzo"]),
];
/// Scripts that share characters, so that the detector may confuse them.
const EAST_ASIAN: [&str; 4] = ["Han", "Japanese", "Katakana", "Hiragana"];
const EAST_ASIAN_LANGUAGES: [&str; 2] = ["chi", "jpn"];

/// Detector of scripts. Its data is read from the file at the start. The detector is created for the first page that
/// needs it.
#[derive(Default)]
pub(in crate::worker) struct Scripts {
    data: Vec<u8>,
    detector: Option<ScriptDetector>,
}

impl Scripts {
    /// Reads the data. Without the file in this directory, no script is detected.
    pub(in crate::worker) fn load(language_data: &Path) -> Self {
        Self {
            data: std::fs::read(language_data.join(DATA)).unwrap_or_default(),
            detector: None,
        }
    }

    /// Script of the text in a picture, in Tesseract's terms, and how certain its direction is. Returns `None` if it
    /// can't be determined.
    pub(super) fn of(&mut self, scan: &Scan) -> Option<(String, f32)> {
        if self.detector.is_none() && !self.data.is_empty() {
            self.detector = ScriptDetector::load(&self.data).ok();
        }
        let detector = self.detector.as_mut()?;
        detector.detect(&scan.pixels, scan.width, scan.height)
    }
}

/// True if one of the languages, joined by `+`, uses the script. Any language reads Latin letters.
pub(super) fn is_read_by(script: &str, languages: &str) -> bool {
    script == LATIN
        || script == "Fraktur"
        || languages
            .split('+')
            .any(|language| is_written_in(language, script))
}

/// True if a language uses a script other than Latin.
pub(in crate::worker) fn is_written_in(language: &str, script: &str) -> bool {
    if EAST_ASIAN.contains(&script) {
        return EAST_ASIAN_LANGUAGES
            .iter()
            .any(|one| language.starts_with(one));
    }
    SCRIPTS
        .iter()
        .any(|(name, written)| *name == script && written.contains(&language))
}

/// A language that uses the script, as an example.
pub(super) fn example(script: &str) -> Option<&'static str> {
    let of_script = SCRIPTS.iter().find(|(name, _)| *name == script);
    of_script.and_then(|(_, languages)| languages.first().copied())
}

/// Common name of a script.
pub(super) fn name(script: &str) -> String {
    match script {
        "Han" => "Chinese characters".to_owned(),
        "Hangul" => "Korean".to_owned(),
        "Katakana" | "Hiragana" => "Japanese".to_owned(),
        other => other
            .chars()
            .filter(char::is_ascii_alphabetic)
            .take(32)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_read_their_own_script_and_latin_letters() {
        assert!(is_read_by("Latin", "eng") && is_read_by("Latin", "rus"));
        assert!(is_read_by("Cyrillic", "eng+rus") && !is_read_by("Cyrillic", "eng+deu"));
        assert!(is_read_by("Han", "jpn_vert") && is_read_by("Japanese", "chi_sim"));
        assert!(!is_read_by("Korean", "eng") && !is_read_by("Thai", "kor"));
        assert!(!is_read_by("A later one", "eng"));
    }
}
