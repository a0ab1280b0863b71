use super::*;
use crate::report::{Comparison, Fate, Ledger, Numbering};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A platform that answers each request with the first body whose path fits.
async fn platform(answers: Vec<(&'static str, String)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while stream.read_buf(&mut request).await.unwrap() > 0 {
            if !request.ends_with(b"\r\n\r\n") {
                continue;
            }
            let text = String::from_utf8(std::mem::take(&mut request)).unwrap();
            let path = text.split(' ').nth(1).unwrap();
            let found = answers.iter().find(|(part, _)| path.contains(part));
            let (status, body) = match found {
                Some((_, body)) => ("200 OK", body.as_str()),
                None => ("404 Not Found", "{}"),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::new(
        "d".into(),
        Numbering::Message { boot: 7 },
        0,
        Arc::new(["a".into()]),
    );
    for k in 0..3 {
        let message = ledger.enter(1_000 + k, &[k as f64], false);
        ledger.settle(message, Fate::Acknowledged);
    }
    ledger
}

fn row(seq: u32) -> String {
    format!(
        r#"{{"device":"d","datastream":"a","time":"1970-01-01T00:00:01.00{seq}000Z",
            "received":"2026-01-01T00:00:00Z","value":{seq}.0,"unit":"m","quality":"good",
            "boot":7,"seq":{seq}}}"#
    )
}

const SETTLED: &str =
    r#"{"received":3,"stored":3,"duplicate":0,"rejected":0,"pending":0,"unread":0}"#;

#[tokio::test]
async fn reads_every_page_of_the_answer() {
    let address = platform(vec![
        ("reconciliation", SETTLED.to_owned()),
        ("cursor=a%2Bb", format!(r#"{{"items":[{}]}}"#, row(2))),
        (
            "device=d&from=999&to=1004",
            format!(r#"{{"items":[{},{}],"next":"a+b"}}"#, row(0), row(1)),
        ),
    ])
    .await;
    let verification = verify(
        &VerifyConfig::new(address),
        Comparison::all(&[ledger()], 0.0),
    )
    .await;
    assert_eq!(verification.problems, Vec::<String>::new());
    assert_eq!(verification.findings.stored, 3);
    assert_eq!(verification.findings.missing, 0);
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_a_problem_and_no_proof() {
    let address = platform(vec![("reconciliation", SETTLED.to_owned())]).await;
    let verification = verify(
        &VerifyConfig::new(address),
        Comparison::all(&[ledger()], 0.0),
    )
    .await;
    assert_eq!(verification.problems.len(), 1);
    assert!(
        verification.problems[0].contains("404"),
        "{:?}",
        verification.problems
    );
}

#[tokio::test]
async fn says_what_is_left_when_the_platform_does_not_settle() {
    let unsettled = SETTLED.replace(r#""unread":0"#, r#""unread":5"#);
    let address = platform(vec![("reconciliation", unsettled)]).await;
    let config = VerifyConfig {
        settle_s_max: 0,
        ..VerifyConfig::new(address)
    };
    let mut api = Api::new(address, HttpConfig::default());
    let problem = settle(&mut api, &config).await.unwrap_err();
    assert!(problem.contains("0 pending and 5 unread"), "{problem}");
}
