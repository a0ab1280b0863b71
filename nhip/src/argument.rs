//! Values on the command line that only this binary's subcommands take, checked before anything
//! is asked; the others are in `nhip_simulators::argument`.

use std::path::PathBuf;
use ureq::http::Uri;

/// Where a platform's API is: `http://127.0.0.1:8080`.
pub fn url(text: &str) -> Result<String, String> {
    let uri: Option<Uri> = text.parse().ok();
    let plain = |uri: &Uri| {
        uri.scheme_str() == Some("http") && uri.authority().is_some() && uri.query().is_none()
    };
    match uri.filter(plain) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("the address of a platform's API is needed, as http://127.0.0.1:8080".into()),
    }
}

/// An instant as the API takes it in queries.
pub fn instant(text: &str) -> Result<String, String> {
    match nhip_api::is_time(text) {
        true => Ok(text.to_owned()),
        false => Err(
            "RFC 3339 is needed, as 2026-11-22T06:00:00Z, or integer milliseconds since 1970"
                .into(),
        ),
    }
}

/// Degrees east and north.
pub fn position(text: &str) -> Result<[f64; 2], String> {
    let degrees = |text: &str, max: f64| {
        let degrees: Option<f64> = text.trim().parse().ok();
        degrees.filter(|degrees| (-max..=max).contains(degrees))
    };
    let (longitude, latitude) = text.split_once(',').unwrap_or((text, ""));
    match (degrees(longitude, 180.0), degrees(latitude, 90.0)) {
        (Some(longitude), Some(latitude)) => Ok([longitude, latitude]),
        _ => Err(
            "a longitude from -180 to 180 and a latitude from -90 to 90 are needed, as 106.70,10.77"
                .into(),
        ),
    }
}

/// What people call a device.
pub fn title(text: &str) -> Result<String, String> {
    let bytes_max = nhip_registry::Config::default().title_bytes_max;
    match text.len() <= bytes_max {
        true => Ok(text.to_owned()),
        false => Err(format!("at most {bytes_max} B are taken")),
    }
}

/// A file to be written, or `-`.
pub fn output(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if text.is_empty() || path.is_dir() {
        return Err("a file's name is needed, or - for standard output".into());
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(format!(
            "a folder that is there is needed, and {} is none",
            folder.display()
        )),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_that_of_an_api_over_http() {
        for text in ["http://127.0.0.1:8080", "http://nhip.example/below/"] {
            assert!(url(text).is_ok_and(|url| !url.ends_with('/')), "{text}");
        }
        for text in [
            "",
            "127.0.0.1:8080",
            "localhost",
            "https://a",
            "ftp://a",
            "http://",
            "http://a?b=c",
            "http://a b",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_position_is_on_the_globe_with_longitude_first() {
        assert_eq!(position("106.70, 10.77"), Ok([106.70, 10.77]));
        assert_eq!(position("-180,-90"), Ok([-180.0, -90.0]));
        for text in [
            "10,200",
            "10.7,106.7",
            "181,0",
            "NaN,0",
            "1",
            "1,2,3",
            "",
            "a,b",
        ] {
            assert!(position(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_are_those_of_the_api() {
        for text in ["2026-11-22T06:00:00Z", "1795327200000"] {
            assert!(instant(text).is_ok(), "{text}");
        }
        for text in ["yesterday", "2026-11-22", ""] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_output_is_a_file_in_a_folder_that_is_there() {
        assert!(output("-").is_ok() && output("new.csv").is_ok() && output("src/a").is_ok());
        assert!(output("src").is_err() && output("none/a").is_err() && output("").is_err());
    }
}
