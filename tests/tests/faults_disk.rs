//! Faults 1 to 3: stages of a kill, the tail of the log, a full disk.

use nhip_tests::{
    City,
    city::signal,
    mqtt::{Client, Version},
    publishers::Publishers,
    wait,
};
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

fn reading(seq: u64) -> String {
    json!({"boot": 1, "seq": seq, "readings": {"v": seq}}).to_string()
}

#[test]
fn fault_1_a_kill_right_after_each_acknowledgement_keeps_the_reading() {
    let mut city = City::start();
    for seq in 0..5 {
        let mut client = Client::connect(city.addresses().mqtt, "one", Version::V4);
        client
            .publish("devices/one/readings/json", reading(seq).as_bytes())
            .unwrap();
        city.kill_and_launch();
        assert_eq!(city.settle()["stored"], seq + 1);
    }
}

#[test]
fn fault_1_a_platform_stopped_between_log_and_store_folds_the_rest_at_its_start() {
    let mut city = City::start();
    let publishers = Publishers::start(city.addresses().mqtt, "stage", 20);
    publishers.wait_for(2000);
    // Frozen at an arbitrary stage of many readings at once, then killed there.
    signal(city.pid(), "STOP");
    city.kill_and_launch();
    publishers.wait_for(100);
    let ledger = publishers.stop();
    city.settle();
    ledger.assert_stored(&city);
}

#[test]
fn fault_2_a_torn_tail_of_the_log_is_cut_and_the_rest_kept() {
    let mut city = City::start();
    let mut client = Client::connect(city.addresses().mqtt, "torn", Version::V4);
    for seq in 0..100 {
        client
            .publish("devices/torn/readings/json", reading(seq).as_bytes())
            .unwrap();
    }
    city.kill();
    // As a power cut leaves it: half a block of what nobody was promised.
    let segment = newest_segment(&city.folder().join("log"));
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    let garbage: Vec<u8> = (0..300u32).map(|byte| (byte * 31 + 7) as u8).collect();
    file.write_all_at(&garbage, end.next_multiple_of(64))
        .unwrap();
    city.launch();
    assert_eq!(city.settle()["stored"], 100);
    let mut client = Client::connect(city.addresses().mqtt, "torn", Version::V4);
    client
        .publish("devices/torn/readings/json", reading(100).as_bytes())
        .unwrap();
    city.kill_and_launch();
    assert_eq!(city.settle()["stored"], 101);
}

fn newest_segment(folder: &Path) -> PathBuf {
    let holds_records = |path: &PathBuf| {
        fs::read(path).is_ok_and(|bytes| bytes.len() > 4096 && bytes[64..].iter().any(|b| *b != 0))
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && holds_records(path))
        .collect();
    files.sort();
    files.pop().expect("a segment that holds records")
}

/// A small file system of its own, unmounted when it drops.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// None where the machine does not allow mounting.
    fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then_some(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it but for `spare_kib`.
    fn fill(&self, spare_kib: u64) {
        let output = Command::new("df")
            .args(["--output=avail", "-k"])
            .arg(self.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let free: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
        let bytes = free.saturating_sub(spare_kib) * 1024;
        fs::write(self.path().join("ballast"), vec![1; bytes as usize]).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn fault_3_a_full_disk_stops_acknowledgements_only_and_resumes_by_itself() {
    let Some(disk) = SmallDisk::mount(512) else {
        assert!(std::env::var_os("CI").is_none(), "CI can mount a tmpfs");
        println!("skipped: this machine does not allow mounting a tmpfs");
        return;
    };
    let city = City::builder()
        .data(&disk.path().join("data"))
        .set("LOG__SEGMENT_BYTES", "4 MiB")
        .start();
    let publishers = Publishers::start(city.addresses().mqtt, "full", 30);
    publishers.wait_for(2000);
    disk.fill(1024);
    wait::until("the log to stall", || {
        (city.ask("GET", "/readyz", None).status == 503).then_some(())
    });
    let parts = city.ask("GET", "/readyz", None).text;
    assert!(parts.contains("log"), "{parts}");
    // Readers and the API go on.
    let stored = city.readings("device=full-0").len();
    assert!(stored > 0);
    city.get("/api/v1/latest");
    disk.free();
    publishers.wait_for(2000);
    let ledger = publishers.stop();
    city.settle();
    ledger.assert_stored(&city);
}
