//! "Did you mean …?"

/// The candidate that `word` is most likely a misspelling of.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The closest candidate as a hint, or else all of them after `introduction`.
pub(super) fn hint<'a>(
    word: &str,
    introduction: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match closest(word, candidates.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<String> = candidates.into_iter().map(|c| format!("`{c}`")).collect();
            format!("{introduction} {}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let fields = ["names", "hosts", "image", "tls"];
        assert_eq!(closest("hosst", fields), Some("hosts"));
        assert_eq!(closest("host", fields), Some("hosts"));
        assert_eq!(closest("tsl", fields), Some("tls"));
        assert_eq!(closest("replicas", fields), None);
    }
}
