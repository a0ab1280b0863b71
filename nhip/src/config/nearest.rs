//! What somebody may have meant.

/// The known key that differs from `key` in the fewest letters, if a slip of the hand can be
/// the difference: no more than a third of its last part, and no more than three.
pub fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    const LETTERS_MAX: usize = 3;
    let last = key.rsplit('.').next().unwrap_or(key);
    let letters_max = (last.chars().count() / 3).clamp(1, LETTERS_MAX);
    known
        .iter()
        .map(|candidate| (distance(key, candidate), *candidate))
        .filter(|(letters, _)| *letters <= letters_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance of two texts.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["data", "http.listen", "logging.filter", "mqtt.listen"];
        for (key, meant) in [
            ("mqtt.lisen", Some("mqtt.listen")),
            ("logging.fliter", Some("logging.filter")),
            ("http.listenn", Some("http.listen")),
            ("dta", Some("data")),
            ("mqtt.port", None),
            ("path", None),
            ("mqtt.tls.listen", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, &known), meant, "{key}");
        }
    }
}
