//! Which scripts languages are written in.

/// Names of scripts as Tesseract's detector has them.
const LATIN: &str = "Latin";

/// Languages of Tesseract that are not written in Latin letters, and the script of each.
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
    ("Kannada", &["kan"]),
    ("Khmer", &["khm"]),
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
/// Those that share characters, so that the detector may take one for the other.
const EAST_ASIAN: [&str; 6] = [
    "Han", "Japanese", "Korean", "Hangul", "Katakana", "Hiragana",
];
const EAST_ASIAN_LANGUAGES: [&str; 3] = ["chi", "jpn", "kor"];

/// Whether one of the languages, joined by `+`, is written in the script. Latin letters are read with any.
pub(super) fn is_read_by(script: &str, languages: &str) -> bool {
    if script == LATIN || script == "Fraktur" {
        return true;
    }
    languages.split('+').any(|language| {
        if EAST_ASIAN.contains(&script) {
            return EAST_ASIAN_LANGUAGES
                .iter()
                .any(|one| language.starts_with(one));
        }
        SCRIPTS
            .iter()
            .any(|(name, written)| *name == script && written.contains(&language))
    })
}

/// What people call it.
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
    fn a_language_reads_its_own_script_and_latin_letters() {
        assert!(is_read_by("Latin", "eng") && is_read_by("Latin", "rus"));
        assert!(is_read_by("Cyrillic", "eng+rus") && !is_read_by("Cyrillic", "eng+deu"));
        assert!(is_read_by("Han", "jpn_vert") && is_read_by("Japanese", "chi_sim"));
        assert!(!is_read_by("Korean", "eng") && !is_read_by("Thai", "kor"));
        assert!(!is_read_by("A later one", "eng"));
    }
}
