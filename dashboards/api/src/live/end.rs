//! Why a live stream ends.

use nhip_ingest::FeedError;

/// Why a live stream ends.
pub(super) enum End {
    /// The client left.
    Left,
    /// The platform stops.
    Shutdown,
    /// The client took nothing for too long.
    TooSlow,
    /// The feed can't go on.
    Feed(FeedError),
}

impl End {
    /// What the client is told, if it can be.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Left => "the client left".into(),
            Self::Shutdown => "the platform is stopping; connect again later".into(),
            Self::TooSlow => "you read too slowly; connect again with the last event id".into(),
            Self::Feed(error) => error.to_string(),
        }
    }
}
