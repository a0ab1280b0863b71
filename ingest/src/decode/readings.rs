//! The readings of one message, in memory that the next message uses again.

use super::{DecodeError, Limits, Reason};
use nhip_wire::Quality;
use std::fmt;

/// A piece of the text of a [`Readings`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A finite number, never -0.0; 0 where the quality is `missing`.
    Number(f64),
    /// Nothing that can be taken.
    Invalid(Invalid),
}

/// Why a reading can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The short name.
    pub reason: Reason,
    /// What is wrong, for a person: see [`Readings::text`].
    pub detail: Span,
}

/// One reading as the device gave it: nothing is converted or checked against a datastream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The name of the datastream: a [`nhip_wire::name`], unless the value is invalid.
    pub datastream: Span,
    /// The value.
    pub value: Value,
    /// The unit, if the device names one.
    pub unit: Option<Span>,
    /// The quality that the device gives; `good` if it gives none.
    pub quality: Quality,
    /// When it was measured, µs since 1970 UTC; none means at arrival.
    pub time_us: Option<i64>,
    /// The boot counter.
    pub boot: Option<u32>,
    /// The sequence number in that boot. Readings that were measured together share it.
    pub seq: Option<u64>,
    /// The device, where the payload names one (mapping rules, SenML): else the topic's.
    pub device: Option<Span>,
}

/// The readings of one message. Cleared and filled by [`super::decode`]; keep one a thread.
#[derive(Debug, Default)]
pub struct Readings {
    items: Vec<Reading>,
    text: String,
    order: Vec<u32>,
}

impl Readings {
    /// The readings, in the order of the message.
    pub fn items(&self) -> &[Reading] {
        &self.items
    }

    /// The text of a span of these readings.
    pub fn text(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Forgets the readings, keeps the memory.
    pub fn clear(&mut self) {
        self.items.clear();
        self.text.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn items_mut(&mut self) -> &mut [Reading] {
        &mut self.items
    }

    pub(crate) fn push(
        &mut self,
        reading: Reading,
        at: usize,
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        if self.items.len() >= limits.readings_max as usize {
            return Err(DecodeError::too_many(at, limits.readings_max));
        }
        self.items.push(reading);
        Ok(())
    }

    /// Keeps a text. Payloads end far below 4 GiB, and so does what is kept of them.
    pub(crate) fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        self.span_from(start)
    }

    pub(crate) fn invalid(&mut self, reason: Reason, detail: fmt::Arguments<'_>) -> Value {
        let start = self.text.len();
        // Writing to a String can't fail.
        let _ = fmt::Write::write_fmt(&mut self.text, detail);
        Value::Invalid(Invalid {
            reason,
            detail: self.span_from(start),
        })
    }

    fn span_from(&self, start: usize) -> Span {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span {
            start: place(start),
            end: place(self.text.len()),
        }
    }
}

impl Reading {
    /// A reading of which nothing but the datastream's name is known yet.
    pub(crate) fn named(datastream: Span) -> Self {
        Self {
            datastream,
            value: Value::Number(0.0),
            unit: None,
            quality: Quality::Good,
            time_us: None,
            boot: None,
            seq: None,
            device: None,
        }
    }
}

/// Makes readings behind `from` that share a name invalid: which is meant can't be known.
pub(crate) fn duplicates(readings: &mut Readings, from: usize) {
    let count = readings.items.len() - from;
    if count < 2 {
        return;
    }
    let mut order = std::mem::take(&mut readings.order);
    order.clear();
    order.extend((from..readings.items.len()).filter_map(|at| u32::try_from(at).ok()));
    let name = |readings: &Readings, at: u32| -> Span { readings.items[at as usize].datastream };
    order.sort_unstable_by(|&a, &b| {
        readings
            .text(name(readings, a))
            .cmp(readings.text(name(readings, b)))
    });
    for pair in 1..order.len() {
        let (a, b) = (order[pair - 1], order[pair]);
        if readings.text(name(readings, a)) == readings.text(name(readings, b)) {
            let trouble = readings.invalid(
                Reason::Ambiguous,
                format_args!("this datastream stands twice in one object"),
            );
            readings.items[a as usize].value = trouble;
            readings.items[b as usize].value = trouble;
        }
    }
    readings.order = order;
}
