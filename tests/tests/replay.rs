//! A recorded year of weather through the platform, compared with the file as this test
//! reads it.

use flate2::read::GzDecoder;
use nhip_tests::{City, simulator::Simulator};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

/// Column of the file, datastream, unit, conversion.
type Column = (&'static str, &'static str, &'static str, fn(f64) -> f64);

/// A column of the file, what it becomes, its unit there, and how: the definitions of the
/// inch, the mile and the degree Fahrenheit.
const COLUMNS: [Column; 9] = [
    ("temp", "temperature", "Cel", |f| (f - 32.0) / 1.8),
    ("dewp", "dew_point", "Cel", |f| (f - 32.0) / 1.8),
    ("humid", "humidity", "%", |percent| percent),
    ("wind_dir", "wind_direction", "deg", |degrees| degrees),
    ("wind_speed", "wind_speed", "m/s", |mph| {
        mph * 1_609.344 / 3_600.0
    }),
    ("wind_gust", "wind_gust", "m/s", |mph| {
        mph * 1_609.344 / 3_600.0
    }),
    ("precip", "rain", "mm", |inches| inches * 25.4),
    ("pressure", "pressure", "hPa", |millibars| millibars),
    ("visib", "visibility", "m", |miles| miles * 1_609.344),
];
const AIRPORTS: [&str; 3] = ["ewr", "jfk", "lga"];

/// Device, datastream, time.
type Key = (String, String, String);

#[test]
fn a_year_of_weather_comes_back_as_the_file_has_it_converted() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulators/data/nyc_weather_2013.csv.gz");
    let expected = read(&file);
    assert_eq!(expected.len(), 211_061);
    let city = City::start();
    let file = file.to_string_lossy();
    let words = ["replay", &file, "--preset", "nyc-weather", "--pace", "once"];
    let outcome = Simulator::start(city.addresses(), &words).outcome();
    assert_eq!(outcome.code, 0, "{}", outcome.report);
    assert_eq!(outcome.count("stored"), 211_061, "{}", outcome.report);
    compare(&city, &expected);
    // The same file once more is known, message by message.
    let again = Simulator::start(city.addresses(), &words).outcome();
    assert_eq!(again.code, 0, "{}", again.report);
    let figures = city.settle();
    assert_eq!(figures["stored"], 211_061, "{figures}");
    assert_eq!(figures["duplicate"], 211_061, "{figures}");
    assert_eq!(figures["rejected"], 0, "{figures}");
}

/// Fails unless the API returns each reading of the file, once, and nothing else.
fn compare(city: &City, expected: &BTreeMap<Key, (f64, &str)>) {
    let mut returned = 0;
    for airport in AIRPORTS {
        let mut seen = BTreeMap::new();
        for reading in city.readings(&format!("device={airport}")) {
            let text = |name: &str| reading[name].as_str().unwrap().to_owned();
            let key = (text("device"), text("datastream"), text("time"));
            let Some((value, unit)) = expected.get(&key) else {
                panic!("not in the file: {reading}");
            };
            let got = reading["value"].as_f64().unwrap();
            let error = (got - value).abs();
            assert!(error <= 1e-9 * value.abs().max(1.0), "{value} {reading}");
            assert_eq!(text("unit"), *unit, "{reading}");
            assert_eq!(reading["quality"], "good", "{reading}");
            assert_eq!(seen.insert(key, Value::Null), None, "twice: {reading}");
            returned += 1;
        }
    }
    assert_eq!(returned, expected.len());
}

/// Every reading of the file; `NA` is none.
fn read(file: &Path) -> BTreeMap<Key, (f64, &'static str)> {
    let input = File::open(file).unwrap();
    let mut lines = BufReader::new(GzDecoder::new(input)).lines();
    let header = lines.next().unwrap().unwrap();
    let header: Vec<&str> = header.split(',').collect();
    let column = |name: &str| header.iter().position(|title| *title == name).unwrap();
    let (origin, hour) = (column("origin"), column("time_hour"));
    let columns =
        COLUMNS.map(|(name, datastream, unit, convert)| (column(name), datastream, unit, convert));
    let mut readings = BTreeMap::new();
    for line in lines.map(Result::unwrap) {
        let fields: Vec<&str> = line.split(',').collect();
        let time = fields[hour].replace('Z', ".000000Z");
        for (at, datastream, unit, convert) in columns {
            if fields[at] == "NA" {
                continue;
            }
            let value = convert(fields[at].parse().unwrap());
            let device = fields[origin].to_lowercase();
            let key = (device, datastream.to_owned(), time.clone());
            let before = readings.insert(key, (value, unit));
            assert_eq!(before, None, "twice in the file: {line}");
        }
    }
    readings
}
