//! In which format readings are written, and what a client asks for.

use axum::http::{HeaderMap, header};
use std::cmp::Reverse;

/// How readings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Ndjson,
    Csv,
}

/// The formats with the media types that ask for them; of those that a client likes the same
/// and does not name, the first.
const OFFERED: [(Format, &[&str]); 3] = [
    (Format::Json, &["application/json"]),
    (
        Format::Ndjson,
        &["application/x-ndjson", "application/ndjson"],
    ),
    (Format::Csv, &["text/csv"]),
];

impl Format {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "ndjson" => Self::Ndjson,
            "csv" => Self::Csv,
            _ => Self::Json,
        }
    }

    /// The format that the header Accept likes best (RFC 9110, section 12.5.1); of several the
    /// one that it names first. JSON if it takes none of ours.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let ranges: Vec<Range<'_>> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::read)
            .collect();
        let liking = |types: &[&str]| {
            // The most specific range decides, whatever others say.
            ranges
                .iter()
                .enumerate()
                .filter_map(|(place, range)| Some((range.specificity(types)?, place, range)))
                .min_by_key(|(specificity, place, _)| (Reverse(*specificity), *place))
                .filter(|(.., range)| range.weight > 0)
                .map(|(_, place, range)| (range.weight, Reverse(place)))
        };
        OFFERED
            .into_iter()
            .rev()
            .filter_map(|(format, types)| Some((liking(types)?, format)))
            .max_by_key(|(liking, _)| *liking)
            .map_or(Self::Json, |(_, format)| format)
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// A media range with its weight in thousandths.
struct Range<'a> {
    media: &'a str,
    weight: u16,
}

impl<'a> Range<'a> {
    /// Nothing for a range whose weight is none.
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?;
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        let weight = match weight {
            None => 1.0,
            Some(text) => text.parse::<f32>().ok()?,
        };
        (0.0..=1.0).contains(&weight).then_some(Self {
            media,
            weight: (weight * 1_000.0).round() as u16,
        })
    }

    /// How exactly it means one of these types, if it does.
    fn specificity(&self, types: &[&str]) -> Option<u8> {
        let is = |media: &str| self.media.eq_ignore_ascii_case(media);
        if types.iter().any(|media| is(media)) {
            return Some(2);
        }
        let group = self.media.strip_suffix("/*")?;
        if group == "*" {
            return Some(0);
        }
        let of_group = |media: &&str| {
            media
                .split_once('/')
                .is_some_and(|(own, _)| own.eq_ignore_ascii_case(group))
        };
        types.iter().any(of_group).then_some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_that_is_liked_best_is_given() {
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("text/html", Format::Json),
            ("text/csv", Format::Csv),
            ("TEXT/CSV", Format::Csv),
            ("text/*", Format::Csv),
            ("text/csv, application/json", Format::Csv),
            ("application/json, text/csv", Format::Json),
            ("application/json;q=0.1, text/csv", Format::Csv),
            ("text/csv;q=0.1, application/json;q=0.05", Format::Csv),
            ("text/csv; header=present; q=0.2, */*;q=0.1", Format::Csv),
            ("application/*;q=0.9, text/csv;q=0.5", Format::Json),
            ("*/*, application/json;q=0", Format::Ndjson),
            ("application/json;q=0", Format::Json),
            ("application/json;q=2, text/csv;q=0.1", Format::Csv),
            ("application/ndjson", Format::Ndjson),
        ] {
            let headers = [(header::ACCEPT, accept.parse().unwrap())];
            let got = Format::accepted(&headers.into_iter().collect());
            assert_eq!(got, format, "{accept}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "application/json;q=0.1".parse().unwrap());
        headers.append(header::ACCEPT, "text/csv".parse().unwrap());
        assert_eq!(Format::accepted(&headers), Format::Csv);
    }
}
