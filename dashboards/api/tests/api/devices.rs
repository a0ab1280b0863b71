//! Devices, datastreams and places.

use crate::kit::{City, problem, reading, text};
use axum::http::StatusCode;
use serde_json::{Value, json};

const PUT: &str = r#"{
    "title": "Trạm Bến Thành",
    "position": {"type": "Point", "coordinates": [106.698, 10.772]},
    "simulated": true,
    "datastreams": [{"name": "pm2_5"}, {"name": "gate", "categories": {"0": "shut", "1": "open"}}]
}"#;

#[tokio::test]
async fn a_device_is_put_shown_and_retired() {
    let city = City::new();
    let put = city.write("PUT", "/api/v1/devices/tram-1", PUT).await;
    assert_eq!(put.status(), StatusCode::CREATED);
    assert_eq!(put.headers()["location"], "/api/v1/devices/tram-1");
    let device = city.json("/api/v1/devices/tram-1").await;
    assert_eq!(
        serde_json::from_str::<Value>(&text(put).await).unwrap(),
        device
    );
    assert_eq!(
        device["position"],
        json!({"type": "Point", "coordinates": [106.698, 10.772]})
    );
    assert_eq!(device["place"], "phuong-ben-thanh");
    assert_eq!(device["title"], "Trạm Bến Thành");
    assert_eq!(device["last_seen"], "2026-11-22T06:00:00.000000Z");
    assert_eq!(device["status"], "online");
    assert_eq!(device["datastreams"][0]["unit"], "ug/m3");
    assert_eq!(device["datastreams"][1]["categories"]["1"], "open");
    let again = city.write("PUT", "/api/v1/devices/tram-1", PUT).await;
    assert_eq!(again.status(), StatusCode::OK);

    let retired = city.write("DELETE", "/api/v1/devices/tram-1", "").await;
    assert_eq!(retired.status(), StatusCode::NO_CONTENT);
    assert_eq!(city.json("/api/v1/devices").await["items"], json!([]));
    let with_retired = city.json("/api/v1/devices?retired=true").await;
    assert_eq!(
        with_retired["items"][0]["retired"],
        "2026-11-22T06:00:00.000000Z"
    );
    city.write("PUT", "/api/v1/devices/tram-1", "{}").await;
    assert_eq!(
        city.json("/api/v1/devices/tram-1").await["retired"],
        Value::Null
    );
}

#[tokio::test]
async fn a_put_leaves_what_it_does_not_mention_and_null_takes_away() {
    let city = City::new();
    let path = "/api/v1/devices/tram-1";
    city.write("PUT", path, PUT).await;
    let before = city.json(path).await;
    for body in ["{}", r#"{"datastreams": [{"name": "gate"}]}"#] {
        city.write("PUT", path, body).await;
        assert_eq!(city.json(path).await, before, "{body}");
    }
    let title = r#"{"title": null, "datastreams": [{"name": "rain"}, {"name": "gate", "categories": null}]}"#;
    city.write("PUT", path, title).await;
    let after = city.json(path).await;
    assert_eq!(after["title"], Value::Null);
    assert_eq!(
        (&after["position"], &after["place"], &after["simulated"]),
        (&before["position"], &before["place"], &json!(true))
    );
    assert_eq!(after["datastreams"][0], before["datastreams"][0]);
    assert_eq!(after["datastreams"][1]["categories"], json!({}));
    assert_eq!(after["datastreams"][2]["name"], "rain");
}

