//! Moving the readings into another kind of store.

use crate::kit::{City, problem, text};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/store/copy";

async fn put(city: &City, body: &Value) -> (u16, Value) {
    let response = city.write("PUT", PATH, &body.to_string()).await;
    let status = response.status().as_u16();
    (status, serde_json::from_str(&text(response).await).unwrap())
}

#[tokio::test]
async fn a_copy_is_begun_shown_and_ended() {
    let city = City::new();
    assert_eq!(city.problem(PATH).await.0, 404);
    let order = json!({"from": "embedded", "to": "questdb"});
    let (status, begun) = put(&city, &order).await;
    assert_eq!((status, &begun["phase"]), (200, &json!("emptying")));
    // Asked for again it is the same one.
    assert_eq!(put(&city, &order).await.0, 200);
    let shown = city.json(PATH).await;
    assert_eq!(
        (&shown["from"], &shown["to"]),
        (&json!("embedded"), &json!("questdb"))
    );
    for (query, status) in [
        ("from=questdb", 404),
        ("from=questdb&to=embedded", 404),
        ("to=embedded", 404),
        ("from=embedded&to=embedded", 400),
        ("from=ledger", 400),
    ] {
        let path = format!("{PATH}?{query}");
        let (found, problem) = problem(city.write("DELETE", &path, "").await).await;
        assert_eq!(found, status, "{query}: {problem}");
        let names_it = problem["detail"]
            .as_str()
            .unwrap()
            .contains("from embedded to questdb");
        assert_eq!(names_it, status == 404, "{problem}");
    }
    assert_eq!(city.json(PATH).await["phase"], "emptying");
    let path = format!("{PATH}?from=embedded&to=questdb");
    let ended = city.write("DELETE", &path, "").await;
    assert_eq!(ended.status(), 204);
    let none = city.write("DELETE", PATH, "").await;
    assert_eq!(problem(none).await.0, 404);
    assert_eq!(city.problem(PATH).await.0, 404);
}

#[tokio::test]
async fn what_cant_be_copied_is_told() {
    let city = City::new();
    for (body, parameter) in [
        (json!({"from": "ledger", "to": "questdb"}), json!("from")),
        (json!({"from": "embedded", "to": "x"}), json!("to")),
        (
            json!({"from": "embedded", "to": "questdb", "readings_per_s_max": 0}),
            json!("readings_per_s_max"),
        ),
        (json!({"from": "questdb", "to": "embedded"}), Value::Null),
        (json!({"from": "embedded", "to": "embedded"}), Value::Null),
        (
            json!({"from": "embedded", "to": "questdb", "check": true}),
            Value::Null,
        ),
    ] {
        let response = city.write("PUT", PATH, &body.to_string()).await;
        let (status, problem) = problem(response).await;
        assert_eq!((status, &problem["parameter"]), (400, &parameter), "{body}");
    }
    assert_eq!(city.problem(PATH).await.0, 404);
}
