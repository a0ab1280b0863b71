//! Why a reading is rejected.

use std::borrow::Cow;

/// A reason for a machine, and for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) reason: &'static str,
    pub(crate) detail: Cow<'static, str>,
}

impl Problem {
    pub(crate) fn new(reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}