#[tokio::test]
async fn a_move_that_is_told_late_holds_from_its_date() {
    let city = City::new();
    let path = "/api/v1/devices/a";
    city.write("PUT", path, r#"{"place": "phuong-ben-thanh"}"#)
        .await;
    for (from, since) in [
        (
            r#""2026-11-20T07:00:00+07:00""#,
            "2026-11-20T00:00:00.000000Z",
        ),
        ("1795200000000", "2026-11-20T18:40:00.000000Z"),
    ] {
        let ward = ["phuong-phu-loi", "phuong-ben-thanh"][usize::from(from.starts_with('1'))];
        let body = format!(
            r#"{{"from": {from}, "place": "{ward}",
                "datastreams": [{{"name": "level", "unit": "m"}}]}}"#
        );
        city.write("PUT", path, &body).await;
        assert_eq!(city.json(path).await["placed"], since);
    }
    let device = city.json(path).await;
    assert_eq!(device["earlier"][0]["from"], "2026-11-20T00:00:00.000000Z");
    assert_eq!(
        device["datastreams"][0]["since"],
        "2026-11-20T00:00:00.000000Z"
    );
}

#[tokio::test]
async fn what_can_not_be_taken_is_named() {
    let city = City::new();
    for (name, body, status, parameter) in [
        ("a", "{", 400, "body"),
        ("a", r#"{} {}"#, 400, "body"),
        ("a", r#"{"colour": "red"}"#, 400, "colour"),
        ("a", r#"{"title": 5}"#, 400, "title"),
        ("a", r#"{"from": {}}"#, 400, "from"),
        (
            "a",
            r#"{"position": {"type": "Polygon", "coordinates": [106.7, 10.7]}}"#,
            400,
            "position.type",
        ),
        (
            "a",
            r#"{"position": {"type": "Point", "coordinates": [106.7, "10.7"]}}"#,
            400,
            "position.coordinates[1]",
        ),
        (
            "a",
            r#"{"position": {"type": "Point"}}"#,
            400,
            "position.coordinates",
        ),
        ("a", r#"{"datastreams": [{}]}"#, 400, "datastreams[0].name"),
        (
            "a",
            r#"{"datastreams": [{"name": "x"}, {"name": "y", "unit": 5}]}"#,
            400,
            "datastreams[1].unit",
        ),
        (
            "a",
            r#"{"datastreams": [{"name": "x", "unit": "độ"}]}"#,
            400,
            "datastreams[0].unit",
        ),
        (
            "a",
            r#"{"datastreams": [{"name": "x", "property": "X"}]}"#,
            400,
            "datastreams[0].property",
        ),
        (
            "a",
            r#"{"datastreams": [{"name": "x"}, {"name": "x"}]}"#,
            400,
            "datastreams[1].name",
        ),
        (
            "a",
            r#"{"datastreams": [{"name": "x", "categories": {"one": "a"}}]}"#,
            400,
            "datastreams[0].categories",
        ),
        ("A", "{}", 400, "device"),
        ("x'%3B%20DROP", "{}", 400, "device"),
        ("%3Cscript%3E", "{}", 400, "device"),
        ("a", r#"{"place": "phuong-khong-co"}"#, 400, "place"),
        (
            "a",
            r#"{"position": {"type": "Point", "coordinates": [10.7, 106.7]}}"#,
            400,
            "position.coordinates",
        ),
        (
            "a",
            r#"{"datastreams": [{"name": "../x"}]}"#,
            400,
            "datastreams[0].name",
        ),
        (
            "a",
            r#"{"datastreams": [{"name": "x", "range": {"min": 2, "max": 1}}]}"#,
            400,
            "datastreams[0].range",
        ),
        ("a", r#"{"from": "yesterday"}"#, 400, "from"),
        ("a", r#"{"from": "2027-01-01T00:00:00Z"}"#, 400, "from"),
        ("a", r#"{"from": 5}"#, 400, "from"),
    ] {
        let answer = city
            .write("PUT", &format!("/api/v1/devices/{name}"), body)
            .await;
        let (got, problem) = problem(answer).await;
        assert_eq!(
            (got, &problem["parameter"]),
            (status, &parameter.into()),
            "{body}: {problem}"
        );
    }
    assert_eq!(city.registry.device_count(), 0);
    assert_eq!(city.problem("/api/v1/devices/none").await.0, 404);
}

#[tokio::test]
async fn the_unit_of_stored_readings_stays() {
    let city = City::new();
    let put = |unit: &str| format!(r#"{{"datastreams": [{{"name": "level", "unit": "{unit}"}}]}}"#);
    city.write("PUT", "/api/v1/devices/a", &put("cm")).await;
    city.write("PUT", "/api/v1/devices/a", &put("m")).await;
    let series = city.stream("a", "level");
    city.fold.store(&[reading(series, 1, 2.0)]);
    let refused = city.write("PUT", "/api/v1/devices/a", &put("cm")).await;
    let (status, problem) = problem(refused).await;
    assert_eq!(
        (status, &problem["parameter"]),
        (409, &"datastreams[0].unit".into()),
        "{problem}"
    );
}

#[tokio::test]
async fn lists_page_until_next_is_absent() {
    let city = City::new();
    for number in 0..7 {
        city.stream(&format!("d{number}"), "rain");
        city.stream(&format!("d{number}"), "noise");
    }
    for (path, total) in [("devices", 7), ("datastreams", 14), ("places", 168)] {
        let mut names = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = city.json(&format!("/api/v1/{path}?limit=3{cursor}")).await;
            let items = page["items"].as_array().unwrap();
            assert!(!items.is_empty() && items.len() <= 3);
            names.extend(
                items
                    .iter()
                    .map(|item| format!("{}{}", item["device"], item["name"])),
            );
            let Some(next) = page.get("next") else { break };
            cursor = format!("&cursor={}", next.as_str().unwrap());
        }
        let count = names.len();
        names.dedup();
        assert_eq!((names.len(), count), (total, total), "{path}");
    }
}

#[tokio::test]
async fn filters_choose_by_property_place_and_area() {
    let city = City::new();
    for (name, longitude) in [("west", 106.60), ("east", 106.80)] {
        let body = format!(
            r#"{{"position": {{"type": "Point", "coordinates": [{longitude}, 10.77]}},
                "datastreams": [{{"name": "rain"}}, {{"name": "pm10"}}]}}"#
        );
        city.write("PUT", &format!("/api/v1/devices/{name}"), &body)
            .await;
    }
    city.stream("nowhere", "rain");
    for (query, count) in [
        ("", 5),
        ("property=rain", 3),
        ("device=east", 2),
        ("datastream=pm10&device=west", 1),
        ("bbox=106.5,10.7,106.7,10.8", 2),
        ("near=106.8,10.77", 2),
        ("near=106.8,10.77,30000", 4),
        ("near=106.8,10.77&radius=30000&property=rain", 2),
        ("place=unplaced", 0),
    ] {
        let page = city.json(&format!("/api/v1/datastreams?{query}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
    for (query, parameter) in [
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,20,3,4", "bbox"),
        ("near=106.8", "near"),
        ("near=106.8,10.77,5&radius=5", "near"),
        ("radius=5", "radius"),
        ("radius=-5", "radius"),
        ("limit=0", "limit"),
        ("limit=100001", "limit"),
        ("device=", "device"),
        ("device=a&device=b", "device"),
        ("cursor=abc", "cursor"),
        ("retired=yes", "retired"),
    ] {
        let (status, problem) = city.problem(&format!("/api/v1/datastreams?{query}")).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (400, &parameter.into()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_list_in_the_place_of_an_object_is_refused() {
    let city = City::new();
    for (body, member) in [
        (r#"["title", null]"#, "body"),
        ("[]", "body"),
        (r#"{"datastreams": [["rain"]]}"#, "datastreams[0]"),
        (
            r#"{"datastreams": [{"name": "rain", "range": [0, 1]}]}"#,
            "datastreams[0].range",
        ),
        (r#"{"position": ["Point", [106.7, 10.8]]}"#, "position"),
    ] {
        let response = city.write("PUT", "/api/v1/devices/a", body).await;
        let (status, problem) = crate::kit::problem(response).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (400, &member.into()),
            "{body}"
        );
    }
}
