//! Rows of one series, block by block.

use super::QuestDbStore;
use super::link::Pool;
use super::row::{COLUMNS, Identity, Kept, TIME_MAX_US};
use super::unseen::of_series;
use super::writer::READINGS;
use crate::{Block, Order, RangeQuery, SeriesId, StoreError};
use futures_util::TryStreamExt;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::iter::Peekable;
use std::pin::{Pin, pin};
use std::vec::IntoIter;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, RowStream};

/// Rows that are asked of the server at a time, and then wait in memory for their reader.
pub(crate) const BLOCK_ROWS: usize = 4096;

/// The rows of a series: what the server shows, with what it does not show yet.
pub(crate) struct Blocks {
    shown: Receiver<Result<Vec<Kept>, StoreError>>,
    unseen: Peekable<IntoIter<Kept>>,
    /// What comes from memory and is left out when the server has it too.
    known: HashSet<Identity>,
    order: Order,
    /// Rows of the newest instant read: the next block may have more of it.
    held: Vec<Kept>,
    ended: bool,
}

impl QuestDbStore {
    /// The rows of `query`.
    pub(super) fn blocks(&self, query: RangeQuery) -> Result<Blocks, StoreError> {
        self.ready()?;
        let (from_us, to_us) = bounds(query.from_us, query.to_us);
        let batches = self.unseen.lock().batches();
        let mut unseen = of_series(&batches, query.series, from_us, to_us);
        if query.order == Order::Descending {
            unseen.reverse();
        }
        let known = unseen.iter().map(Kept::identity).collect();
        let (send, shown) = mpsc::channel(1);
        let sql = sql(query.series, from_us, to_us, query.order);
        if from_us < to_us {
            self.link
                .spawn(move |pool| async move { read(&pool, query.series, &sql, send).await });
        }
        Ok(Blocks {
            shown,
            unseen: unseen.into_iter().peekable(),
            known,
            order: query.order,
            held: Vec::new(),
            ended: false,
        })
    }
}

/// A range without what no row can have.
pub(crate) fn bounds(from_us: i64, to_us: i64) -> (i64, i64) {
    (from_us.max(0), to_us.min(TIME_MAX_US + 1))
}

fn sql(series: SeriesId, from_us: i64, to_us: i64, order: Order) -> String {
    let order = match order {
        Order::Ascending => "",
        Order::Descending => " DESC",
    };
    format!(
        "SELECT {COLUMNS} FROM {READINGS} WHERE series = {} AND timestamp >= {from_us} \
         AND timestamp < {to_us} ORDER BY timestamp{order}",
        series.0
    )
}

/// Hands over the answer until it ends or nobody wants more.
async fn read(
    pool: &Pool,
    series: SeriesId,
    sql: &str,
    send: Sender<Result<Vec<Kept>, StoreError>>,
) {
    if let Err(error) = read_blocks(pool, series, sql, &send).await {
        // A reader that has gone needs no reason.
        let _ = send.send(Err(error)).await;
    }
}

async fn read_blocks(
    pool: &Pool,
    series: SeriesId,
    sql: &str,
    send: &Sender<Result<Vec<Kept>, StoreError>>,
) -> Result<(), StoreError> {
    let lease = pool.lease().await?;
    let nothing: [(&(dyn ToSql + Sync), Type); 0] = [];
    let answer = pool.timed(lease.client.query_typed_raw(sql, nothing));
    let mut answer = pin!(answer.await?);
    loop {
        let rows = pool.timed(next_rows(answer.as_mut())).await?;
        let is_last = rows.len() < BLOCK_ROWS;
        let block: Result<Vec<Kept>, _> = rows
            .iter()
            .filter_map(|row| Kept::read(series, row).transpose())
            .collect();
        if send.send(Ok(block?)).await.is_err() {
            // Nobody wants the rest, and the server ends with the connection.
            return Ok(());
        }
        if is_last {
            break;
        }
    }
    pool.give_back(lease);
    Ok(())
}

/// The next rows of an answer, fewer than a block only at its end.
pub(crate) async fn next_rows(
    mut answer: Pin<&mut RowStream>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let mut rows = Vec::new();
    while rows.len() < BLOCK_ROWS
        && let Some(row) = answer.try_next().await?
    {
        rows.push(row);
    }
    Ok(rows)
}

impl Blocks {
    /// Puts the server's rows in order, all but those of the newest instant, with what is not
    /// shown and belongs before the first that is held.
    fn merge(&mut self, mut rows: Vec<Kept>) -> Block {
        rows.retain(|kept| !self.known.contains(&kept.identity()));
        let mut rows = [std::mem::take(&mut self.held), rows].concat();
        let order = self.order;
        rows.sort_by(|a, b| compare(a, b, order));
        if !self.ended {
            let newest_us = rows.last().map(|kept| kept.row.time_us);
            let held = rows
                .iter()
                .rposition(|kept| Some(kept.row.time_us) != newest_us)
                .map_or(0, |before| before + 1);
            self.held = rows.split_off(held);
        }
        let mut block = Vec::with_capacity(rows.len());
        for kept in rows {
            self.give_unseen(&mut block, Some(&kept));
            block.push(kept.row);
        }
        if self.ended {
            self.give_unseen(&mut block, None);
        }
        block
    }

    fn give_unseen(&mut self, block: &mut Block, before: Option<&Kept>) {
        let order = self.order;
        let in_turn =
            |unseen: &Kept| before.is_none_or(|kept| compare(unseen, kept, order).is_lt());
        while let Some(unseen) = self.unseen.next_if(in_turn) {
            block.push(unseen.row);
        }
    }
}

fn compare(a: &Kept, b: &Kept, order: Order) -> Ordering {
    match order {
        Order::Ascending => a.compare(b),
        Order::Descending => b.compare(a),
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let block = match self.shown.blocking_recv() {
                Some(Ok(rows)) => self.merge(rows),
                Some(Err(error)) => {
                    self.ended = true;
                    self.unseen = Vec::new().into_iter().peekable();
                    self.held.clear();
                    return Some(Err(error));
                }
                None => {
                    self.ended = true;
                    self.merge(Vec::new())
                }
            };
            if !block.is_empty() {
                return Some(Ok(block));
            }
        }
        None
    }
}
