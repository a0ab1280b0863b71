use super::*;
use std::path::PathBuf;

fn nyc() -> Recording {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/nyc_weather_2013.csv.gz");
    let mapping = Mapping::nyc_weather().unwrap();
    Recording::open(&path, mapping, None, 1_000_000).unwrap()
}

fn mapping(columns: &[&str]) -> Mapping {
    Mapping {
        device_column: Some("station".to_owned()),
        device: None,
        time_columns: vec!["at".to_owned()],
        utc_offset_s: 7 * 3_600,
        values: columns
            .iter()
            .map(|column| column.parse().unwrap())
            .collect(),
        gaps: vec!["NA".to_owned(), "-".to_owned()],
    }
}

fn read(text: &str, ndjson: bool) -> Result<Recording, RecordingError> {
    Recording::read(
        text.as_bytes(),
        ndjson,
        mapping(&["pm=pm2_5", "on"]),
        1,
        100,
    )
}

#[test]
fn a_year_of_weather_is_read_whole() {
    let recording = nyc();
    assert_eq!(recording.len() as u64 + recording.empty_rows, 26_115);
    let names: Vec<_> = recording
        .ledgers()
        .map(|l| l.device().to_string())
        .collect();
    assert_eq!(names, ["ewr", "jfk", "lga"]);
    // The gaps of each column, counted in the file with zcat and awk.
    let gaps = [1, 1, 1, 460, 4, 20_778, 0, 2_729, 0];
    for (datastream, gaps) in gaps.into_iter().enumerate() {
        let present: usize = recording
            .ledgers()
            .map(|ledger| {
                (0..ledger.len())
                    .filter(|m| ledger.entry(*m, datastream).is_some())
                    .count()
            })
            .sum();
        assert_eq!(26_115 - present, gaps, "column {datastream}");
    }
}

#[test]
fn the_first_row_is_kept_as_it_is_and_as_it_should_be_stored() {
    let recording = nyc();
    // EWR,2013,1,1,1,39.02,26.06,59.37,270,10.357019999999999,NA,0,1012,10,2013-01-01T06:00:00Z
    let device = &recording.devices[0];
    assert_eq!(
        device.raw[..5],
        [39.02, 26.06, 59.37, 270.0, 10.357019999999999]
    );
    let entry = |datastream| device.ledger.entry(0, datastream);
    assert_eq!(entry(0).unwrap().time_us, 1_357_020_000_000_000);
    assert!((entry(0).unwrap().value - 3.9).abs() < 1e-9);
    assert!((entry(4).unwrap().value - 4.63).abs() < 1e-3);
    assert_eq!(entry(5), None);
    assert!((entry(8).unwrap().value - 16_093.44).abs() < 1e-9);
}

#[test]
fn the_same_file_gives_the_same_boot_and_another_mapping_another() {
    let boot = |mapping: &Mapping| content_boot(b"a,b\n1,2\n".as_slice(), mapping).unwrap();
    let (one, other) = (mapping(&["a"]), mapping(&["a", "b"]));
    assert_eq!(boot(&one), boot(&one));
    assert_ne!(boot(&one), boot(&other));
    assert!(boot(&one) < 1 << 31);
}

#[test]
fn csv_and_ndjson_say_the_same() {
    let csv = "on,at,pm,station\nNA,2026-01-01 07:00,12.5,Trạm A\n,2026-01-01 08:00,-,Trạm A\n1,2026-01-01 07:00,3,b\n";
    let ndjson = r#"{"at":"2026-01-01 07:00","pm":12.5,"station":"Trạm A","on":null}
        {"at":"2026-01-01 08:00","station":"Trạm A"}

        {"at":1767225600000,"pm":"3","station":"b","on":true}"#;
    for recording in [read(csv, false).unwrap(), read(ndjson, true).unwrap()] {
        let names: Vec<_> = recording
            .ledgers()
            .map(|l| l.device().to_string())
            .collect();
        assert_eq!(names, ["tram-a", "b"]);
        assert_eq!(recording.empty_rows, 1);
        let ms = 1_767_225_600_000;
        assert_eq!(recording.rows, [(ms, 0, 0), (ms, 1, 0)]);
        let ledgers: Vec<_> = recording.ledgers().collect();
        assert_eq!(ledgers[0].entry(0, 0).unwrap().value, 12.5);
        assert_eq!(ledgers[0].entry(0, 1), None);
        assert_eq!(ledgers[1].entry(0, 1).unwrap().value, 1.0);
    }
}

#[test]
fn says_which_row_is_wrong() {
    let error = |text: &str| read(text, false).unwrap_err().to_string();
    let head = "on,at,pm,station\n";
    assert!(
        error(&format!("{head}1,2026-01-01T00:00:00Z,1,a\n1,soon,1,a"))
            .starts_with("row 2: \"soon\"")
    );
    assert!(error(&format!("{head}1,1767225600,12;5,a")).contains("column pm: \"12;5\""));
    assert!(error(&format!("{head}1,1767225600,NaN,a")).contains("column pm: \"NaN\""));
    assert!(error(&format!("{head}1,1767225600,1,!")).contains("names match"));
    assert!(error("on,at,station\n").contains("no column \"pm\""));
    let json = read("{\"at\":1}\n[1]", true).unwrap_err().to_string();
    assert!(json.starts_with("row 1"), "{json}");
}

#[test]
fn a_file_without_a_value_is_refused() {
    let error = read("{\"at\":1767225600,\"station\":\"a\"}", true).unwrap_err();
    assert!(matches!(error, RecordingError::Empty { .. }), "{error}");
}

#[test]
fn a_file_longer_than_the_books_is_refused() {
    let rows = "1,1767225600,1,a\n".repeat(51);
    let error = read(&format!("on,at,pm,station\n{rows}"), false).unwrap_err();
    assert!(matches!(error, RecordingError::TooLong(100)));
}
