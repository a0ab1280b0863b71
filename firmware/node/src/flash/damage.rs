//! What a flipped bit and a worn page cost: no more than they must, and never a number twice.

use super::tests::{CHANNELS, Flash, PAGE, PAGES, layout, mount, pending, reading, send};
use super::*;
use std::collections::BTreeSet;

/// Offset of a queue's page.
const fn page(number: usize) -> usize {
    (2 + number) * PAGE
}

fn queued(count: i64) -> Store<Flash> {
    let mut store = mount(Flash::new());
    for at in 0..count {
        store.enqueue(&[reading(at)]).unwrap();
    }
    store
}

/// Sends and acknowledges everything; how many readings that were.
fn drain(store: &mut Store<Flash>) -> u64 {
    let mut sent = 0;
    while let Some(message) = send(store) {
        sent += message.len() as u64;
        store.acknowledge().unwrap();
    }
    sent
}

fn copy(of: &[u8]) -> Flash {
    let mut flash = Flash::new();
    flash.bytes_mut().copy_from_slice(of);
    flash
}

/// A flash after five boots, each of which queued two readings, and their numbers.
fn five_boots() -> (Vec<u8>, BTreeSet<u32>) {
    let mut flash = Flash::new();
    let mut boots = BTreeSet::new();
    for at in 0..5 {
        let mut store = mount(flash);
        store.enqueue(&[reading(at), reading(at + 1)]).unwrap();
        assert!(boots.insert(store.boot()));
        flash = store.flash;
    }
    (flash.bytes_mut().to_vec(), boots)
}

#[test]
fn no_flipped_bit_of_the_settings_gives_a_boot_number_again() {
    let (image, boots) = five_boots();
    let newest = *boots.last().unwrap();
    for bit in 0..2 * PAGE * 8 {
        let mut flash = copy(&image);
        flash.bytes_mut()[bit / 8] ^= 1 << (bit % 8);
        let store = mount(flash);
        assert!(store.boot() > newest, "bit {bit}: {}", store.boot());
        let next = mount(store.flash).boot();
        assert!(!boots.contains(&next) && next > newest, "bit {bit}: {next}");
    }
}

#[test]
fn neither_does_a_second_one_in_the_newest_record_of_the_queue() {
    let (mut image, boots) = five_boots();
    let newest = page(0)..page(1);
    let last = newest.clone().rfind(|&at| image[at] != 0xff).unwrap();
    image[last - 3] ^= 1;
    for bit in 0..2 * PAGE * 8 {
        let mut flash = copy(&image);
        flash.bytes_mut()[bit / 8] ^= 1 << (bit % 8);
        let boot = mount(flash).boot();
        assert!(!boots.contains(&boot), "bit {bit}: {boot}");
    }
}

#[test]
fn settings_that_are_gone_do_not_begin_the_boots_again() {
    let (mut image, boots) = five_boots();
    image[..2 * PAGE].fill(0xff);
    let store = mount(copy(&image));
    assert!(store.boot() > *boots.last().unwrap());
}

#[test]
fn a_reading_that_was_damaged_while_it_ran_is_counted_and_nothing_waits_for_it() {
    let mut store = queued(20);
    store.flash.bytes_mut()[page(0) + 32 + 16 * 5 + 6] ^= 4;
    assert_eq!(drain(&mut store), 19);
    assert_eq!((store.unsent(), store.evicted()), (0, 1));
    let mut store = mount(store.flash);
    drain(&mut store);
    assert_eq!((store.unsent(), store.evicted()), (0, 1));
}

#[test]
fn damage_that_is_found_at_boot_is_counted_once() {
    let mut flash = queued(60).flash;
    flash.bytes_mut()[page(0) + 32 + 16 * 5 + 6] ^= 4;
    let mut store = mount(flash);
    assert_eq!((store.pending(), store.evicted()), (59, 1));
    store = mount(store.flash);
    assert_eq!((store.pending(), store.evicted()), (59, 1));
    assert_eq!(drain(&mut store), 59);
    assert_eq!((store.unsent(), store.evicted()), (0, 1));
}

