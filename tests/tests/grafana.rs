//! Every query of the dashboards, against what they ask.

use nhip_tests::{
    City,
    mqtt::{Client, Version},
    questdb::QuestDb,
    wait,
};
use serde_json::{Value, json};
use std::path::Path;

/// The dashboards, by file name.
fn dashboards() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/grafana/dashboards");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_str(&text).unwrap())
    };
    std::fs::read_dir(folder).unwrap().map(read).collect()
}

/// All texts under a key, wherever in a dashboard.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == key => found.push(text),
                    field => texts(field, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

/// What Grafana makes of its macros and variables.
fn filled_in(sql: &str, series: &str) -> String {
    let mut filled = sql
        .replace("$property", "temperature")
        .replace("$series", series);
    while let Some(at) = filled.find("$__timeFilter(") {
        let begin = at + "$__timeFilter(".len();
        let end = begin + filled[begin..].find(')').unwrap();
        let column = filled[begin..end].to_owned();
        let range = format!("{column} BETWEEN '2025-11-01T00:00:00Z' AND '2025-12-01T00:00:00Z'");
        filled.replace_range(at..=end, &range);
    }
    filled
}

/// What Grafana puts for `$series`: the value that the variable's own query has beside this text.
fn series_of(questdb: &QuestDb, dashboards: &[(String, Value)], chosen: &str) -> String {
    let mut queries = Vec::new();
    for (_, dashboard) in dashboards {
        texts(&dashboard["templating"], "query", &mut queries);
    }
    let query = queries.iter().find(|query| query.contains("AS __value"));
    wait::until("the names in the server", || {
        let rows = questdb.ask(query.unwrap())?;
        let row = rows.iter().find(|row| row[0] == chosen)?;
        Some(row[1].to_string())
    })
}

/// A station with a position and readings over a hundred minutes of 2025, and one whose
/// instrument gives nothing.
fn publish(city: &City) {
    let place = json!({"title": "Station",
                       "position": {"type": "Point", "coordinates": [106.7, 10.8]}});
    let made = city.ask("PUT", "/api/v1/devices/station", Some(&place));
    assert_eq!(made.status, 201, "{}", made.text);
    let mut client = Client::connect(city.addresses().mqtt, "station", Version::V4);
    for seq in 0..100 {
        let time = 1_763_000_000_000_u64 + seq * 60_000;
        let payload = json!({"boot": 1, "seq": seq, "time": time,
                             "readings": {"temperature": 20.5}});
        let topic = "devices/station/readings/json";
        let reason = client.publish(topic, payload.to_string().as_bytes());
        assert_eq!(reason.unwrap(), 0);
    }
    let silent = json!({"boot": 1, "seq": 0, "time": 1_763_000_000_000_u64,
                        "readings": {"temperature": null}});
    let topic = "devices/silent/readings/json";
    let place = json!({"title": "Silent",
                       "position": {"type": "Point", "coordinates": [106.8, 10.9]}});
    let made = city.ask("PUT", "/api/v1/devices/silent", Some(&place));
    assert_eq!(made.status, 201, "{}", made.text);
    let mut instrument = Client::connect(city.addresses().mqtt, "silent", Version::V4);
    let reason = instrument.publish(topic, silent.to_string().as_bytes());
    assert_eq!(reason.unwrap(), 0);
    // A counter with a reason is shown once it has counted.
    let reason = client.publish("devices/station/readings/json", b"no JSON");
    assert_eq!(reason.unwrap(), 0);
    city.settle();
}

/// The reading of the silent station is stored as 0, which nobody measured.
fn unmeasured_is_no_zero(sql: &str, rows: &[Vec<Value>]) {
    for row in rows {
        let zero = row.iter().any(|cell| cell.as_f64() == Some(0.0));
        assert!(!zero, "{sql}: {row:?}");
    }
    // Who lists the stations lists it, too.
    if sql.contains("r.quality FROM") {
        let silent = rows.iter().find(|row| row.contains(&json!("silent")));
        assert!(silent.unwrap().contains(&Value::Null), "{rows:?}");
    }
}

#[test]
fn every_query_of_the_dashboards_has_an_answer() {
    let questdb = QuestDb::start(&[]);
    let city = questdb.city().set("STORE__LATE_MERGE_AFTER_S", "0").start();
    publish(&city);
    let dashboards = dashboards();
    let series = series_of(&questdb, &dashboards, "station temperature");
    for (what, sql, expected) in [
        ("readings", "SELECT count() FROM readings", 101),
        ("counted hours", "SELECT sum(count) FROM hours", 100),
        (
            "positions",
            "SELECT count() FROM datastreams WHERE latitude IS NOT NULL",
            2,
        ),
    ] {
        wait::until(what, || {
            (questdb.number(sql) == Some(expected)).then_some(())
        });
    }
    let metrics = city.ask("GET", "/metrics", None).text;
    let (mut asked, mut of_series, mut of_values) = (0, 0, 0);
    for (name, dashboard) in dashboards {
        let mut queries = Vec::new();
        texts(&dashboard, "rawSql", &mut queries);
        texts(&dashboard["templating"], "query", &mut queries);
        for sql in queries {
            of_series += usize::from(sql.contains("$series"));
            let sql = filled_in(sql, &series);
            let rows = questdb.ask(&sql).unwrap();
            assert!(!rows.is_empty(), "{name}: {sql}");
            if sql.contains("r.value") {
                unmeasured_is_no_zero(&sql, &rows);
                of_values += 1;
            }
            asked += 1;
        }
        let mut expressions = Vec::new();
        texts(&dashboard, "expr", &mut expressions);
        for expression in expressions {
            let words = expression.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            for metric in words.filter(|word| word.starts_with("nhip_")) {
                assert!(
                    metrics.contains(metric),
                    "{name}: {metric} is not in /metrics"
                );
                asked += 1;
            }
        }
    }
    assert!(
        asked > 20 && of_series == 4 && of_values == 4,
        "{asked} queries, {of_series} with $series, {of_values} of values"
    );
}
