//! Boards in an emulator that run the firmware, against the real platform: what a device has put
//! into its flash is stored once, whatever happens on the way.

use nhip_tests::{
    City,
    boards::{Board, Comparison, Image, Ledger, Link, Model, Site, TimeErrors, World},
    mqtt::{Client, Version},
    wait,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

/// How much faster than ours the devices' world runs.
const SPEED: u32 = 60;
/// How far behind our time it begins: what it measures must not be from our future.
const HEAD_START: Duration = Duration::from_secs(12 * 3600);
/// By how much half of the stored times may be off in that world: readings are dated to the
/// second, and a hundredth of our second, which is what the ledger knows, is more than half of
/// one of theirs.
const TIME_ERROR_MEDIAN_US: i64 = 2_000_000;
/// By how much any of them may be off: an emulator that stands still for a second of ours.
const TIME_ERROR_MAX_US: i64 = 60_000_000;

struct Scene {
    city: City,
    world: World,
    link: Link,
    folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("the boards' files: {}", self.folder.path().display());
        }
    }
}

impl Scene {
    fn start() -> Self {
        Self::at_speed(SPEED)
    }

    fn at_speed(speed: u32) -> Self {
        let city = City::start();
        let link = Link::to(city.addresses().mqtt);
        Self {
            world: World::start(speed, HEAD_START),
            link,
            city,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn site(&self, model: Model, device: &str) -> Site {
        Site::new(Image::of(model), device, self.folder.path(), &self.world)
    }

    fn power_on(&self, site: &Site) -> Board {
        site.power_on(self.link.address())
    }

    /// Lets so much of the world's time pass.
    fn pass(&self, seconds: u64) {
        self.world.pass(Duration::from_secs(seconds));
    }

    /// Waits until all that the device has kept up to now is stored, and looks at all of it.
    fn wait_until_stored(&self, site: &Site) -> (Ledger, Comparison) {
        let before = site.ledger();
        wait::until("what the device has kept to be stored", || {
            self.city.settle();
            let stored = self.stored(site);
            let ledger = site.ledger();
            let comparison = ledger.compare(&before, stored);
            comparison
                .missing
                .is_empty()
                .then_some((ledger, comparison))
        })
    }

    fn stored(&self, site: &Site) -> Vec<Value> {
        self.city.readings(&format!("device={}", site.device()))
    }
}

#[test]
fn an_hour_of_two_boards_arrives_whole_and_in_time() {
    let scene = Scene::start();
    let sites = [
        scene.site(Model::CortexM3, "hour-m3"),
        scene.site(Model::Riscv32, "hour-rv32"),
    ];
    let boards: Vec<Board> = sites.iter().map(|site| scene.power_on(site)).collect();
    scene.pass(3600);
    for (site, mut board) in sites.iter().zip(boards) {
        board.assert_alive();
        let (ledger, comparison) = scene.wait_until_stored(site);
        comparison.assert_whole();
        // Every ten seconds and every minute, and eight figures of its own each quarter; less
        // where this machine was so busy that the emulator stood still for ten seconds of the
        // world, and a measurement was left out.
        assert!(ledger.queued.len() > 300, "{}", ledger.queued.len());
        let errors = ledger.time_errors(&comparison, &scene.world);
        println!(
            "{}: {} readings, times off by {} ms (median), {} connections, {} B of stack",
            site.device(),
            ledger.queued.len(),
            errors.median_us() / 1000,
            ledger.connections,
            ledger.stack_bytes
        );
        // A busy machine delays a PUBACK by more than the half second that 30 s of theirs are.
        assert!(ledger.connections < 15, "{}", ledger.connections);
        assert_in_time(&errors, 250);
    }
}

#[test]
fn a_broker_that_is_killed_again_and_again_loses_nothing() {
    let mut scene = Scene::start();
    let mut random = seeded();
    let site = scene.site(Model::CortexM3, "kills").set("count", 2);
    let mut board = scene.power_on(&site);
    for _ in 0..5 {
        scene.pass(random.random_range(60..240));
        scene.city.kill();
        scene.pass(random.random_range(0..60));
        scene.city.launch();
    }
    let (ledger, comparison) = scene.wait_until_stored(&site);
    board.assert_alive();
    assert!(ledger.connections > 3, "{}", ledger.connections);
    comparison.assert_whole();
}

#[test]
fn a_network_that_is_gone_for_longer_than_memory_lasts_loses_nothing() {
    let scene = Scene::start();
    let site = scene.site(Model::Riscv32, "outage").set("count", 5);
    let mut board = scene.power_on(&site);
    scene.pass(120);
    scene.wait_until_stored(&site);
    scene.link.silence(true);
    let stored = scene.stored(&site).len();
    // Twice what the node holds in memory, whatever the flash does.
    wait::until("readings that nobody takes", || {
        (site.ledger().queued.len() > stored + 2 * 64).then_some(())
    });
    scene.city.settle();
    assert!(scene.stored(&site).len() < stored + 64, "silent and heard");
    scene.link.silence(false);
    let (ledger, comparison) = scene.wait_until_stored(&site);
    board.assert_alive();
    comparison.assert_whole();
    assert_in_time(&ledger.time_errors(&comparison, &scene.world), 2 * 64);
}

#[test]
fn acknowledgements_that_are_lost_double_nothing() {
    let scene = Scene::start();
    let site = scene.site(Model::CortexM3, "acks").set("count", 2);
    let mut board = scene.power_on(&site);
    for _ in 0..3 {
        scene.pass(120);
        scene.link.swallow_acks(true);
        let lost = scene.link.swallowed();
        wait::until("a PUBACK to be lost", || {
            (scene.link.swallowed() > lost).then_some(())
        });
        scene.pass(60);
        scene.link.swallow_acks(false);
        scene.link.cut();
    }
    let (_, comparison) = scene.wait_until_stored(&site);
    board.assert_alive();
    comparison.assert_whole();
    let figures = scene.city.settle();
    assert!(figures["duplicate"].as_u64().unwrap() > 0, "{figures}");
}

#[test]
fn fifty_power_cuts_lose_nothing_that_was_kept() {
    let scene = Scene::start();
    let mut random = seeded();
    let sites = [
        scene.site(Model::CortexM3, "cuts-m3"),
        scene.site(Model::Riscv32, "cuts-rv32"),
    ]
    // Six sectors, so that the queue's pages are opened and erased again and again.
    .map(|site| site.set("count", 1).set("sectors", 8).set("batch", 5));
    for cut in 0..25 {
        let boards: Vec<(bool, Board)> = sites
            .iter()
            .map(|site| {
                let in_write = random.random_bool(0.6);
                let bytes = match cut % 3 {
                    0 => random.random_range(1..100),
                    _ => random.random_range(1..3000),
                };
                let address = scene.link.address();
                let board = match in_write {
                    true => site.power_on_until(address, bytes, random.random()),
                    false => site.power_on(address),
                };
                (in_write, board)
            })
            .collect();
        for (in_write, board) in boards {
            match in_write {
                true => board.wait_for_power_cut(),
                false => {
                    scene.pass(random.random_range(1..60));
                    board.cut_power();
                }
            }
        }
    }
    for site in &sites {
        let mut board = scene.power_on(site);
        scene.pass(60);
        let (ledger, comparison) = scene.wait_until_stored(site);
        board.assert_alive();
        comparison.assert_whole();
        // What a cut may take is what was measured and not yet in the flash: one reading of
        // each instrument.
        let unstored = ledger.unstored(&comparison);
        println!(
            "{}: {} kept, {unstored} measured and cut off, {} connections",
            site.device(),
            ledger.queued.len(),
            ledger.connections
        );
        assert!(unstored <= 2 * 26, "{unstored}");
    }
}

#[test]
fn a_device_without_a_clock_dates_its_readings_afterwards() {
    let scene = Scene::start();
    scene.world.tell_time(false);
    let site = scene.site(Model::Riscv32, "clockless").set("count", 5);
    let mut board = scene.power_on(&site);
    scene.pass(300);
    assert!(scene.world.asked() > 0, "nobody asked for the time");
    scene.world.tell_time(true);
    scene.pass(60);
    let (ledger, comparison) = scene.wait_until_stored(&site);
    board.assert_alive();
    comparison.assert_whole();
    assert_in_time(&ledger.time_errors(&comparison, &scene.world), 60);
}

#[test]
fn a_clock_that_jumps_loses_and_doubles_nothing() {
    // An hour passes between two looks at the time.
    let scene = Scene::at_speed(180);
    let site = scene.site(Model::CortexM3, "jump");
    let mut board = scene.power_on(&site);
    wait::until("the two looks at the time that set the clock", || {
        (scene.world.asked() > 1).then_some(())
    });
    scene.pass(600);
    let jump_us = 1800 * 1_000_000;
    scene.world.lie(jump_us);
    let asked = scene.world.asked();
    wait::until("the four looks at the time that step the clock", || {
        (scene.world.asked() > asked + 3).then_some(())
    });
    scene.pass(600);
    let (ledger, comparison) = scene.wait_until_stored(&site);
    board.assert_alive();
    comparison.assert_whole();
    // The newest are dated by the clock as it is now.
    let errors = ledger.time_errors(&comparison, &scene.world);
    let off_us = (errors.worst_us() - jump_us).abs();
    assert!(off_us < 3 * TIME_ERROR_MAX_US, "{off_us}");
}

#[test]
fn flash_that_is_full_gives_up_the_oldest_and_says_how_many() {
    let scene = Scene::start();
    let site = scene
        .site(Model::Riscv32, "full")
        .set("count", 1)
        .set("sectors", 5);
    let mut board = scene.power_on(&site);
    scene.pass(60);
    scene.wait_until_stored(&site);
    scene.link.silence(true);
    let kept = site.ledger().queued.len();
    wait::until("more readings than the flash holds", || {
        (site.ledger().queued.len() > kept + 1800).then_some(())
    });
    scene.link.silence(false);
    let (comparison, evicted) = wait::until("the count of what was given up", || {
        scene.city.settle();
        let stored = scene.stored(&site);
        let evicted = newest(&stored, "queue_evicted")?;
        let ledger = site.ledger();
        let comparison = ledger.compare(&ledger, stored);
        let newest = comparison.stored.last()?["seq"].as_u64()?;
        let missing = comparison.missing.iter();
        let missing = missing.filter(|one| one.seq < newest).count();
        (evicted > 0 && missing as u64 == evicted).then_some((comparison, evicted))
    });
    board.assert_alive();
    comparison.assert_sound();
    // The oldest that were not sent, all in a row.
    let gone: Vec<u64> = comparison.missing.iter().map(|one| one.seq).collect();
    let gone = &gone[..evicted as usize];
    let row = gone.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(row, "{gone:?}");
}

#[test]
fn a_command_that_came_during_an_outage_is_carried_out_once() {
    let scene = Scene::start();
    let site = scene.site(Model::CortexM3, "command");
    let mut board = scene.power_on(&site);
    scene.pass(60);
    scene.wait_until_stored(&site);
    scene.link.silence(true);
    scene.pass(120);
    let address = scene.city.addresses().mqtt;
    let mut client = Client::connect(address, "operator", Version::V5);
    client.subscribe("devices/command/commands/+/ack", 1);
    let command = br#"{"id":"faster","channel":"count","seconds":2}"#;
    client
        .publish("devices/command/commands/period", command)
        .unwrap();
    scene.link.silence(false);
    let answer = wait::until("the answer", || {
        let packet = client.receive().ok()?;
        (packet.kind() == 3).then_some(packet)
    });
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("faster") && text.contains("done"), "{text}");
    let before = site.ledger().measured.len();
    scene.pass(120);
    let more = site.ledger().measured.len() - before;
    board.assert_alive();
    assert!(more > 40, "{more} in two minutes");
    let (_, comparison) = scene.wait_until_stored(&site);
    comparison.assert_whole();
}

#[test]
fn two_boards_with_one_name_are_both_stored_whole() {
    let scene = Scene::start();
    let sites = [Model::CortexM3, Model::Riscv32].map(|model| scene.site(model, "twins"));
    let mut boards = sites.each_ref().map(|site| scene.power_on(site));
    scene.pass(900);
    boards.iter_mut().for_each(Board::assert_alive);
    let before = sites.each_ref().map(Site::ledger);
    wait::until("what both have kept to be stored", || {
        scene.city.settle();
        let stored = scene.stored(&sites[0]);
        before
            .iter()
            .all(|ledger| ledger.compare(ledger, stored.clone()).missing.is_empty())
            .then_some(())
    });
    // Numbers tell the two apart: none stands twice, and each with what its board gave it.
    let stored = scene.stored(&sites[0]);
    for site in &sites {
        let ledger = site.ledger();
        let compared = ledger.compare(&ledger, stored.clone());
        assert!(compared.twice.is_empty(), "{:?}", compared.twice);
        assert!(compared.different.is_empty(), "{:?}", compared.different);
    }
    assert!(before.iter().all(|ledger| ledger.queued.len() > 60));
}

fn assert_in_time(errors: &TimeErrors, count_min: usize) {
    assert!(errors.count() > count_min, "{}", errors.count());
    let (median_us, worst_us) = (errors.median_us(), errors.worst_us());
    assert!(median_us < TIME_ERROR_MEDIAN_US, "{median_us}");
    assert!(worst_us < TIME_ERROR_MAX_US, "{worst_us}");
}

/// The newest value of a datastream.
fn newest(stored: &[Value], datastream: &str) -> Option<u64> {
    let mut readings = stored.iter().filter(|one| one["datastream"] == datastream);
    Some(readings.next_back()?["value"].as_f64()? as u64)
}

fn seeded() -> SmallRng {
    let seed = rand::random();
    println!("seed {seed}");
    SmallRng::seed_from_u64(seed)
}
