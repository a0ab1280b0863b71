//! What the firmware takes of a device: its image, its stack in the emulator, what a reading
//! costs. A figure whose tool is missing is left out, and it is said why.

use crate::figures::Figure;
use nhip_tests::{
    City,
    boards::{Image, Link, Model, Site, World},
};
use std::{process::Command, time::Duration};

/// How much faster than ours the emulated device's world runs.
const SPEED: u32 = 60;
/// For how long it runs, in its own time.
const WATCHED: Duration = Duration::from_secs(1800);

/// What it needs, and what takes its figures if that is there.
type Part = (&'static str, fn() -> Option<Vec<Figure>>);

pub fn run() -> Vec<Figure> {
    let parts: [Part; 3] = [
        ("an image (scripts/build-boards mps2-an385, Python)", sizes),
        ("an image and qemu-system-arm", stack),
        ("the firmware's tests (cargo in firmware/)", costs),
    ];
    parts
        .into_iter()
        .flat_map(|(needs, part)| {
            let figures = part();
            if figures.is_none() {
                eprintln!("left out, for want of {needs}");
            }
            figures.unwrap_or_default()
        })
        .collect()
}

/// What `scripts/check-image` says of the image that the tests run.
fn sizes() -> Option<Vec<Figure>> {
    let image = Image::found(Model::CortexM3)?;
    let python = std::env::var("TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut check = Command::new(python);
    check.args(["scripts/check-image", "mps2-an385"]);
    let said = output(check.arg(image.path()))?.replace(',', "");
    let figure = |what, name, bounds| {
        let bytes = before(&said, " B", name)?.parse::<f64>().ok()?;
        let note = "Cortex-M3, release, without TLS; emulated flash, ledger and instruments in it";
        Some(Figure::less(
            what,
            bytes / 1000.0,
            "KB",
            bounds,
            note.into(),
        ))
    };
    Some(vec![
        figure("firmware: flash, text and data", "flash ", (80.0, 60.0))?,
        figure("firmware: static RAM", "static RAM ", (16.0, 10.0))?,
    ])
}

/// The deepest that a device's stack was while it measured and published.
fn stack() -> Option<Vec<Figure>> {
    let image = Image::found(Model::CortexM3)?;
    output(Command::new("qemu-system-arm").arg("--version"))?;
    let folder = tempfile::tempdir().expect("a folder");
    let city = City::start();
    let world = World::start(SPEED, Duration::from_secs(12 * 3600));
    let link = Link::to(city.addresses().mqtt);
    let site = Site::new(image, "stack", folder.path(), &world);
    let mut board = site.power_on(link.address());
    world.pass(WATCHED);
    board.assert_alive();
    let ledger = site.ledger();
    Some(vec![Figure::less(
        "firmware: peak stack in the emulator",
        ledger.stack_bytes as f64 / 1000.0,
        "KB",
        (8.0, 5.0),
        format!(
            "{} readings in {} s of a device's life, {} connections",
            ledger.queued.len(),
            WATCHED.as_secs(),
            ledger.connections
        ),
    )])
}

/// What thirty days of one reading a minute cost, by the firmware's own test of it.
fn costs() -> Option<Vec<Figure>> {
    let mut test = Command::new("cargo");
    test.args(["test", "--locked", "--quiet"]);
    test.args(["--test", "figures", "--", "--nocapture"]);
    let said = output(test.current_dir("firmware").env("CARGO_INCREMENTAL", "0"))?;
    let said = said
        .lines()
        .find_map(|line| line.split_once("at once: "))?
        .1;
    let flash = before(said, " B flash", "")?.parse().ok()?;
    let erasures = before(said, " page", "reading, ")?.parse().ok()?;
    let wire = before(said, " B on", "year, ")?.parse().ok()?;
    let note =
        || "30 days of one reading a minute, each written at once, 56 KB of queue".to_owned();
    Some(vec![
        Figure::less(
            "firmware: bytes on the wire a reading, batches of ten, MQTT and TCP payload",
            wire,
            "B",
            (14.0, 8.0),
            "one value, acknowledgements and pings counted".to_owned(),
        ),
        Figure::less(
            "firmware: bytes of flash written a reading",
            flash,
            "B",
            (24.0, 14.0),
            note(),
        ),
        Figure::less(
            "firmware: page erasures a year",
            erasures,
            "",
            (3000.0, 2000.0),
            note(),
        ),
    ])
}

/// What a program prints, if it is there and succeeds.
fn output(command: &mut Command) -> Option<String> {
    let done = command.output().ok().filter(|done| done.status.success())?;
    let mut text = String::from_utf8(done.stdout).ok()?;
    text.push_str(&String::from_utf8(done.stderr).ok()?);
    Some(text)
}

/// The word before an end and behind a beginning.
fn before<'t>(text: &'t str, end: &str, beginning: &str) -> Option<&'t str> {
    let from = text.find(beginning)? + beginning.len();
    let word = &text[from..];
    Some(&word[..word.find(end)?])
}
