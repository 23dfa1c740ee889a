//! Models of Tesseract that an image has, by its label.

use ocrctl_protocol::Failure;

/// Returns which of the inventory's languages an image lacks; `None` if it has all, or is from before images had the label.
pub fn lacking(wanted: &[String], label: Option<&str>) -> Option<Failure> {
    let has: Vec<&str> = label?.split(',').collect();
    let lacking: Vec<String> = wanted
        .iter()
        .filter(|language| !has.contains(&language.as_str()))
        .map(|language| format!("`{language}`"))
        .collect();
    (!lacking.is_empty()).then(|| {
        Failure::new(format!(
            "the image has no models for {}, which `service.languages` names (it has {})",
            lacking.join(", "),
            has.join(", ")
        ))
        .hint("`ocrctl build ENV --push` makes an image with them; or take them out of `service.languages`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_languages_without_a_model() {
        let wanted = ["eng", "chi_sim", "rus"].map(str::to_owned);
        assert_eq!(lacking(&wanted, Some("rus,eng,chi_sim")), None);
        assert_eq!(lacking(&wanted, None), None, "unknown");
        assert_eq!(
            lacking(&wanted, Some("eng")).unwrap().message,
            "the image has no models for `chi_sim`, `rus`, which `service.languages` names (it has eng)"
        );
    }
}
