//! A device's flash after anything may have happened to it.

use nhip_node::{
    Basis, Channel, Reading, Stamp, Value,
    flash::{Context, Layout, RamFlash, Store},
};

const PAGE: usize = 512;
const PAGES: usize = 6;
type Flash = RamFlash<{ (PAGES + 2) * PAGE }, PAGE>;

const CHANNELS: [Channel; 2] = [
    Channel {
        name: "water_level",
        unit: Some("m"),
        decimals: 3,
    },
    Channel {
        name: "rain",
        unit: None,
        decimals: 0,
    },
];

/// A device starts with whatever is in its flash, queues a reading, sends all it has, and starts
/// again. The bytes are the queue's pages; where a checksum is 0, the right one is put.
pub fn withstand(bytes: &[u8]) -> bool {
    let mut flash = Flash::new();
    for (page, found) in flash.bytes_mut()[2 * PAGE..]
        .chunks_mut(PAGE)
        .zip(bytes.chunks(PAGE))
    {
        page[..found.len()].copy_from_slice(found);
        make_sound(page);
    }
    let mut store = mount(flash);
    let found = store.pending();
    store.for_each_pending(|_| {}).unwrap();
    let reading = Reading {
        channel: 1,
        value: Value::good(3),
        stamp: Stamp {
            ms: 1_795_327_200_000,
            basis: Basis::Exact,
        },
    };
    let queued = store.enqueue(&[reading]);
    let context = Context {
        channels: &CHANNELS,
        uptime_ms: 5_000,
        send_undated: true,
    };
    let mut out = [0; 256];
    let mut messages = 0;
    while let Ok(Some(_)) = store.compose(&mut out, &context) {
        store.acknowledge().unwrap();
        messages += 1;
        assert!(messages <= PAGES * PAGE, "more messages than bytes");
    }
    let bytes = *store.flash().bytes_mut();
    let mut flash = Flash::new();
    *flash.bytes_mut() = bytes;
    mount(flash).for_each_pending(|_| {}).unwrap();
    found > 0 && queued.is_ok()
}

fn mount(flash: Flash) -> Store<Flash> {
    let layout = Layout {
        settings: 0..2 * PAGE as u32,
        queue: 2 * PAGE as u32..((PAGES + 2) * PAGE) as u32,
    };
    Store::mount(flash, &layout, &CHANNELS, 0x1357_9bdf).expect("damage is no reason not to start")
}

/// Puts the checksums of a page's header and records where there are none.
fn make_sound(page: &mut [u8]) {
    const HEADER: usize = 32;
    if page[29..HEADER] == [0; 3] {
        let check = checksum(page[..29].iter());
        page[29..HEADER].copy_from_slice(&check);
    }
    let mut at = HEADER;
    while at + 4 < page.len() && (1..=252).contains(&page[at]) {
        let end = at + 4 + usize::from(page[at]);
        if end <= page.len() && page[at + 1..at + 4] == [0; 3] {
            let check = checksum(page[at..=at].iter().chain(&page[at + 4..end]));
            page[at + 1..at + 4].copy_from_slice(&check);
        }
        at = end.next_multiple_of(4);
    }
}

/// CRC-24 (OpenPGP), least significant byte first.
fn checksum<'b>(bytes: impl Iterator<Item = &'b u8>) -> [u8; 3] {
    let mut crc = 0x00b7_04ce_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [a, b, c, _] = crc.to_le_bytes();
    [a, b, c]
}
