//! Whether `docs/mqtt.md` names every statement of the specifications.

use std::{collections::BTreeSet, fs, ops::RangeInclusive, path::Path};

/// The numbered statements of MQTT 5.0 (OASIS Standard, appendix B).
const MQTT_5: &[(&str, RangeInclusive<u8>)] = &[
    ("1.5.4", 1..=3),
    ("1.5.5", 1..=1),
    ("1.5.7", 1..=1),
    ("2.1.3", 1..=1),
    ("2.2.1", 2..=6),
    ("2.2.2", 1..=1),
    ("3.1.0", 1..=2),
    ("3.1.2", 1..=30),
    ("3.1.3", 1..=12),
    ("3.1.4", 1..=6),
    ("3.2.0", 1..=2),
    ("3.2.2", 1..=22),
    ("3.3.1", 1..=13),
    ("3.3.2", 1..=20),
    ("3.3.4", 1..=10),
    ("3.4.2", 1..=3),
    ("3.5.2", 1..=3),
    ("3.6.1", 1..=1),
    ("3.6.2", 1..=3),
    ("3.7.2", 1..=3),
    ("3.8.1", 1..=1),
    ("3.8.3", 1..=5),
    ("3.8.4", 1..=8),
    ("3.9.2", 1..=2),
    ("3.9.3", 1..=2),
    ("3.10.1", 1..=1),
    ("3.10.3", 1..=2),
    ("3.10.4", 1..=6),
    ("3.11.2", 1..=2),
    ("3.11.3", 1..=2),
    ("3.12.4", 1..=1),
    ("3.14.0", 1..=1),
    ("3.14.1", 1..=1),
    ("3.14.2", 1..=4),
    ("3.14.4", 1..=3),
    ("3.15.1", 1..=1),
    ("3.15.2", 1..=3),
    ("4.1.0", 1..=2),
    ("4.2.0", 1..=1),
    ("4.3.1", 1..=1),
    ("4.3.2", 1..=5),
    ("4.3.3", 1..=13),
    ("4.4.0", 1..=2),
    ("4.5.0", 1..=2),
    ("4.6.0", 1..=6),
    ("4.7.0", 1..=1),
    ("4.7.1", 1..=2),
    ("4.7.2", 1..=1),
    ("4.7.3", 1..=4),
    ("4.8.2", 1..=6),
    ("4.9.0", 1..=3),
    ("4.12.0", 1..=7),
    ("4.12.1", 1..=2),
    ("4.13.1", 1..=1),
    ("4.13.2", 1..=1),
    ("6.0.0", 1..=4),
];

/// Those of MQTT 3.1.1, which prints 3-8.3-4 with a dash too many.
const MQTT_3: &[(&str, RangeInclusive<u8>)] = &[
    ("1.5.3", 1..=3),
    ("2.2.2", 1..=2),
    ("2.3.1", 1..=7),
    ("3.1.0", 1..=2),
    ("3.1.2", 1..=24),
    ("3.1.3", 1..=11),
    ("3.1.4", 1..=5),
    ("3.2.0", 1..=1),
    ("3.2.2", 1..=6),
    ("3.3.1", 1..=12),
    ("3.3.2", 1..=3),
    ("3.3.4", 1..=1),
    ("3.3.5", 1..=2),
    ("3.6.1", 1..=1),
    ("3.8.1", 1..=1),
    ("3.8.3", 1..=3),
    ("3-8.3", 4..=4),
    ("3.8.4", 1..=6),
    ("3.9.3", 1..=2),
    ("3.10.1", 1..=1),
    ("3.10.3", 1..=2),
    ("3.10.4", 1..=6),
    ("3.12.4", 1..=1),
    ("3.14.1", 1..=1),
    ("3.14.4", 1..=3),
    ("4.1.0", 1..=2),
    ("4.3.1", 1..=1),
    ("4.3.2", 1..=2),
    ("4.3.3", 1..=2),
    ("4.4.0", 1..=1),
    ("4.5.0", 1..=2),
    ("4.6.0", 1..=6),
    ("4.7.1", 1..=3),
    ("4.7.2", 1..=1),
    ("4.7.3", 1..=4),
    ("4.8.0", 1..=2),
    ("6.0.0", 1..=4),
    ("7.0.0", 1..=2),
    ("7.1.1", 1..=1),
    ("7.1.2", 1..=1),
];

fn statements(list: &[(&str, RangeInclusive<u8>)]) -> BTreeSet<String> {
    let numbers = |(section, range): &(&str, RangeInclusive<u8>)| {
        let section = (*section).to_owned();
        range
            .clone()
            .map(move |number| format!("{section}-{number}"))
    };
    list.iter().flat_map(numbers).collect()
}

/// The names of all functions in the sources below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1);
            found.extend(names.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

/// The names of all functions that are or test the broker.
fn known(root: &Path) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for folder in ["src", "tests", "../tests/tests"] {
        functions(&root.join(folder), &mut known);
    }
    known
}

#[test]
fn every_test_that_is_named_for_a_bound_or_a_bad_input_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../docs/broker.md")).unwrap();
    let (_, bounds) = text.split_once("## Bounds").unwrap();
    let (bounds, _) = bounds.split_once("## Seams").unwrap();
    let known = known(root);
    let rows: Vec<_> = bounds
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    assert!(rows.len() > 20, "the tables are not found");
    for row in rows {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in shown.split('`').skip(1).step_by(2) {
            assert!(known.contains(name), "there is no {name}");
        }
    }
}

#[test]
fn every_statement_is_named_with_what_shows_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../docs/mqtt.md")).unwrap();
    let known = known(root);
    let (_, tables) = text.split_once("## MQTT 5").unwrap();
    let (five, three) = tables.split_once("## MQTT 3.1.1").unwrap();
    for (table, list) in [(five, MQTT_5), (three, MQTT_3)] {
        let mut missing = statements(list);
        for row in table.lines().filter(|line| line.starts_with("| MQTT-")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, statement, what, shown, _] = cells[..] else {
                panic!("{row}: not three cells");
            };
            let number = statement.trim_start_matches("MQTT-");
            assert!(
                missing.remove(number),
                "{statement}: twice, or no statement"
            );
            assert!(!what.is_empty() && !shown.is_empty(), "{statement}");
            for name in shown.split('`').skip(1).step_by(2) {
                let exists = match name.ends_with(".rs") {
                    true => root.join("src").join(name).exists(),
                    false => known.contains(name),
                };
                assert!(exists, "{statement}: there is no {name}");
            }
        }
        assert!(missing.is_empty(), "not in docs/mqtt.md: {missing:?}");
    }
}

#[test]
fn the_figures_above_the_lists_are_theirs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../docs/mqtt.md")).unwrap();
    let (head, tables) = text.split_once("## MQTT 5").unwrap();
    let (five, three) = tables.split_once("## MQTT 3.1.1").unwrap();
    for (name, table) in [("MQTT 5.0", five), ("MQTT 3.1.1", three)] {
        let rows = table.lines().filter(|line| line.starts_with("| MQTT-"));
        let shown = rows.filter_map(|row| row.split('|').nth(3).map(str::trim));
        let (mut by_tests, mut clients, mut reasoned) = (0, 0, 0);
        for cell in shown {
            match cell {
                "about the client" => clients += 1,
                _ if cell.starts_with('`') => by_tests += 1,
                _ => reasoned += 1,
            }
        }
        let all = by_tests + clients + reasoned;
        let figures = format!("| {name} | {all} | {by_tests} | {clients} | {reasoned} |");
        assert!(head.contains(&figures), "{figures}");
    }
}