#[test]
fn a_damaged_header_costs_its_page_and_all_of_it_is_counted() {
    for (number, running) in [(0, false), (1, false), (0, true), (1, true)] {
        let mut store = queued(100);
        store.flash.bytes_mut()[page(number) + 6] ^= 4;
        if !running {
            store = mount(store.flash);
        }
        let sent = drain(&mut store);
        // A page that is being sent needs its header no more.
        let page_lost = !(running && number == 0);
        assert_eq!(page_lost, (60..80).contains(&sent), "{sent} sent");
        assert_eq!((store.unsent(), store.evicted()), (0, 100 - sent));
        let store = mount(store.flash);
        assert_eq!((store.pending() <= 64, store.evicted()), (true, 100 - sent));
    }
}

#[test]
fn numbers_behind_a_damaged_record_are_not_taken_for_acknowledged() {
    let mut store = queued(10);
    send(&mut store);
    store.acknowledge().unwrap();
    store.mark().unwrap();
    let mut flash = store.flash;
    // The last reading before the mark.
    flash.bytes_mut()[page(0) + 32 + 16 * 9 + 6] ^= 4;
    let mut store = mount(flash);
    store.enqueue(&[reading(11)]).unwrap();
    assert_eq!(pending(&mut store).len(), 1);
}

#[test]
fn a_page_that_cannot_be_erased_is_passed_over() {
    for worn in 0..PAGES {
        let mut flash = Flash::new();
        flash.wear_out(2 + worn);
        let mut store = mount(flash);
        for at in 0..1000 {
            store.enqueue(&[reading(at)]).unwrap();
        }
        let left = pending(&mut store).len() as u64;
        assert!(left > 80, "{left} left beside page {worn}");
        assert_eq!(store.evicted() + left, 1000);
        assert_eq!(drain(&mut store), left);
    }
}

#[test]
fn readings_in_a_page_that_wears_out_are_still_sent() {
    // The last is the newest: it holds what comes.
    for worn in 0..PAGES - 1 {
        let mut store = queued(200);
        assert_eq!(store.evicted(), 0);
        store.flash.wear_out(2 + worn);
        store = mount(store.flash);
        for at in 200..450 {
            store.enqueue(&[reading(at)]).unwrap();
        }
        let left = pending(&mut store);
        let held = left.keys().filter(|(_, seq)| *seq < 200).count();
        assert!(held > 20, "{held} of page {worn}");
        assert_eq!(store.evicted() + left.len() as u64, 450);
        store = mount(store.flash);
        assert_eq!(store.evicted() + store.pending(), 450);
        assert_eq!(drain(&mut store), left.len() as u64);
    }
}

#[test]
fn a_worn_page_is_written_down_once_a_boot() {
    let mut store = queued(150);
    store.flash.wear_out(2);
    store = mount(store.flash);
    for at in 0..250 {
        store.enqueue(&[reading(at)]).unwrap();
    }
    let (written, erased) = (store.flash.written(), store.flash.erased_pages());
    for at in 0..250 {
        store.enqueue(&[reading(at)]).unwrap();
    }
    let written = store.flash.written() - written;
    let erased = store.flash.erased_pages() - erased;
    // 12 bytes a reading, and for each page a header and the eviction.
    assert!(written < 250 * 14 + 20 * 64, "{written}");
    assert!(erased < 20, "{erased}");
}

#[test]
fn a_queue_of_worn_pages_only_says_so_and_writes_nothing() {
    let mut store = queued(150);
    for slot in 0..PAGES {
        store.flash.wear_out(2 + slot);
    }
    let mut refused = 0;
    let mut written = 0;
    for at in 0..200 {
        written = match store.enqueue(&[reading(at)]) {
            Ok(_) => store.flash.written(),
            Err(_) if refused == 0 => store.flash.written(),
            Err(_) => written,
        };
        refused += u32::from(store.enqueue(&[reading(at)]).is_err());
    }
    assert!(refused > 100);
    assert_eq!(store.flash.written(), written);
    assert_eq!(store.evicted(), 0);
    let layout = layout();
    assert!(Store::mount(store.flash, &layout, &CHANNELS, 1).is_ok());
}
