use super::*;
use nhip_wire::{
    Quality,
    compact::{Channel, Encoder, Header, Sample, Tick},
};

const NOW_MS: i64 = 1_795_327_200_000;

fn seen(topic: &str, payload: impl Into<Vec<u8>>) -> Seen {
    Seen {
        at_ms: NOW_MS,
        topic: format!("devices/d/{topic}"),
        payload: payload.into(),
        qos: 1,
        retain: false,
    }
}

fn online() -> Seen {
    Seen {
        retain: true,
        ..seen("status", "online")
    }
}

/// Ten readings from a sequence number on, the last of them now.
fn batch(first_seq: u64) -> Seen {
    let header = Header {
        numbered: Some((3, first_seq)),
        base_ms: Some(NOW_MS as u64 - 9_000),
        tick: Tick::Second,
        clock_doubtful: false,
    };
    let channel = Channel {
        name: "level",
        unit: Some("m"),
        decimals: 1,
    };
    let mut buffer = [0; 256];
    let mut encoder = Encoder::new(&mut buffer, &header, &[channel]).unwrap();
    for k in 0..10 {
        let sample = Sample {
            channel: 0,
            time_ms: NOW_MS - 9_000 + k as i64 * 1_000,
            value: (first_seq + k) as f64,
            quality: Some(Quality::Good),
            seq: Some(first_seq + k),
        };
        encoder.push(&sample).unwrap();
    }
    let length = encoder.len();
    seen("readings/compact", &buffer[..length])
}

fn json(text: &str) -> Seen {
    seen("readings/json", text)
}

fn judged(messages: &[Seen]) -> Vec<Finding> {
    let mut judge = Judge::default();
    judge.see(&online());
    messages.iter().for_each(|message| judge.see(message));
    judge.findings(120.0)
}

#[test]
fn a_device_that_does_all_right_has_no_findings() {
    let messages: Vec<Seen> = (0..9).map(|k| batch(k * 10)).collect();
    assert_eq!(judged(&messages), []);
}

#[test]
fn one_lost_acknowledgement_is_no_finding_and_a_habit_is() {
    let mut messages: Vec<Seen> = (0..20).map(|k| batch(k * 10)).collect();
    messages.insert(5, batch(40));
    assert_eq!(judged(&messages), []);
    let twice: Vec<Seen> = (0..20).map(|k| batch(k / 2 * 10)).collect();
    assert_eq!(judged(&twice), [Finding::Repeats(100)]);
}

#[test]
fn silence_and_a_missing_status_are_said() {
    let findings = Judge::default().findings(60.0);
    assert_eq!(findings, [Finding::Silent, Finding::NoStatus]);
}

#[test]
fn a_status_has_to_be_retained_known_and_true() {
    let mut judge = Judge::default();
    judge.see(&seen("status", "online"));
    judge.see(&batch(0));
    assert_eq!(judge.findings(60.0), [Finding::NoStatus]);
    let up = Seen {
        payload: b"up".to_vec(),
        ..online()
    };
    assert_eq!(
        judged(&[up, batch(0)]),
        [Finding::StrangeStatus("up".into())]
    );
    let off = Seen {
        payload: b"offline".to_vec(),
        ..online()
    };
    assert_eq!(judged(&[off, batch(0)]), [Finding::OfflineAndSends]);
}

