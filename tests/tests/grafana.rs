//! Every query of the dashboards, against what they ask.

use nhip_tests::{
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

#[test]
fn every_query_of_the_dashboards_has_an_answer() {
    let questdb = QuestDb::start(&[]);
    let city = questdb.city().start();
    let place = json!({"name": "Station", "place": null,
                       "position": {"type": "Point", "coordinates": [106.7, 10.8]}});
    city.ask("PUT", "/api/v1/devices/station", Some(&place));
    let mut client = Client::connect(city.addresses().mqtt, "station", Version::V4);
    for seq in 0..100 {
        let time = 1_763_000_000_000_u64 + seq * 60_000;
        let payload = json!({"boot": 1, "seq": seq, "time": time,
                             "readings": {"temperature": 20.5}});
        let topic = "devices/station/readings/json";
        let reason = client.publish(topic, payload.to_string().as_bytes());
        assert_eq!(reason.unwrap(), 0);
    }
    // A counter with a reason is shown once it has counted.
    let reason = client.publish("devices/station/readings/json", b"no JSON");
    assert_eq!(reason.unwrap(), 0);
    city.settle();
    let series = wait::until("the names in the server", || {
        questdb.number("SELECT series FROM datastreams WHERE property = 'temperature'")
    });
    wait::until("the readings in the server", || {
        (questdb.number("SELECT count() FROM readings") == Some(100)).then_some(())
    });
    let metrics = city.ask("GET", "/metrics", None).text;
    let mut asked = 0;
    for (name, dashboard) in dashboards() {
        let mut queries = Vec::new();
        texts(&dashboard, "rawSql", &mut queries);
        texts(&dashboard["templating"], "query", &mut queries);
        for sql in queries {
            let sql = filled_in(sql, &series.to_string());
            let rows = questdb.ask(&sql).unwrap();
            // Hours are counted later than this test waits; a position may be unset.
            let may_be_empty = sql.contains("FROM hours") || sql.contains("latitude IS NOT NULL");
            assert!(may_be_empty || !rows.is_empty(), "{name}: {sql}");
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
    assert!(asked > 20, "{asked} queries");
}
