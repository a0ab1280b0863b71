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

/// Ten readings from a sequence number on, one a second, sent with the last of them.
fn batch(first_seq: u64) -> Seen {
    let at_ms = NOW_MS + first_seq as i64 * 1_000;
    let header = Header {
        numbered: Some((3, first_seq)),
        base_ms: Some(at_ms as u64 - 9_000),
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
            time_ms: at_ms - 9_000 + k as i64 * 1_000,
            value: (first_seq + k) as f64,
            quality: Some(Quality::Good),
            seq: Some(first_seq + k),
        };
        encoder.push(&sample).unwrap();
    }
    let length = encoder.len();
    Seen {
        at_ms,
        ..seen("readings/compact", &buffer[..length])
    }
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
    let fresh: Vec<Seen> = (0..20).map(|k| batch(k * 10)).collect();
    let mut messages = fresh.clone();
    messages.splice(5..5, [online(), batch(40)]);
    assert_eq!(judged(&messages), []);
    // A resumed session sends again before anything else.
    messages = fresh.clone();
    messages.splice(5..5, [batch(40), online()]);
    assert_eq!(judged(&messages), []);
    let twice = (0..20).flat_map(|k| match k % 2 {
        0 => vec![batch(k / 2 * 10)],
        _ => vec![online(), batch(k / 2 * 10)],
    });
    let twice: Vec<Seen> = twice.collect();
    assert_eq!(judged(&twice), [Finding::Repeats(100)]);
}

#[test]
fn one_repetition_is_needless_on_the_connection_that_had_carried_it() {
    let mut messages: Vec<Seen> = (0..20).map(|k| batch(k * 10)).collect();
    messages.insert(5, batch(40));
    assert_eq!(judged(&messages), [Finding::Needless(10)]);
    let later = Seen {
        at_ms: NOW_MS + 400_000,
        ..online()
    };
    messages.push(later);
    assert_eq!(judged(&messages), [Finding::Needless(10)]);
}

#[test]
fn a_number_belongs_to_one_reading_or_one_object() {
    let stream = |name: &str| {
        json(&format!(
            r#"{{"boot":2,"seq":5,"time":{NOW_MS},"readings":{{"{name}":1}}}}"#
        ))
    };
    assert_eq!(judged(&[stream("a"), stream("b")]), [Finding::Shared(2, 5)]);
    let two = format!(
        r#"[{{"boot":2,"seq":5,"time":{NOW_MS},"readings":{{"a":1}}}},
            {{"boot":2,"seq":5,"time":{NOW_MS},"readings":{{"b":1}}}}]"#
    );
    assert_eq!(judged(&[json(&two)]), [Finding::Shared(2, 5)]);
}

#[test]
fn few_readings_a_minute_are_no_fault_and_few_a_second_only_worth_a_word() {
    // What a device with one instrument and the firmware's defaults sends in nine minutes.
    let slow: Vec<_> = (0..9)
        .map(|k| Seen {
            at_ms: NOW_MS + k as i64 * 60_000,
            ..one(1, k, NOW_MS + k as i64 * 60_000, "1")
        })
        .collect();
    let mut judge = Judge::default();
    judge.see(&online());
    slow.iter().for_each(|message| judge.see(message));
    assert_eq!(judge.findings(540.0), []);
    let findings = judge.findings(18.0);
    assert_eq!(findings, [Finding::SmallMessages(9, 1.0)]);
    assert!(findings[0].is_advice());
}

#[test]
fn finds_clocks_that_are_off_by_more_than_the_contract_lets_them() {
    let off = |ms: i64| -> Vec<Finding> {
        let at = |k: u64| {
            let at_ms = NOW_MS + k as i64 * 3_000;
            Seen {
                at_ms,
                ..one(1, k, at_ms + ms, "1")
            }
        };
        let messages: Vec<_> = (0..16).map(at).collect();
        let mut findings = judged(&messages);
        findings.retain(|finding| !finding.is_advice());
        findings
    };
    assert_eq!(off(4_000), []);
    assert_eq!(off(25_000), [Finding::Future(16, 25)]);
    // It may hold a message back for half a minute.
    assert_eq!(off(-30_000), []);
    assert_eq!(off(-40_000), [Finding::Behind(40)]);
    assert_eq!(off(-540_000), [Finding::Behind(540)]);
    assert!(Finding::Behind(540).to_string().contains("9 min old"));
    assert!(Finding::Behind(40).to_string().contains("40 s old"));
}

#[test]
fn a_queue_that_is_drained_is_not_taken_for_a_clock_that_is_behind() {
    // Ten readings in each message, an hour old, all sent within two seconds.
    let drained: Vec<_> = (0..6)
        .map(|k| Seen {
            at_ms: NOW_MS + 3_600_000 + k as i64 * 400,
            ..batch(k * 10)
        })
        .collect();
    assert_eq!(judged(&drained), []);
}

#[test]
fn times_may_step_back_once_and_not_with_every_message() {
    let at = |k: u64, time_ms: i64| one(1, k, time_ms, "1");
    let back = |k: u64| at(k, NOW_MS - k as i64 * 30_000);
    let findings = judged(&(0..4).map(back).collect::<Vec<_>>());
    assert_eq!(findings, [Finding::Backwards(3)]);
    assert_eq!(
        judged(&[at(0, NOW_MS), at(1, NOW_MS - 30_000), at(2, NOW_MS)]),
        []
    );
}

#[test]
fn senml_in_json_is_judged_and_in_cbor_said_not_to_be() {
    let pack = |time_s: f64, unit: &str| {
        seen(
            "readings/senml-json",
            format!(r#"[{{"bn":"urn:dev:mac:1/","bt":{time_s}}},{{"n":"T","u":"{unit}","v":1}}]"#),
        )
    };
    let now_s = NOW_MS as f64 / 1_000.0;
    assert_eq!(judged(&[pack(now_s, "Cel")]), []);
    let mut judge = Judge::default();
    judge.see(&pack(now_s, "Cel"));
    assert_eq!(judge.totals(), (1, 1));
    let findings = judged(&[pack(now_s + 25.0, "%RH"), pack(0.0, "degreesC")]);
    let unknown = Finding::UnknownUnit("t".into(), "degreesC".into());
    assert_eq!(
        findings,
        [Finding::Future(1, 25), Finding::Undated(1), unknown]
    );
    // A time that counts from the arrival is one.
    assert_eq!(judged(&[pack(-60.0, "Cel")]), []);
    let torn = judged(&[seen("readings/senml-json", r#"[{"n":"#)]);
    assert!(matches!(torn[..], [Finding::Undecodable(1, _)]), "{torn:?}");
    let cbor = judged(&[seen("readings/senml-cbor", [0x80])]);
    assert_eq!(cbor, [Finding::NotExamined(1)]);
    assert!(cbor[0].is_advice());
}

#[test]
fn readings_with_ages_in_place_of_times_have_a_time() {
    let header = Header {
        numbered: Some((3, 1)),
        base_ms: None,
        tick: Tick::Second,
        clock_doubtful: true,
    };
    let channel = Channel {
        name: "level",
        unit: Some("m"),
        decimals: 1,
    };
    let mut buffer = [0; 64];
    let mut encoder = Encoder::new(&mut buffer, &header, &[channel]).unwrap();
    let sample = Sample {
        channel: 0,
        time_ms: -5_000,
        value: 1.0,
        quality: Some(Quality::Good),
        seq: Some(1),
    };
    encoder.push(&sample).unwrap();
    let length = encoder.len();
    let message = seen("readings/compact", &buffer[..length]);
    assert_eq!(judged(&[message]), [Finding::ClockNeverSet]);
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
