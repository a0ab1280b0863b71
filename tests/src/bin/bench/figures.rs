//! Figures as a table for people and as JSON for comparisons.

use serde_json::json;
use std::{fmt::Write, fs, io, path::Path};

/// One measured figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub what: &'static str,
    /// What came out.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it must reach.
    pub at_least: f64,
    /// What it should reach.
    pub aim: f64,
    /// Whether more is better.
    pub more: bool,
    /// How it came about: the peer's figure, counts.
    pub note: String,
}

impl Figure {
    /// A figure of which more is better.
    pub fn more(
        what: &'static str,
        value: f64,
        unit: &'static str,
        bounds: (f64, f64),
        note: String,
    ) -> Self {
        Self {
            what,
            value,
            unit,
            at_least: bounds.0,
            aim: bounds.1,
            more: true,
            note,
        }
    }

    /// A figure of which less is better.
    pub fn less(
        what: &'static str,
        value: f64,
        unit: &'static str,
        bounds: (f64, f64),
        note: String,
    ) -> Self {
        Self {
            more: false,
            ..Self::more(what, value, unit, bounds, note)
        }
    }

    fn verdict(&self) -> &'static str {
        let reaches = |bound: f64| {
            if self.more {
                self.value >= bound
            } else {
                self.value <= bound
            }
        };
        match (reaches(self.aim), reaches(self.at_least)) {
            (true, _) => "aim",
            (_, true) => "enough",
            _ => "SHORT",
        }
    }
}

/// The figures as a Markdown table.
pub fn table(figures: &[Figure]) -> String {
    let mut table = String::from(
        "| What | Measured | At least | Aim | Reached | How |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for figure in figures {
        let unit = figure.unit;
        let _ = writeln!(
            table,
            "| {} | {} {unit} | {} | {} | {} | {} |",
            figure.what,
            shown(figure.value),
            shown(figure.at_least),
            shown(figure.aim),
            figure.verdict(),
            figure.note
        );
    }
    table
}

/// Writes `target/bench/figures.json`.
pub fn write_json(figures: &[Figure]) -> io::Result<()> {
    let rows: Vec<_> = figures
        .iter()
        .map(|figure| {
            json!({
                "what": figure.what, "value": figure.value, "unit": figure.unit,
                "at_least": figure.at_least, "aim": figure.aim,
                "reached": figure.verdict(), "note": figure.note,
            })
        })
        .collect();
    let folder = Path::new("target/bench");
    fs::create_dir_all(folder)?;
    let text = serde_json::to_string_pretty(&rows).map_err(io::Error::other)?;
    fs::write(folder.join("figures.json"), text)
}

/// Three significant digits, with a letter for large numbers.
pub fn shown(value: f64) -> String {
    match value {
        large if large >= 1e6 => format!("{:.2} M", large / 1e6),
        thousands if thousands >= 1e4 => format!("{:.0} k", thousands / 1e3),
        whole if whole >= 100.0 => format!("{whole:.0}"),
        small if small >= 1.0 => format!("{small:.2}"),
        tiny => format!("{tiny:.3}"),
    }
}
