//! A city that moves to QuestDB and back, running and stopped.

use nhip_tests::{
    City, command,
    ledger::Ledger,
    mqtt::{Client, Version},
    publishers::Publishers,
    questdb::QuestDb,
    wait,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR_MS: u64 = 3_600_000;
const TO_QUESTDB: [&str; 6] = ["store", "copy", "--from", "embedded", "--to", "questdb"];
const TO_EMBEDDED: [&str; 6] = ["store", "copy", "--from", "questdb", "--to", "embedded"];

/// A city in the embedded store that knows of a server.
fn city_beside(questdb: &QuestDb) -> City {
    questdb
        .city()
        .set("STORE__KIND", "embedded")
        .set("INGEST__CHECKPOINT_ROWS", "2000")
        .start()
}

/// Publishes late readings of a device: one an hour over the last `hours`, without a sequence
/// too; gives what the API shows of them.
fn publish_late(city: &City, device: &str, hours: u64) -> usize {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = now.as_millis() as u64;
    let mut client = Client::connect(city.addresses().mqtt, device, Version::V4);
    let topic = format!("devices/{device}/readings/json");
    for hour in 1..=hours {
        let time = now_ms - hour * HOUR_MS;
        let numbered = json!({"boot": 1, "seq": hour, "time": time,
            "readings": {"pm2_5": {"value": hour as f64 / 8.0, "quality": "suspect"}}});
        let plain = json!({"time": time, "readings": {"temperature": 20.5, "humidity": 60}});
        let payload = json!([numbered, plain]).to_string();
        assert_eq!(client.publish(&topic, payload.as_bytes()).unwrap(), 0);
    }
    3 * hours as usize
}

fn progress(city: &City) -> Value {
    city.get("/api/v1/store/copy")
}

fn begin(city: &City, from: &str, to: &str, rate: u64) {
    let order = json!({"from": from, "to": to, "readings_per_s_max": rate});
    let answer = city.ask("PUT", "/api/v1/store/copy", Some(&order));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Waits until some of the history is copied, and not all of it.
fn wait_for_a_part(city: &City) {
    wait::until("a part of the copy", || {
        let progress = progress(city);
        assert_ne!(progress["phase"], "following", "{progress}");
        (progress["days_done"].as_u64()? > 0).then_some(())
    });
}

/// Runs the command beside the platform; it must end well.
fn copy(city: &City, arguments: &[&str]) -> String {
    let url = format!("http://{}", city.addresses().http);
    let arguments = [arguments, &["--url", &url]].concat();
    let ended = command::run(&arguments, city.folder(), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.output
}

/// What a start of a city that is stopped says when it is refused.
fn start_with(city: &City, questdb: &QuestDb, kind: &str) -> String {
    let (http, pg) = (questdb.server.http(), questdb.server.pg());
    let settings = [
        ("NHIP_MQTT__LISTEN", "127.0.0.1:0"),
        ("NHIP_MQTT__WEBSOCKET", "127.0.0.1:0"),
        ("NHIP_HTTP__LISTEN", "127.0.0.1:0"),
        ("NHIP_DATA", city.folder().to_str().unwrap()),
        ("NHIP_STORE__QUESTDB__HTTP", &http),
        ("NHIP_STORE__QUESTDB__PG", &pg),
        ("NHIP_STORE__KIND", kind),
    ];
    let refused = command::run(&["up"], city.folder(), &settings);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    refused.errors
}

/// What the API shows of the device that published before the move, once nothing is pending:
/// only while nobody publishes, since something always is as long as somebody does.
fn settled(city: &City) -> Vec<Value> {
    city.settle();
    city.readings("device=old")
}

fn assert_stored(city: &City, ledger: &Ledger, late: usize) {
    let figures = city.settle();
    ledger.assert_stored(city);
    let old = city.readings("device=old").len() + city.readings("device=later").len();
    assert_eq!(old, late, "{figures}");
}

#[test]
fn a_city_moves_there_and_back_while_readings_come_and_everything_is_killed() {
    let mut questdb = QuestDb::start(&[]);
    let mut city = city_beside(&questdb);
    let mut late = publish_late(&city, "old", 24 * 12);
    let before = settled(&city);
    // Slowly enough to be killed on the way.
    begin(&city, "embedded", "questdb", 100);
    let publishers = Publishers::start_paced(city.addresses().mqtt, "load", 2, 1_000);
    wait_for_a_part(&city);
    city.kill_and_launch();
    let resumed = progress(&city);
    assert!(resumed["days_done"].as_u64().unwrap() > 0, "{resumed}");
    late += publish_late(&city, "later", 24 * 11);
    questdb.server.kill();
    publishers.wait_for(2_000);
    questdb.server.restart();
    let told = copy(&city, &TO_QUESTDB);
    assert!(told.contains("are the same in both"), "{told}");
    assert!(told.contains("store.kind = \"questdb\""), "{told}");
    publishers.wait_for(1_000);
    copy(&city, &[&TO_QUESTDB[..], &["--check"]].concat());
    assert_eq!(progress(&city)["check"]["differences"], 0);

    // What came behind the last checkpoint may be in both stores, and would be folded again.
    city.kill();
    let refused = start_with(&city, &questdb, "questdb");
    assert!(refused.contains("without a last checkpoint"), "{refused}");
    city.launch();
    publishers.wait_for(1_000);
    assert!(city.terminate().success());
    city.set("STORE__KIND", "questdb");
    city.launch();
    publishers.wait_for(1_000);
    assert_eq!(city.readings("device=old"), before);
    assert_eq!(city.ask("GET", "/api/v1/store/copy", None).status, 404);
    let stored = |figures: Value| figures["stored"].as_u64();

    begin(&city, "questdb", "embedded", 100_000);
    publishers.wait_for(500);
    city.kill_and_launch();
    copy(&city, &TO_EMBEDDED);
    publishers.wait_for(1_000);
    city.set("STORE__KIND", "embedded");
    assert!(city.terminate().success());
    city.launch();
    publishers.wait_for(1_000);
    let ledger = publishers.stop();
    assert_eq!(settled(&city), before);
    assert_stored(&city, &ledger, late);
    // As many as the fold has counted, and no more.
    let count = city.readings("property=sample").len() + late;
    assert_eq!(stored(city.settle()), Some(count as u64));
}

/// Makes the server another city's.
fn occupy(questdb: &QuestDb) {
    for sql in [
        "CREATE TABLE nhip_schema (version LONG, city VARCHAR, utc_offset_min LONG, readings LONG)",
        "INSERT INTO nhip_schema VALUES (1, 'another-city', 420, 1)",
    ] {
        questdb.ask(sql).unwrap();
    }
}

#[test]
fn a_running_platform_says_why_it_copies_nothing() {
    let questdb = QuestDb::start(&[]);
    let city = city_beside(&questdb);
    let late = publish_late(&city, "old", 24);
    city.settle();
    let url = format!("http://{}", city.addresses().http);
    let run = |more: &[&str]| {
        let words = [&TO_QUESTDB[..], more, &["--url", &url]].concat();
        command::run(&words, city.folder(), &[])
    };
    occupy(&questdb);
    let refused = run(&[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.errors.contains("nhip_schema has another-city"),
        "{refused:?}"
    );
    let other = command::run(
        &[&TO_EMBEDDED[..], &["--cancel", "--url", &url]].concat(),
        city.folder(),
        &[],
    );
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other.errors.contains("from embedded to questdb"),
        "{other:?}"
    );
    let ended = run(&["--cancel"]);
    assert_eq!(ended.output.trim(), "the copy is ended and forgotten");
    let none = run(&["--cancel"]);
    assert_eq!(
        (none.code, none.output.trim()),
        (Some(0), "no copy is under way")
    );

    questdb.ask("DROP TABLE nhip_schema").unwrap();
    assert_eq!(run(&[]).code, Some(0));
    assert_eq!(
        questdb.number("SELECT count() FROM readings"),
        Some(late as u64)
    );
    // To compare everything again it has to be usable, too.
    questdb
        .ask("ALTER TABLE readings RENAME COLUMN value TO v2")
        .unwrap();
    wait::until("the new name", || {
        let named = "SELECT count() FROM table_columns('readings') WHERE \"column\" = 'v2'";
        (questdb.number(named) == Some(1)).then_some(())
    });
    for check in [false, true] {
        let order = json!({"from": "embedded", "to": "questdb", "check": check});
        let refused = city.ask("PUT", "/api/v1/store/copy", Some(&order));
        assert_eq!(refused.status, 503, "{}", refused.text);
        let problem: Value = serde_json::from_str(&refused.text).unwrap();
        let told = problem["detail"].as_str().unwrap();
        assert!(
            told.starts_with("the copy can't go on: ") && told.contains("no column value"),
            "{told}"
        );
        let shown = progress(&city);
        let problem = shown["problem"].as_str().unwrap_or_default();
        assert!(problem.contains("no column value"), "{shown}");
        assert_eq!(shown["stuck"], true);
    }
    for more in [&[][..], &["--check"]] {
        let refused = run(more);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.errors.contains("readings has no column value"),
            "{refused:?}"
        );
    }
}

#[test]
fn a_city_that_is_stopped_is_moved_in_its_folder() {
    let questdb = QuestDb::start(&[]);
    let mut city = city_beside(&questdb);
    let late = publish_late(&city, "old", 24 * 3);
    let before = settled(&city);
    assert_eq!(before.len(), late);
    assert!(city.terminate().success());
    let folder = city.folder().to_path_buf();
    let (http, pg) = (questdb.server.http(), questdb.server.pg());
    let settings = [
        ("NHIP_DATA", folder.to_str().unwrap()),
        ("NHIP_STORE__QUESTDB__HTTP", &http),
        ("NHIP_STORE__QUESTDB__PG", &pg),
    ];
    let run = |arguments: &[&str]| command::run(arguments, &folder, &settings);

    // The kind alone moves nothing.
    let refused = start_with(&city, &questdb, "questdb");
    assert!(refused.contains("nhip store copy"), "{refused}");
    assert_eq!(
        run(&["store", "copy", "--from", "questdb", "--to", "questdb"]).code,
        Some(2)
    );
    assert_eq!(
        run(&["store", "copy", "--from", "ledger", "--to", "questdb"]).code,
        Some(2)
    );
    assert_eq!(run(&TO_EMBEDDED).code, Some(0), "it is there already");
    let early = run(&[&TO_QUESTDB[..], &["--check"]].concat());
    assert_eq!(early.code, Some(1), "{early:?}");

    let none = run(&[&TO_QUESTDB[..], &["--cancel"]].concat());
    assert_eq!(none.code, Some(0), "{none:?}");
    assert_eq!(none.output.trim(), "no copy is under way");

    occupy(&questdb);
    let refused = run(&TO_QUESTDB);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.errors.contains("nhip_schema has another-city")
            && refused.errors.contains("--cancel"),
        "{refused:?}"
    );
    let other = run(&[&TO_EMBEDDED[..], &["--cancel"]].concat());
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other.errors.contains("from embedded to questdb"),
        "{other:?}"
    );
    questdb.ask("DROP TABLE nhip_schema").unwrap();
    let moved = run(&TO_QUESTDB);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert!(moved.output.contains("start the platform"), "{moved:?}");
    // Its progress alone, and nothing of what the database does for it.
    let is_progress = |line: &str| line.contains(" readings of ");
    assert!(moved.errors.lines().all(is_progress), "{moved:?}");
    let number = questdb.number("SELECT count() FROM readings");
    assert_eq!(number, Some(late as u64));
    let compare = |to: &[&str]| {
        let compared = run(&[to, &["--check"]].concat());
        assert_eq!(compared.code, Some(0), "{compared:?}");
        let same = format!("{late} readings of ");
        assert!(compared.output.starts_with(&same), "{compared:?}");
    };
    compare(&TO_QUESTDB);
    city.set("STORE__KIND", "questdb");
    city.launch();
    assert_eq!(settled(&city), before);
    assert!(city.terminate().success());
    let back = run(&TO_EMBEDDED);
    assert_eq!(back.code, Some(0), "{back:?}");
    compare(&TO_EMBEDDED);
    city.set("STORE__KIND", "embedded");
    city.launch();
    assert_eq!(settled(&city), before);
    let late = late + publish_late(&city, "later", 5);
    assert_stored(&city, &Ledger::default(), late);
}
