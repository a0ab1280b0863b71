//! Fault 6: the platform's own clock steps by an hour and stands in 2038.

use nhip_tests::{
    City,
    mqtt::{Client, Version},
};
use serde_json::json;

fn publish(city: &City, seq: u64, payload_time: Option<&str>) {
    let mut client = Client::connect(city.addresses().mqtt, "clock", Version::V4);
    let mut payload = json!({"boot": 1, "seq": seq, "readings": {"v": seq}});
    if let Some(time) = payload_time {
        payload["time"] = json!(time);
    }
    client
        .publish(
            "devices/clock/readings/json",
            payload.to_string().as_bytes(),
        )
        .unwrap();
}

#[test]
fn fault_6_steps_of_the_clock_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let steps = ["+0", "+1h", "-1h", "2038-01-19 03:14:00", "+0"];
    for (index, step) in steps.iter().enumerate() {
        let seq = index as u64;
        let mut city = City::builder()
            .data(folder.path())
            .clock(&faketime(step))
            .start();
        publish(&city, seq, None);
        // Sent again, as after a lost acknowledgement.
        publish(&city, seq, None);
        let figures = city.settle();
        assert_eq!(figures["stored"], seq + 1, "{step}: {figures}");
        assert_eq!(figures["rejected"], 0, "{step}: {figures}");
        assert!(city.terminate().success());
    }
}

/// faketime's own notation of a relative or absolute time.
fn faketime(step: &str) -> String {
    match step {
        absolute if absolute.contains(' ') => format!("@{absolute}"),
        relative => relative.into(),
    }
}
