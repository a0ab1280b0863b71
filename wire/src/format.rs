//! The formats in which a device may publish readings.

/// The format of a payload, as the last level of its topic names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The binary format of [`crate::compact`].
    Compact,
    /// The platform's own JSON.
    Json,
    /// SenML (RFC 8428) in JSON.
    SenmlJson,
    /// SenML (RFC 8428) in CBOR.
    SenmlCbor,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Compact, Self::Json, Self::SenmlJson, Self::SenmlCbor];

    /// Its name in a topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Json => "json",
            Self::SenmlJson => "senml-json",
            Self::SenmlCbor => "senml-cbor",
        }
    }

    /// The format of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
