//! One page of readings, or all of them, in the format asked for.

use super::{
    format::Format,
    key::{Key, Layout, Place},
    merge::{Course, Merge},
};
use crate::{
    body::{Stop, Writer, blocking},
    parts::App,
    problem::Problem,
    render::{self, Detail},
};
use nhip_registry::{Datastream, Device, Selection};
use nhip_store::{Observation, Order, RangeQuery, SeriesId, StoreError};
use std::{cmp::Ordering, sync::Arc};

/// Which readings.
pub(crate) struct Query {
    pub(crate) selection: Selection,
    pub(crate) from_us: i64,
    pub(crate) to_us: i64,
    pub(crate) order: Order,
    pub(crate) after: Option<Place>,
    pub(crate) limit: Option<usize>,
}

/// Writes a page, or everything.
pub(crate) fn write(
    app: &App,
    writer: &mut Writer,
    query: &Query,
    format: Format,
) -> Result<(), Stop> {
    begin(writer.buffer(), format);
    let next = rows(app, query, |row| {
        row.write(app, writer.buffer(), format);
        writer.flush_full().map_err(Stop::from)
    })?;
    if format == Format::Json {
        writer.buffer().push(b']');
        if let Some(next) = next {
            let next = format!(",\"next\":\"{}\"", next.seal());
            writer.buffer().extend_from_slice(next.as_bytes());
        }
        writer.buffer().push(b'}');
    }
    Ok(())
}

/// A page as one text with the cursor of the next: formats that have no place for the cursor
/// have it in a header, which is sent before them. Bounded by the page's limit.
pub(crate) async fn collected(
    app: &App,
    query: Query,
    format: Format,
) -> Result<(Vec<u8>, Option<String>), Problem> {
    let turn = app.queries.clone().acquire_owned();
    let turn = tokio::time::timeout(app.query_wait(), turn)
        .await
        .map_err(|_| Problem::unavailable("too many queries are in work"))?;
    blocking(app, move |app| {
        let _turn = turn;
        let mut out = Vec::new();
        begin(&mut out, format);
        let next = rows(app, &query, |row| {
            row.write(app, &mut out, format);
            Ok::<(), Problem>(())
        })?;
        Ok((out, next.map(|next| next.seal())))
    })
    .await
}

fn begin(out: &mut Vec<u8>, format: Format) {
    match format {
        Format::Json => out.extend_from_slice(b"{\"items\":["),
        Format::Csv => out.extend_from_slice(render::CSV_HEADER),
        Format::Ndjson => {}
    }
}

/// One reading with the datastream it belongs to.
struct Row<'a> {
    first: bool,
    reading: &'a Observation,
    datastream: &'a Datastream,
    device: &'a Device,
}

impl Row<'_> {
    fn write(&self, app: &App, out: &mut Vec<u8>, format: Format) {
        if format == Format::Csv {
            return render::csv(out, self.datastream, self.device, self.reading);
        }
        if format == Format::Json && !self.first {
            out.push(b',');
        }
        let fragments = app.fragments.current(&app.parts.registry);
        if let Some(fragment) = fragments.get(self.reading.series) {
            render::json(out, fragment, self.reading, Detail::Raw);
        }
        if format == Format::Ndjson {
            out.push(b'\n');
        }
    }
}

/// Calls `each` with the readings of a page in order; where the next page begins, if there is
/// one.
fn rows<E: From<StoreError>>(
    app: &App,
    query: &Query,
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<Option<Place>, E> {
    let series = app.selected.get(&app.parts.registry, &query.selection);
    let mut named = Vec::with_capacity(series.len());
    app.parts.registry.with_each(&series, |datastream, device| {
        named.push((datastream.clone(), device.clone()));
    });
    let merged = match query.after {
        Some(place) => place.layout == Layout::ByTime,
        None => named.len() <= app.parts.config.merge_series_max,
    };
    let layout = if merged {
        Layout::ByTime
    } else {
        Layout::BySeries
    };
    let mut page = Page {
        query,
        layout,
        written: 0,
        behind: query.after.map(|place| (place.key, place.given)),
        skipped: 0,
    };
    if merged {
        let courses: Result<Vec<Course<'_>>, StoreError> = named
            .iter()
            .map(|(stream, _)| page.course(app, stream.series))
            .collect();
        let mut merge = Merge::new(courses?)?;
        page.take(&named, || merge.next(), &mut each)
    } else {
        for one in &named {
            if page.is_done_with(one.0.series) {
                continue;
            }
            let mut course = page.course(app, one.0.series)?;
            let next = page.take(std::slice::from_ref(one), || course.next(), &mut each)?;
            if next.is_some() {
                return Ok(next);
            }
        }
        Ok(None)
    }
}

type Named = (Arc<Datastream>, Arc<Device>);

/// How far a page is.
struct Page<'a> {
    query: &'a Query,
    layout: Layout,
    written: usize,
    /// The last reading that was given, on this page or the one before, and how many of its key
    /// were.
    behind: Option<(Key, u64)>,
    /// How many readings of the key where the page before ended were met again.
    skipped: u64,
}

impl Page<'_> {
    /// The readings of a series from where the page before ended.
    fn course<'a>(&self, app: &'a App, series: SeriesId) -> Result<Course<'a>, StoreError> {
        let Query {
            mut from_us,
            mut to_us,
            order,
            after,
            ..
        } = *self.query;
        let continued =
            after.filter(|place| self.layout == Layout::ByTime || place.key.series == series);
        if let Some(place) = continued {
            match order {
                Order::Ascending => from_us = from_us.max(place.key.time_us),
                Order::Descending => to_us = to_us.min(place.key.time_us.saturating_add(1)),
            }
        }
        let query = RangeQuery {
            series,
            from_us,
            to_us,
            order,
        };
        Course::new(&*app.parts.store, query)
    }

    fn is_done_with(&self, series: SeriesId) -> bool {
        self.query
            .after
            .is_some_and(|place| series < place.key.series)
    }

    fn is_on_an_earlier_page(&mut self, key: &Key) -> bool {
        let Some(place) = self.query.after else {
            return false;
        };
        if self.layout == Layout::BySeries && key.series != place.key.series {
            return false;
        }
        match key.compare(&place.key, self.query.order) {
            Ordering::Less => true,
            Ordering::Equal if self.skipped < place.given => {
                self.skipped += 1;
                true
            }
            Ordering::Equal | Ordering::Greater => false,
        }
    }

    /// Where the page ends, if it is full.
    fn full(&self) -> Option<Place> {
        let limit = self.query.limit?;
        let (key, given) = self.behind.filter(|_| self.written >= limit)?;
        Some(Place::new(self.layout, self.query.order, key, given))
    }

    fn take<E: From<StoreError>>(
        &mut self,
        named: &[Named],
        mut next: impl FnMut() -> Result<Option<Observation>, StoreError>,
        each: &mut impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<Option<Place>, E> {
        while let Some(reading) = next()? {
            let key = Key::of(&reading);
            if self.is_on_an_earlier_page(&key) {
                continue;
            }
            if let Some(place) = self.full() {
                return Ok(Some(place));
            }
            let found = named.binary_search_by_key(&reading.series, |(stream, _)| stream.series);
            let Ok(found) = found else { continue };
            let (datastream, device) = &named[found];
            let first = self.written == 0;
            each(&Row {
                first,
                reading: &reading,
                datastream,
                device,
            })?;
            self.written += 1;
            self.behind = match self.behind {
                Some((last, given)) if last == key => Some((key, given + 1)),
                _ => Some((key, 1)),
            };
        }
        Ok(None)
    }
}
