//! A checkpoint: one batch with everything that a shard has not made durable yet.

use super::EmbeddedStore;
use super::head::{Head, NO_PAGE};
use super::keys;
use super::keyspaces::{damaged, refused};
use super::shard::{Shard, Writer};
use crate::codec::page::{Entry, Pages};
use crate::codec::part::{self, Span};
use crate::codec::varint::Malformed;
use crate::{Observation, SeriesId, StateBatch, StoreError};
use nhip_database::{Batch, PersistMode};

/// Heads that a checkpoint moves into newer pages or parts so that old pages can go, in bytes.
const CARRY_BYTES_MAX: u64 = 4 << 20;
/// Pages may be this many times as large as the heads, and this much more.
const PAGE_FACTOR_MAX: u64 = 4;
const PAGE_SLACK_BYTES: u64 = 8 << 20;
/// Heads of a past day that one checkpoint looks at.
const CLOSING_MAX: usize = 4096;

/// What becomes of a head if the checkpoint succeeds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Pages have its rows; `begins` if they are its first ones.
    Paged { begins: bool },
    /// Parts have its rows.
    Left,
}

struct Plan {
    number: u64,
    part_bytes: u64,
    pages: Pages,
    batch: Batch,
    touched: Vec<(SeriesId, Fate)>,
    parts: Vec<(SeriesId, i64)>,
    rows: Vec<Observation>,
}

impl EmbeddedStore {
    pub(super) fn write_checkpoint(
        &self,
        shard: &Shard,
        state: StateBatch,
    ) -> Result<(), StoreError> {
        let _timer = self.metrics.checkpoint_seconds.start_timer();
        let mut writer = shard.writer.lock();
        let mut plan = self.plan(&writer);
        let written = self
            .plan_heads(shard, &mut writer, &mut plan)
            .and_then(|()| self.commit(shard, &writer, &mut plan, state));
        match written {
            Ok(page_bytes) => {
                self.settle(shard, &mut writer, plan, page_bytes);
                Ok(())
            }
            Err(error) => {
                forget(shard, &plan);
                Err(error)
            }
        }
    }

