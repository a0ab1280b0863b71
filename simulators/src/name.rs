//! Names as the contract wants them: `[a-z0-9][a-z0-9_.-]{0,62}`.

pub use nhip_wire::name::is_name;

use nhip_wire::name::NAME_BYTES_MAX;

/// A name made of any text: small letters, no diacritics, a hyphen for what is left; None if
/// nothing is left.
pub fn slug(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match plain(letter) {
            Some(letter) => name.push(letter),
            None if ('\u{300}'..='\u{36f}').contains(&letter) => {}
            None if name.is_empty() || name.ends_with('-') => {}
            None => name.push('-'),
        }
    }
    name.truncate(NAME_BYTES_MAX);
    name.truncate(name.trim_end_matches('-').len());
    let name = name.trim_start_matches(['_', '.', '-']);
    (!name.is_empty()).then(|| name.to_owned())
}

fn plain(letter: char) -> Option<char> {
    const VOWELS: [(char, &str); 6] = [
        ('a', "àáảãạâầấẩẫậăằắẳẵặ"),
        ('e', "èéẻẽẹêềếểễệ"),
        ('i', "ìíỉĩị"),
        ('o', "òóỏõọôồốổỗộơờớởỡợ"),
        ('u', "ùúủũụưừứửữự"),
        ('y', "ỳýỷỹỵ"),
    ];
    match letter {
        'a'..='z' | '0'..='9' | '_' | '.' | '-' => Some(letter),
        'đ' => Some('d'),
        _ => VOWELS
            .iter()
            .find(|(_, accented)| accented.contains(letter))
            .map(|(vowel, _)| *vowel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_slug_is_a_name(text in "\\PC{0,80}") {
            if let Some(name) = slug(&text) {
                prop_assert!(is_name(&name), "{name:?}");
            }
        }
    }

    #[test]
    fn wards_lose_their_diacritics_and_nothing_else() {
        assert_eq!(
            slug("Phường Bến Thành").as_deref(),
            Some("phuong-ben-thanh")
        );
        assert_eq!(slug("Đặc khu Côn Đảo").as_deref(), Some("dac-khu-con-dao"));
        assert_eq!(slug("Be\u{302}\u{301}n"), Some("ben".to_owned()));
        assert_eq!(slug(" EWR (1) ").as_deref(), Some("ewr-1"));
        assert_eq!(slug("_!"), None);
    }
}
