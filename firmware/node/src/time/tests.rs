//! Setting the clock, drift, and lies of a time server.

use super::*;

const S: u64 = 1_000_000;
const START: i64 = 1_795_327_200 * S as i64;

fn at(unix_us: i64) -> UnixTime {
    UnixTime {
        us: unix_us,
        uncertainty_us: 2_000,
    }
}

#[test]
fn before_it_is_set_readings_carry_the_uptime() {
    let time = Timekeeper::new();
    let stamp = time.stamp(5_400_000, 1000);
    assert_eq!((stamp.ms, stamp.basis), (5000, Basis::Uptime));
}

#[test]
fn the_error_grows_until_the_time_is_doubtful() {
    let mut time = Timekeeper::new();
    time.believe(10 * S, at(START));
    assert_eq!(time.unix_us(70 * S), Some(START + 60 * S as i64));
    assert_eq!(time.error_us(10 * S), Some(2_000));
    assert_eq!(time.stamp(70 * S, 1000).basis, Basis::Exact);
    assert_eq!(time.stamp(86_400 * S, 1000).basis, Basis::Doubtful);
}

#[test]
fn drift_is_learnt_and_corrected() {
    let mut time = Timekeeper::new();
    time.believe(0, at(START));
    // The crystal is slow by 40 ppm: an hour of uptime is 3600.144 s.
    let hour = 3600 * S;
    let true_us = |uptime: u64| START + uptime as i64 + (uptime / 25_000) as i64;
    assert_eq!(
        time.set(hour, at(true_us(hour))),
        Setting::Corrected(144_000)
    );
    assert_eq!(time.drift_ppb(), Some(40_000));
    let day = 86_400 * S;
    assert!(time.unix_us(day).unwrap().abs_diff(true_us(day)) < 1_000);
    assert_eq!(time.stamp(day, 1000).basis, Basis::Exact);
}

#[test]
fn a_drift_that_changes_with_the_weather_stays_within_what_the_clock_says() {
    for changed_ppm in [-30, -12, 12, 28] {
        let mut time = Timekeeper::new();
        time.believe(0, at(START));
        let hour = 3600 * S;
        for n in 1..=24 {
            time.set(n * hour, at(START + (n * hour) as i64));
        }
        // Off line from here on, and warmer or colder by so much.
        for hours in [1, 24, 46, 47, 72, 264] {
            let uptime = (24 + hours) * hour;
            let run = (hours * hour) as i64;
            let truth = START + uptime as i64 + run / 1_000_000 * changed_ppm;
            let off = time.unix_us(uptime).unwrap().abs_diff(truth);
            assert!(off <= time.error_us(uptime).unwrap(), "{hours} h {off}");
            let exact = time.stamp(uptime, 1000).basis == Basis::Exact;
            assert_eq!(exact, hours < 47, "{hours} h");
        }
    }
}

#[test]
fn the_first_time_is_believed_when_two_answers_agree() {
    let mut time = Timekeeper::new();
    assert_eq!(time.set(0, at(START)), Setting::Doubted);
    let elsewhere = at(START + 3600 * S as i64);
    assert_eq!(time.set(4 * S, elsewhere), Setting::Doubted);
    assert!(!time.is_set());
    let again = at(START + 3604 * S as i64);
    assert_eq!(time.set(8 * S, again), Setting::First);
}

#[test]
fn a_time_that_cannot_be_is_never_believed() {
    let mut time = Timekeeper::new();
    time.expect((START / S as i64) as u32, 0);
    for us in [-1, 0, START - 1, TIME_MAX_US] {
        for _ in 0..100 {
            assert_eq!(time.set(0, at(us)), Setting::Refused);
        }
    }
    assert!(!time.is_set());
}

#[test]
fn a_time_before_one_that_was_proven_takes_more_answers() {
    let mut time = Timekeeper::new();
    time.expect(0, (START / S as i64) as u32);
    let answer = |n: u64| at(START - 1000 * S as i64 + (n * 64 * S) as i64);
    for n in 1..u64::from(PROVEN_STEP_ANSWERS) {
        assert_eq!(time.set(n * 64 * S, answer(n)), Setting::Doubted);
    }
    let n = u64::from(PROVEN_STEP_ANSWERS);
    assert_eq!(time.set(n * 64 * S, answer(n)), Setting::First);
}

#[test]
fn a_jump_of_the_source_is_believed_when_it_is_repeated() {
    let mut time = Timekeeper::new();
    time.believe(0, at(START));
    let jump_us = 3600 * S as i64;
    for n in 1..u64::from(STEP_ANSWERS) {
        let uptime = n * 60 * S;
        let jumped = at(START + jump_us + uptime as i64);
        assert_eq!(time.set(uptime, jumped), Setting::Doubted);
        assert_eq!(time.unix_us(uptime), Some(START + uptime as i64));
        assert_eq!(time.stamp(uptime, 1000).basis, Basis::Doubtful);
    }
    let uptime = u64::from(STEP_ANSWERS) * 60 * S;
    let jumped = START + jump_us + uptime as i64;
    assert_eq!(time.set(uptime, at(jumped)), Setting::Stepped(jump_us));
    assert_eq!(time.unix_us(uptime), Some(jumped));
    assert_eq!(time.stamp(uptime, 1000).basis, Basis::Exact);
}

#[test]
fn a_proven_clock_outlasts_a_lie_of_twenty_minutes() {
    let mut time = Timekeeper::new();
    time.believe(0, at(START));
    for hour in 1..=u64::from(PROVEN_ANSWERS) {
        let uptime = hour * 3600 * S;
        assert_eq!(
            time.set(uptime, at(START + uptime as i64)),
            Setting::Corrected(0)
        );
    }
    let begun = 7 * 3600 * S;
    for minute in 0..20 {
        let uptime = begun + minute * 60 * S;
        let lie = at(START + uptime as i64 - 3600 * S as i64);
        assert_eq!(time.set(uptime, lie), Setting::Doubted);
    }
    let uptime = begun + 1200 * S;
    let right = at(START + uptime as i64);
    assert_eq!(time.set(uptime, right), Setting::Corrected(0));
    assert_eq!(time.stamp(uptime, 1000).basis, Basis::Exact);
}

#[test]
fn a_less_certain_answer_does_not_replace_the_clock() {
    let mut time = Timekeeper::new();
    time.believe(0, at(START));
    let vague = UnixTime {
        us: START + 60 * S as i64 + 3_000_000_000,
        uncertainty_us: 3_500_000_000,
    };
    assert_eq!(time.set(60 * S, vague), Setting::Kept);
    assert_eq!(time.unix_us(60 * S), Some(START + 60 * S as i64));
    assert!(time.error_us(60 * S).unwrap() < 10_000);
}

#[test]
fn one_wrong_answer_is_forgotten() {
    let mut time = Timekeeper::new();
    time.believe(0, at(START));
    time.set(60 * S, at(0));
    let right = START + 120 * S as i64;
    assert_eq!(time.set(120 * S, at(right)), Setting::Corrected(0));
    assert_eq!(time.set(180 * S, at(0)), Setting::Doubted);
}
