//! Languages and scripts that Debian and Ubuntu have models of Tesseract for, each in a package of its own.

/// Tesseract's names, in order.
const KNOWN: &str = "\
    afr amh ara asm aze aze_cyrl bel ben bod bos bre bul cat ceb ces chi_sim chi_sim_vert chi_tra chi_tra_vert chr cos \
    cym dan deu div dzo ell eng enm epo est eus fao fas fil fin fra frk frm fry gla gle glg grc guj hat heb hin hrv hun \
    hye iku ind isl ita ita_old jav jpn jpn_vert kan kat kat_old kaz khm kir kmr kor kor_vert lao lat lav lit ltz mal \
    mar mkd mlt mon mri msa mya nep nld nor oci ori pan pol por pus que ron rus san sin slk slv snd spa spa_old sqi srp \
    srp_latn sun swa swe syr tam tat tel tgk tha tir ton tur uig ukr urd uzb uzb_cyrl vie yid yor";

pub fn is_known(name: &str) -> bool {
    KNOWN.split(' ').any(|known| known == name)
}

/// Names that begin like this one, or are a letter away from it.
pub fn near(name: &str) -> Vec<&'static str> {
    let begins = |known: &&str| known.starts_with(name) || name.starts_with(*known);
    let near = |known: &&str| begins(known) || strsim::osa_distance(name, known) == 1;
    KNOWN.split(' ').filter(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposes_names_that_are_alike() {
        assert!(is_known("deu") && !is_known("ger") && !is_known("osd"));
        assert_eq!(
            near("chi"),
            ["chi_sim", "chi_sim_vert", "chi_tra", "chi_tra_vert", "chr"]
        );
        assert_eq!(near("russ"), ["rus"]);
        assert_eq!(near("klingon"), [""; 0]);
    }
}
