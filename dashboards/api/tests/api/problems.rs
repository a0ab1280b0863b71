//! Errors: always RFC 9457, and always with what is at fault.

use crate::kit::{City, problem};
use axum::{body::Body, http::Request};

async fn refused(city: &City, method: &str, path: &str) -> (u16, Option<String>) {
    let request = Request::builder().method(method).uri(path);
    let response = city.send(request.body(Body::empty()).unwrap()).await;
    let allow = response
        .headers()
        .get("allow")
        .map(|value| value.to_str().unwrap().to_owned());
    let (status, problem) = problem(response).await;
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    (status, allow)
}

#[tokio::test]
async fn a_method_that_is_not_taken_says_which_are() {
    let city = City::new();
    for (method, path, allowed) in [
        ("POST", "/api/v1/devices", "GET,HEAD"),
        ("PUT", "/api/v1/latest", "GET,HEAD"),
        ("OPTIONS", "/api/v1/readings", "GET,HEAD"),
        ("POST", "/api/v1/devices/a", "GET,HEAD,PUT,DELETE"),
        ("GET", "/api/v1/dead-letters/replay", "POST"),
        ("DELETE", "/healthz", "GET,HEAD"),
        ("POST", "/docs/", "GET,HEAD"),
        ("POST", "/", "GET, HEAD"),
    ] {
        let got = refused(&city, method, path).await;
        assert_eq!(got, (405, Some(allowed.to_owned())), "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_everywhere() {
    let city = City::new();
    for path in ["/docs/../../x", "/docs/none.js", "/api/v1/none", "/x.js"] {
        assert_eq!(refused(&city, "GET", path).await, (404, None), "{path}");
    }
    let (status, _) = refused(&city, "GET", "/api/v1/devices/%ff").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn what_is_not_known_is_named_with_its_parameter() {
    let city = City::new();
    city.stream("a", "rain");
    for (path, parameter) in [
        ("/api/v1/devices/none", "device"),
        ("/api/v1/series?device=none&datastream=rain", "device"),
        ("/api/v1/series?device=a&datastream=none", "datastream"),
        ("/api/v1/reconciliation?device=none", "device"),
    ] {
        let (status, problem) = city.problem(path).await;
        assert_eq!(
            (status, &problem["parameter"]),
            (404, &parameter.into()),
            "{path}"
        );
    }
    let (status, problem) = problem(city.write("DELETE", "/api/v1/devices/none", "").await).await;
    assert_eq!((status, &problem["parameter"]), (404, &"device".into()));
}

#[tokio::test]
async fn a_request_that_opens_no_socket_is_told_how_to() {
    let city = City::new();
    let response = city.get("/api/v1/live/ws").await;
    assert_eq!(response.headers()["upgrade"], "websocket");
    let (status, problem) = problem(response).await;
    assert_eq!(status, 426);
    assert!(
        problem["detail"].as_str().unwrap().contains("/api/v1/live"),
        "{problem}"
    );
}

#[tokio::test]
async fn while_the_platform_starts_errors_are_problems_too() {
    let city = City::new();
    let router = nhip_api::starting(city.fold.clone());
    for (method, path, status) in [("POST", "/readyz", 405), ("GET", "/api/v1/latest", 503)] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(router.clone(), request)
            .await
            .unwrap();
        assert_eq!(problem(response).await.0, status, "{method} {path}");
    }
}
