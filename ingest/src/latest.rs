//! The newest observation of each series, for any number of readers.

use nhip_store::{Observation, SeriesId};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;

/// Series in one page, which is what a lock covers.
const PAGE_SERIES: usize = 64;

type Page = Mutex<[Option<Observation>; PAGE_SERIES]>;

/// The newest by measured time.
#[derive(Debug, Default)]
pub(crate) struct Latest {
    pages: RwLock<Vec<Arc<Page>>>,
}

/// Whether `row` is later than `other` by measured time; at one instant the later sequence is,
/// and without one the later arrival.
pub(crate) fn is_newer(row: &Observation, other: &Observation) -> bool {
    (row.time_us, row.boot, row.seq) >= (other.time_us, other.boot, other.seq)
}

impl Latest {
    /// Shows rows that are newer than what is shown.
    pub(crate) fn offer(&self, rows: &[Observation]) {
        let place = |row: &Observation| row.series.0 as usize / PAGE_SERIES;
        let Some(last) = rows.iter().map(place).max() else {
            return;
        };
        self.grow(last + 1);
        let pages = self.pages.read();
        for same in rows.chunk_by(|a, b| place(a) == place(b)) {
            let mut page = pages[place(&same[0])].lock();
            for row in same {
                let shown = &mut page[row.series.0 as usize % PAGE_SERIES];
                if shown.as_ref().is_none_or(|shown| is_newer(row, shown)) {
                    *shown = Some(*row);
                }
            }
        }
    }

    /// The newest of each series, in the order asked.
    pub(crate) fn read(&self, series: &[SeriesId], out: &mut Vec<Option<Observation>>) {
        out.clear();
        out.reserve(series.len());
        let pages = self.pages.read();
        let place = |series: &SeriesId| series.0 as usize / PAGE_SERIES;
        for same in series.chunk_by(|a, b| place(a) == place(b)) {
            match pages.get(place(&same[0])) {
                Some(page) => {
                    let page = page.lock();
                    let newest = |series: &SeriesId| page[series.0 as usize % PAGE_SERIES];
                    out.extend(same.iter().map(newest));
                }
                None => out.extend(same.iter().map(|_| None)),
            }
        }
    }

    fn grow(&self, count: usize) {
        if self.pages.read().len() >= count {
            return;
        }
        let mut pages = self.pages.write();
        while pages.len() < count {
            pages.push(Arc::new(Mutex::new([None; PAGE_SERIES])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(series: u32, time_us: i64, value: f64) -> Observation {
        Observation {
            series: SeriesId(series),
            boot: 0,
            time_us,
            received_us: 0,
            value,
            seq: None,
            quality: nhip_wire::Quality::Good,
            source: nhip_store::Source::Device,
        }
    }

    #[test]
    fn the_newest_by_measured_time_is_shown_whatever_the_order_of_arrival() {
        let latest = Latest::default();
        latest.offer(&[row(1, 20, 2.0), row(200, 5, 9.0), row(1, 10, 1.0)]);
        let mut out = Vec::new();
        let asked = [SeriesId(200), SeriesId(1), SeriesId(2), SeriesId(9999)];
        latest.read(&asked, &mut out);
        assert_eq!(
            out,
            [Some(row(200, 5, 9.0)), Some(row(1, 20, 2.0)), None, None]
        );
    }
}
