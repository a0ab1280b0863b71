//! The bytes of a row (`docs/sessions.md`).

use super::fields::{Fields, put_bytes};
use super::place::{Place, put_will, read_will};
use super::row::{KeptFilter, Row};
use crate::codec::{SubscribeOptions, Version};

impl Row {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.expiry_s.to_le_bytes());
        for time_us in [self.left_us, self.will_due_us] {
            out.extend_from_slice(&time_us.unwrap_or(u64::MAX).to_le_bytes());
        }
        put_will(&mut out, self.will.as_ref());
        self.place.write(&mut out);
        out.extend_from_slice(&(self.held.len() as u32).to_le_bytes());
        for id in &self.held {
            out.extend_from_slice(&id.to_le_bytes());
        }
        for filter in &self.filters {
            out.extend_from_slice(&filter.since.to_le_bytes());
            out.push(filter.options.byte());
            out.extend_from_slice(&filter.identifier.unwrap_or(0).to_le_bytes());
            put_bytes(&mut out, filter.name.as_bytes());
        }
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let mut row = Self {
            generation: fields.u64()?,
            expiry_s: fields.u32()?,
            left_us: Some(fields.u64()?).filter(|time_us| *time_us < u64::MAX),
            will_due_us: Some(fields.u64()?).filter(|time_us| *time_us < u64::MAX),
            will: read_will(&mut fields)?,
            place: Place::read(&mut fields)?,
            ..Self::default()
        };
        for _ in 0..fields.u32()? {
            row.held.insert(fields.u16()?);
        }
        while !fields.0.is_empty() {
            row.filters.push(KeptFilter {
                since: fields.u64()?,
                options: SubscribeOptions::read(fields.u8()?, Version::V5).ok()?,
                identifier: Some(fields.u32()?).filter(|identifier| *identifier > 0),
                name: fields.text()?.into(),
            });
        }
        Some(row)
    }
}