#[test]
fn finds_gaps_numbers_that_go_back_and_numbers_given_twice() {
    assert_eq!(judged(&[batch(0), batch(20)]), [Finding::Gaps(10)]);
    assert_eq!(judged(&[batch(20), batch(10)]), [Finding::WentBack(3, 10)]);
    let one = json(r#"{"boot":1,"seq":1,"time":1795327200000,"readings":{"a":1,"b":2}}"#);
    let other = json(r#"{"boot":1,"seq":1,"time":1795327200000,"readings":{"a":2,"b":2}}"#);
    let findings = judged(&[one.clone(), other]);
    assert_eq!(findings[0], Finding::Reused(1, 1));
    assert_eq!(judged(&[one]), []);
}

/// A JSON message of one reading.
fn one(boot: u64, seq: u64, time_ms: i64, value: &str) -> Seen {
    json(&format!(
        r#"{{"boot":{boot},"seq":{seq},"time":{time_ms},"readings":{{"a":{value}}}}}"#
    ))
}

fn finds(messages: &[Seen], finding: &Finding) -> bool {
    judged(messages).contains(finding)
}

#[test]
fn finds_boots_that_go_back_and_boots_that_count_messages() {
    let back: Vec<_> = (0..6).map(|k| one(100 - k, k, NOW_MS, "1")).collect();
    assert!(finds(&back, &Finding::BootWentBack(99, 100)));
    let each: Vec<_> = (0..6).map(|k| one(100 + k, 0, NOW_MS, "1")).collect();
    assert!(finds(&each, &Finding::Boots(6, 6)));
    let restarted = [one(7, 1, NOW_MS, "1"), one(8, 2, NOW_MS, "2")];
    assert_eq!(judged(&restarted), []);
}

#[test]
fn finds_a_clock_in_local_time_and_one_that_stands() {
    let behind_ms = 7 * 3_600_000;
    let at = |k: u64, age_ms: i64| Seen {
        at_ms: NOW_MS + k as i64 * 2_000,
        ..one(1, k, NOW_MS + k as i64 * 2_000 - age_ms, "1")
    };
    let local: Vec<_> = (0..6).map(|k| at(k, behind_ms)).collect();
    assert!(finds(&local, &Finding::Behind(7 * 3_600)));
    assert!(Finding::Behind(7 * 3_600).to_string().contains("7 h old"));
    // What waited for the link gets younger from message to message.
    let drained: Vec<_> = (0..6)
        .map(|k| at(k, behind_ms - k as i64 * 60_000))
        .collect();
    assert!(!finds(&drained, &Finding::Behind(7 * 3_600 - 300)));
    let frozen: Vec<_> = (0..6).map(|k| one(1, k, NOW_MS - 60_000, "1")).collect();
    assert!(finds(&frozen, &Finding::FrozenTime(6)));
}

#[test]
fn finds_a_device_that_measures_nothing() {
    for value in ["null", r#"{"value":0,"quality":"missing"}"#] {
        let none: Vec<_> = (0..6).map(|k| one(1, k, NOW_MS, value)).collect();
        assert!(finds(&none, &Finding::NothingMeasured(6)));
    }
}

#[test]
fn a_connection_that_comes_and_goes_is_not_taken_for_a_missing_status() {
    let off = Seen {
        payload: b"offline".to_vec(),
        ..online()
    };
    let flap = [
        off.clone(),
        online(),
        batch(0),
        off.clone(),
        online(),
        off.clone(),
    ];
    assert_eq!(judged(&flap), [Finding::Unsteady(3)]);
    // One restart is none of it, nor is being off at the end.
    assert_eq!(judged(&[batch(0), off.clone()]), []);
    assert_eq!(judged(&[off, online(), batch(0)]), []);
}

#[test]
fn a_command_wants_its_answer() {
    let mut judge = Judge::default();
    judge.see(&online());
    judge.see(&batch(0));
    judge.asked("check-1");
    judge.see(&seen(
        "commands/identify",
        r#"{"id":"check-1","seconds":1}"#,
    ));
    judge.see(&seen(
        "commands/identify/ack",
        r#"{"id":"another","result":"done"}"#,
    ));
    assert_eq!(judge.findings(60.0), [Finding::NoAnswer]);
    judge.see(&seen(
        "commands/identify/ack",
        r#"{"id":"check-1","result":"done"}"#,
    ));
    assert_eq!(judge.findings(60.0), []);
}

#[test]
fn finds_what_a_simple_publisher_gets_wrong() {
    let message = Seen {
        qos: 0,
        retain: true,
        ..json(r#"{"readings":{"temperature":{"value":31.2,"unit":"degreesC"}}}"#)
    };
    let findings = judged(&vec![message; 130]);
    assert_eq!(
        findings,
        [
            Finding::QosZero(130),
            Finding::Retained(130),
            Finding::Unnumbered(130),
            Finding::Undated(130),
            Finding::UnknownUnit("temperature".into(), "degreesC".into()),
            Finding::SmallMessages(130, 1.0),
            Finding::Hasty(130.0 / 120.0),
        ]
    );
}

#[test]
fn finds_clocks_that_are_wrong_and_payloads_that_are_none() {
    let at = |time: i64, seq: u64| {
        json(&format!(
            r#"{{"boot":1,"seq":{seq},"time":{time},"readings":{{"a":1}}}}"#
        ))
    };
    let findings = judged(&[at(NOW_MS + 90_000, 1), at(1_000, 2)]);
    assert_eq!(findings, [Finding::Future(1, 90), Finding::Past(1)]);
    let torn = Seen {
        payload: batch(0).payload[..30].to_vec(),
        ..batch(0)
    };
    let findings = judged(&[torn, seen("reading/json", "{}")]);
    assert!(
        matches!(findings[0], Finding::Undecodable(1, _)),
        "{findings:?}"
    );
    assert!(
        matches!(findings[1], Finding::StrangeTopic(_)),
        "{findings:?}"
    );
}
