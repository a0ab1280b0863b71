//! What browsers may do, and what they are served.

use crate::kit::{City, problem, text};
use axum::{body::Body, http::Request};

async fn status(city: &City, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    city.send(request.body(Body::from("{}")).unwrap())
        .await
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_page_elsewhere_can_change_nothing() {
    let city = City::new();
    let json = ("content-type", "application/json");
    let host = ("host", "127.0.0.1:8080");
    for (method, headers, expected) in [
        ("PUT", vec![json, host], 201),
        (
            "PUT",
            vec![json, host, ("origin", "http://127.0.0.1:8080")],
            200,
        ),
        (
            "PUT",
            vec![json, host, ("origin", "http://evil.example")],
            403,
        ),
        ("PUT", vec![json, host, ("origin", "null")], 403),
        (
            "PUT",
            vec![json, host, ("sec-fetch-site", "cross-site")],
            403,
        ),
        ("PUT", vec![("content-type", "text/plain"), host], 415),
        ("PUT", vec![host], 415),
        ("DELETE", vec![host, ("origin", "http://evil.example")], 403),
        ("DELETE", vec![host], 204),
    ] {
        let got = status(&city, method, "/api/v1/devices/a", &headers).await;
        assert_eq!(got, expected, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn a_name_that_was_rebound_reads_nothing() {
    let city = City::new();
    for (host, expected) in [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("192.168.1.5", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.", 200),
        ("LOCALHOST.:8080", 200),
        ("localhost..", 421),
        ("foo@127.0.0.1", 421),
        ("foo@localhost:8080", 421),
        ("a b", 421),
        ("", 421),
    ] {
        assert_eq!(
            status(&city, "GET", "/api/v1/latest", &[("host", host)]).await,
            expected,
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_name_that_is_not_known_is_told_which_setting_knows_names() {
    let request = Request::get("/api/v1/latest").header("host", "nhip.example");
    let response = City::new().send(request.body(Body::empty()).unwrap()).await;
    let (_, problem) = problem(response).await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("http.hosts"), "{detail}");
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let city = City::new();
    let body = format!("{{\"title\": \"{}\"}}", "x".repeat(2 << 20));
    let (status, _) = problem(city.write("PUT", "/api/v1/devices/a", &body).await).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn the_page_is_served_for_its_own_addresses_only() {
    let city = City::new();
    for path in ["/", "/devices/tram-1", "/index.html"] {
        let response = city.get(path).await;
        assert_eq!(response.headers()["cache-control"], "no-cache", "{path}");
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(
            text(response).await.contains("<title>Nhịp</title>"),
            "{path}"
        );
    }
    let script = city.get("/assets/app-1f2e.js").await;
    assert!(
        script.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(script.headers()["content-type"], "text/javascript");
    for path in [
        "/assets/none.js",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/api/v2/x",
        "/api",
    ] {
        assert_eq!(city.problem(path).await.0, 404, "{path}");
    }
    assert_eq!(
        status(&city, "GET", "/", &[("if-none-match", "\"1f2e\"")]).await,
        304
    );
}

#[tokio::test]
async fn texts_are_packed_for_who_asks_and_streams_are_not() {
    let city = City::new();
    let get = |path: &str| {
        let request = Request::builder().uri(path.to_owned());
        let request = request.header("accept-encoding", "gzip, br");
        city.send(request.body(Body::empty()).unwrap())
    };
    let packed = get("/api/openapi.json").await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "accept-encoding");
    for path in ["/api/v1/readings", "/api/v1/live", "/healthz"] {
        let plain = get(path).await;
        assert_eq!(plain.status(), 200, "{path}");
        assert!(!plain.headers().contains_key("content-encoding"), "{path}");
    }
    let plain = city.get("/api/openapi.json").await;
    assert!(!plain.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn only_the_docs_may_style_their_elements() {
    let city = City::new();
    for (path, may) in [
        ("/docs/", true),
        ("/docs", true),
        ("/docsy", false),
        ("/", false),
    ] {
        let response = city.get(path).await;
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert_eq!(
            policy.contains("style-src 'self' 'unsafe-inline'"),
            may,
            "{path}"
        );
        assert!(!policy.contains("script-src 'self' 'unsafe"), "{path}");
    }
}
