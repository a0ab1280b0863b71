//! Payloads of readings, in each format.

use nhip_ingest::decode::{DecodeError, Limits, Readings, Value, decode};
use nhip_wire::{Format, name::is_name};

/// When they came, µs since 1970.
pub(crate) const NOW_US: i64 = 1_795_327_200_000_000;

/// `compact`.
pub fn compact(payload: &[u8]) -> bool {
    of_format(Format::Compact, payload)
}

/// `json`.
pub fn json(payload: &[u8]) -> bool {
    of_format(Format::Json, payload)
}

/// `senml-json`.
pub fn senml_json(payload: &[u8]) -> bool {
    of_format(Format::SenmlJson, payload)
}

/// `senml-cbor`.
pub fn senml_cbor(payload: &[u8]) -> bool {
    of_format(Format::SenmlCbor, payload)
}

fn of_format(format: Format, payload: &[u8]) -> bool {
    check(|out| decode(format, payload, NOW_US, &Limits::default(), out))
}

/// The same bytes give the same readings, an error leaves none, and what comes out keeps the
/// promises of its types.
pub(crate) fn check(read: impl Fn(&mut Readings) -> Result<(), DecodeError>) -> bool {
    let (mut out, mut again) = (Readings::default(), Readings::default());
    let outcome = read(&mut out);
    assert_eq!(read(&mut again), outcome);
    assert_eq!(out.items(), again.items());
    assert!(outcome.is_ok() || out.items().is_empty());
    for reading in out.items() {
        match reading.value {
            Value::Number(number) => {
                assert!(number.is_finite() && (number != 0.0 || number.is_sign_positive()));
                assert!(is_name(out.text(reading.datastream)));
            }
            Value::Invalid(bad) => assert!(!out.text(bad.detail).is_empty()),
        }
    }
    outcome.is_ok()
}