    fn plan(&self, writer: &Writer) -> Plan {
        let shards = self.shards.read().len().max(1) as u64;
        let fair = self.config.head_bytes_max / shards / writer.heads.max(1);
        let bounds = &self.config;
        Plan {
            number: writer.checkpoint + 1,
            part_bytes: fair.clamp(
                u64::from(bounds.part_bytes_min),
                u64::from(bounds.part_bytes_max.max(bounds.part_bytes_min)),
            ),
            pages: Pages::new(bounds.page_bytes as usize),
            batch: self.database.batch(),
            touched: Vec::new(),
            parts: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn plan_heads(
        &self,
        shard: &Shard,
        writer: &mut Writer,
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        self.plan_old(shard, writer, plan)?;
        self.plan_closing(shard, writer, plan)?;
        for stripe in &shard.stripes {
            let mut stripe = stripe.write();
            for at in 0..stripe.changed.len() {
                let series = SeriesId(stripe.changed[at]);
                if let Some(head) = stripe.head_mut(series) {
                    let full = plan.is_full(head);
                    self.plan_head(shard, series, head, plan, full, false)?;
                }
            }
        }
        Ok(())
    }

    /// Moves heads out of the oldest pages when pages take too much of the disk.
    fn plan_old(&self, shard: &Shard, writer: &Writer, plan: &mut Plan) -> Result<(), StoreError> {
        if writer.page_bytes <= writer.head_bytes * PAGE_FACTOR_MAX + PAGE_SLACK_BYTES {
            return Ok(());
        }
        let mut carried = 0;
        let oldest = writer.bases.iter().find(|(_, base)| base.live > 0);
        if let Some((&number, base)) = oldest {
            for &series in &base.series {
                let mut stripe = shard.stripes[shard.stripe_of(SeriesId(series))].write();
                let head = stripe.head_mut(SeriesId(series));
                let Some(head) = head.filter(|head| head.base == number) else {
                    continue;
                };
                carried += head.bytes().len() as u64;
                let leave = head.bytes().len() as u64 * 2 >= plan.part_bytes;
                self.plan_head(shard, SeriesId(series), head, plan, leave, true)?;
                if carried >= CARRY_BYTES_MAX {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Makes parts of heads whose day is over, some at each checkpoint.
    fn plan_closing(
        &self,
        shard: &Shard,
        writer: &mut Writer,
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        let today = self.today_us();
        if today > writer.day_us {
            writer.day_us = today;
            writer.closing.clear();
            for stripe in &shard.stripes {
                writer.closing.extend(stripe.read().filled());
            }
        }
        let from = writer.closing.len().saturating_sub(CLOSING_MAX);
        for &series in &writer.closing[from..] {
            let mut stripe = shard.stripes[shard.stripe_of(SeriesId(series))].write();
            let Some(head) = stripe.head_mut(SeriesId(series)) else {
                continue;
            };
            if head.times().is_some_and(|(first, _)| first < today) {
                self.plan_head(shard, SeriesId(series), head, plan, true, false)?;
            }
        }
        Ok(())
    }

    fn plan_head(
        &self,
        shard: &Shard,
        series: SeriesId,
        head: &mut Head,
        plan: &mut Plan,
        leave: bool,
        carry: bool,
    ) -> Result<(), StoreError> {
        if head.planned == plan.number || head.rows() == 0 {
            return Ok(());
        }
        let begins = carry || head.base == NO_PAGE;
        if leave {
            self.plan_parts(shard.id, series, head, plan)?;
            if head.base != NO_PAGE {
                plan.pages.push(Entry {
                    series,
                    begins: true,
                    rows: 0,
                    strip: &[],
                });
            }
            head.leaving = plan.number;
        } else {
            let (rows, strip) = if begins {
                (head.rows(), head.bytes())
            } else {
                head.unpaged()
            };
            plan.pages.push(Entry {
                series,
                begins,
                rows,
                strip,
            });
        }
        head.planned = plan.number;
        let fate = if leave {
            Fate::Left
        } else {
            Fate::Paged { begins }
        };
        plan.touched.push((series, fate));
        Ok(())
    }

    fn plan_parts(
        &self,
        shard: u32,
        series: SeriesId,
        head: &Head,
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        let Some((first_us, last_us)) = head.times() else {
            return Ok(());
        };
        let day = self.calendar.day_start(first_us);
        if head.in_order() && day == self.calendar.day_start(last_us) {
            let span = Span {
                rows: head.rows() as usize,
                first_us,
                last_us,
            };
            let value = part::wrap(span, head.bytes());
            self.plan_part(shard, series, plan, span, value);
            return Ok(());
        }
        let mut rows = std::mem::take(&mut plan.rows);
        rows.clear();
        head.decode(series, &mut rows)
            .map_err(|error| in_memory(series, error))?;
        let calendar = self.calendar;
        for of_day in
            rows.chunk_by(|a, b| calendar.day_start(a.time_us) == calendar.day_start(b.time_us))
        {
            if let Some((span, value)) = part::encode(of_day) {
                self.plan_part(shard, series, plan, span, value);
            }
        }
        plan.rows = rows;
        Ok(())
    }

    fn plan_part(&self, shard: u32, series: SeriesId, plan: &mut Plan, span: Span, value: Vec<u8>) {
        let key = keys::part(series, span.first_us, plan.number, shard);
        plan.parts
            .push((series, self.calendar.day_start(span.first_us)));
        plan.batch.insert(&self.keyspaces.parts, key, value);
    }

    /// Writes the batch; gives the bytes of its pages.
    fn commit(
        &self,
        shard: &Shard,
        writer: &Writer,
        plan: &mut Plan,
        state: StateBatch,
    ) -> Result<Vec<u64>, StoreError> {
        let mut batch = std::mem::replace(&mut plan.batch, self.database.batch());
        let pages = std::mem::replace(&mut plan.pages, Pages::new(1)).finish();
        let page_bytes = pages.iter().map(|page| page.len() as u64).collect();
        for (index, page) in (0..).zip(pages) {
            batch.insert(
                &self.keyspaces.pages,
                keys::page(shard.id, plan.number, index),
                page,
            );
        }
        for (&number, base) in writer.bases.iter().take_while(|(_, base)| base.live == 0) {
            for index in 0..base.pages {
                batch.remove(&self.keyspaces.pages, keys::page(shard.id, number, index));
            }
        }
        for (key, value) in state.changes {
            let key = keys::state(shard.id, &key);
            match value {
                Some(value) => batch.insert(&self.keyspaces.state, key, value),
                None => batch.remove(&self.keyspaces.state, key),
            }
        }
        let number = plan.number.to_le_bytes();
        batch.insert(&self.keyspaces.meta, keys::sequence(shard.id), number);
        batch.commit(Some(PersistMode::SyncData)).map_err(refused)?;
        Ok(page_bytes)
    }

    fn settle(&self, shard: &Shard, writer: &mut Writer, plan: Plan, page_bytes: Vec<u64>) {
        while let Some(oldest) = writer
            .bases
            .first_entry()
            .filter(|entry| entry.get().live == 0)
        {
            writer.page_bytes -= oldest.remove().bytes;
        }
        let base = writer.bases.entry(plan.number).or_default();
        base.pages = page_bytes.len() as u32;
        base.bytes = page_bytes.iter().sum();
        writer.page_bytes += base.bytes;
        for stripe in &shard.stripes {
            let mut stripe = stripe.write();
            let changed = std::mem::take(&mut stripe.changed);
            for series in changed {
                if let Some(head) = stripe.head_mut(SeriesId(series)) {
                    head.listed = false;
                }
            }
        }
        for &(series, fate) in &plan.touched {
            let mut stripe = shard.stripes[shard.stripe_of(series)].write();
            if let Some(head) = stripe.head_mut(series) {
                settle_head(series, head, fate, writer, plan.number);
            }
        }
        let kept = writer.closing.len().saturating_sub(CLOSING_MAX);
        writer.closing.truncate(kept);
        writer.checkpoint = plan.number;
        self.metrics
            .checkpoint_observations
            .inc_by(writer.open_rows);
        self.open_rows
            .fetch_sub(writer.open_rows, std::sync::atomic::Ordering::Relaxed);
        writer.open_rows = 0;
        self.due.lock().add(plan.parts);
    }

    /// The local day that it is, by the newest arrival or the last call of `maintain`.
    pub(super) fn today_us(&self) -> i64 {
        let newest = self.newest_us.load(std::sync::atomic::Ordering::Relaxed);
        self.calendar.day_start(newest.saturating_sub(60_000_000))
    }
}

impl Plan {
    fn is_full(&self, head: &Head) -> bool {
        head.bytes().len() as u64 * 256 >= self.part_bytes * (u64::from(head.fill) + 1)
    }
}

fn settle_head(series: SeriesId, head: &mut Head, fate: Fate, writer: &mut Writer, number: u64) {
    let before = head.base;
    match fate {
        Fate::Left => {
            writer.head_bytes -= head.bytes().len() as u64;
            head.empty();
            writer.rebase(series.0, before, None);
        }
        Fate::Paged { begins } => {
            if begins {
                head.base = number;
                writer.rebase(series.0, before, Some(number));
            }
            head.paged();
        }
    }
}

/// Undoes the marks of a checkpoint that failed: its rows wait for the next.
fn forget(shard: &Shard, plan: &Plan) {
    for &(series, _) in &plan.touched {
        let mut stripe = shard.stripes[shard.stripe_of(series)].write();
        if let Some(head) = stripe.head_mut(series) {
            head.leaving = 0;
            head.planned = 0;
        }
    }
}

fn in_memory(series: SeriesId, error: Malformed) -> StoreError {
    damaged("a head in memory, series", &series.0.to_be_bytes(), error)
}
