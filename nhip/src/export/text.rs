//! Readings as lines of text.

use super::reading::Reading;
use std::io::Write;

/// The first line of CSV.
pub(super) const CSV_HEADER: &str =
    "device,datastream,time,received,value,unit,quality,boot,seq,time_source";

/// Names, times and qualities hold nothing that CSV would need to quote; units may.
fn csv_row(reading: &Reading) -> String {
    let Reading {
        device,
        datastream,
        time,
        received,
        value,
        unit,
        quality,
        boot,
        seq,
        time_source,
    } = reading;
    let unit = match unit.contains([',', '"', '\n']) {
        true => format!("\"{}\"", unit.replace('"', "\"\"")),
        false => unit.clone(),
    };
    // A reading of quality `missing` has no value.
    let value = match value.get() {
        "null" => "",
        text => text,
    };
    let boot = boot.map(|boot| boot.to_string()).unwrap_or_default();
    let seq = seq.map(|seq| seq.to_string()).unwrap_or_default();
    format!(
        "{device},{datastream},{time},{received},{value},{unit},{quality},{boot},{seq},{time_source}"
    )
}

/// Writes a reading as a line of CSV (RFC 4180, with the line ends of Unix).
pub(super) fn csv(reading: &Reading, output: &mut impl Write) -> std::io::Result<()> {
    writeln!(output, "{}", csv_row(reading))
}

/// Writes a reading as a line of JSON.
pub(super) fn ndjson(reading: &Reading, output: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer(&mut *output, reading)?;
    writeln!(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_the_numbers_as_the_api_wrote_them() {
        let json = r#"{"device":"a","datastream":"b","time":"t","received":"r","value":31.20,
            "unit":"a,b","quality":"good","boot":null,"seq":18446744073709551615,
            "time_source":"device"}"#;
        let reading: Reading = serde_json::from_str(json).unwrap();
        assert_eq!(
            csv_row(&reading),
            "a,b,t,r,31.20,\"a,b\",good,,18446744073709551615,device"
        );
    }
}
