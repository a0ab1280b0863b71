//! The served contracts.

use crate::kit::City;
use axum::http::StatusCode;
use serde_json::Value;

#[test]
fn openapi_is_as_it_was() {
    insta::assert_json_snapshot!(nhip_api::openapi());
}

#[tokio::test]
async fn asyncapi_is_as_it_was() {
    insta::assert_json_snapshot!(City::new().json("/api/asyncapi.json").await);
}

#[tokio::test]
async fn openapi_is_served_and_names_nothing_that_is_missing() {
    let document = City::new().json("/api/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
}

#[test]
fn integers_without_a_sign_say_so() {
    let document = serde_json::to_value(nhip_api::openapi()).unwrap();
    let reading = &document["components"]["schemas"]["Reading"]["properties"];
    assert_eq!(reading["seq"]["format"], "uint64");
    assert_eq!(reading["boot"]["format"], "uint32");
    assert!(!document.to_string().contains("u-int"));
}

#[test]
fn every_operation_declares_its_errors_as_problems() {
    let document = serde_json::to_value(nhip_api::openapi()).unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let has = |status: &str| responses.contains_key(status);
            assert!(has("421") && has("default"), "{method} {path}");
            assert_eq!(
                has("415"),
                !operation["requestBody"].is_null(),
                "{method} {path}"
            );
            assert!(method == "get" || has("403"), "{method} {path}");
            assert!(!path.starts_with("/api/") || has("400"), "{method} {path}");
            for (status, response) in responses {
                let response = match response["$ref"].as_str() {
                    Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
                    None => response,
                };
                let is_error = status.parse::<u16>().map_or(true, |status| status >= 400);
                let is_ready = path == "/readyz" && status == "503";
                if is_error && !is_ready {
                    let content = response["content"].as_object().unwrap();
                    let types: Vec<&String> = content.keys().collect();
                    assert_eq!(
                        types,
                        ["application/problem+json"],
                        "{method} {path} {status}"
                    );
                }
            }
            operations += 1;
        }
    }
    assert!(operations >= 18, "{operations}");
}

#[tokio::test]
async fn every_documented_parameter_is_taken_and_no_other() {
    let city = City::new();
    let document = city.json("/api/openapi.json").await;
    let mut taken = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1/") || item["get"].is_null() || path.contains("/ws") {
            continue;
        }
        let path = path.replace("{device}", "a");
        let (status, problem) = city.problem(&format!("{path}?proprety=pm10")).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (400, &"proprety".into()),
            "{path}"
        );
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            let name = parameter["name"].as_str().unwrap();
            let response = city.get(&format!("{path}?{name}=_")).await;
            if response.status() == StatusCode::BAD_REQUEST {
                let text = crate::kit::text(response).await;
                assert!(!text.contains("unknown parameter"), "{path} {name}: {text}");
            }
            taken += 1;
        }
    }
    assert!(taken > 50, "{taken}");
}

#[tokio::test]
async fn the_documents_page_needs_no_other_server() {
    let city = City::new();
    let page = crate::kit::text(city.get("/docs/").await).await;
    assert!(page.contains("swagger-ui-bundle.js"), "{page}");
    assert!(!page.contains("https://"), "{page}");
    assert!(
        !page.contains("<script>"),
        "an inline script is against our policy: {page}"
    );
    let initializer = crate::kit::text(city.get("/docs/swagger-initializer.js").await).await;
    assert!(initializer.contains("/api/openapi.json"), "{initializer}");
}

fn collect_references(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "$ref" => out.push(reference.clone()),
                    member => collect_references(member, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, out)),
        _ => {}
    }
}
