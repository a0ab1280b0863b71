//! Answers that are written while they are sent.

use crate::{
    parts::App,
    problem::Problem,
    timing::{self, Spent},
};
use axum::{
    body::{Body, Bytes},
    http::HeaderName,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{
        OwnedSemaphorePermit,
        mpsc::{self, error::TrySendError},
    },
    task::{JoinError, JoinHandle},
};

/// How much is written before it is handed over, bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// How many chunks may wait to be sent.
const CHUNKS_MAX: usize = 4;

/// How many answers may wait for slow clients at once; each has a thread and what it reads of
/// the store. One more is broken off.
pub(crate) const WAITING_MAX: usize = 64;

/// Where a blocking thread writes an answer.
pub(crate) struct Writer {
    app: App,
    /// The right to work; given back while the client takes nothing, so that a slow client
    /// keeps nobody else from an answer.
    turn: Option<OwnedSemaphorePermit>,
    buffer: Vec<u8>,
    chunks: mpsc::Sender<Chunk>,
    runtime: Handle,
    patience: Duration,
    spent: Spent,
}

enum Chunk {
    Some(Bytes),
    Failed(Problem),
    End(Spent),
}

/// The client is gone or takes nothing: there is no one to write to.
pub(crate) struct Gone;

/// What ends the writing of an answer early.
pub(crate) enum Stop {
    Gone,
    Failed(Problem),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl<E: Into<Problem>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Writer {
    /// What was written and not handed over yet.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands over what was written, if it is enough for a chunk; waits for a slow client.
    pub(crate) fn flush_full(&mut self) -> Result<(), Gone> {
        if self.buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES + 4_096));
        self.send(Chunk::Some(chunk.into()))
    }

    /// Hands over what was written and then `text`.
    pub(crate) fn push(&mut self, text: Bytes) -> Result<(), Gone> {
        if !self.buffer.is_empty() {
            let before = std::mem::take(&mut self.buffer);
            self.send(Chunk::Some(before.into()))?;
        }
        self.send(Chunk::Some(text))
    }

    /// Runs a part of the work on another thread.
    pub(crate) fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.spawn_blocking(work)
    }

    /// What such a part came to.
    pub(crate) fn wait<T>(&self, part: JoinHandle<T>) -> Result<T, JoinError> {
        self.runtime.block_on(part)
    }

    fn send(&mut self, chunk: Chunk) -> Result<(), Gone> {
        let chunk = match self.chunks.try_send(chunk) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(Gone),
            Err(TrySendError::Full(chunk)) => chunk,
        };
        let started = Instant::now();
        let sent = self.send_slowly(chunk);
        self.spent.client += started.elapsed();
        sent
    }

    /// Waits until the client takes something, and for the next turn then.
    fn send_slowly(&mut self, chunk: Chunk) -> Result<(), Gone> {
        let _place = self.app.waiting.try_acquire().map_err(|_| Gone)?;
        self.turn = None;
        let sent = self.chunks.send_timeout(chunk, self.patience);
        self.runtime.block_on(sent).map_err(|_| Gone)?;
        let turn = self.app.queries.clone().acquire_owned();
        let turn = async { tokio::time::timeout(self.patience, turn).await };
        match self.runtime.block_on(turn) {
            Ok(Ok(turn)) => self.turn = Some(turn),
            Ok(Err(_)) | Err(_) => return Err(Gone),
        }
        Ok(())
    }
}

/// Runs `write` on a blocking thread when it is its turn, and answers with what it writes. A
/// failure before the first chunk is an answer of its own; after it, it breaks the connection
/// off, so that half an answer can't be taken for a whole one. How long it took is known when
/// it ends: then `Server-Timing` is a trailer, for clients that say `TE: trailers`.
pub(crate) async fn streamed(
    app: &App,
    headers: Vec<(HeaderName, String)>,
    write: impl FnOnce(&App, &mut Writer) -> Result<(), Stop> + Send + 'static,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let turn = app.queries.clone().acquire_owned();
    let turn = tokio::time::timeout(app.query_wait(), turn)
        .await
        .map_err(|_| Problem::unavailable("too many queries are in work"))?
        .map_err(|_| Problem::unavailable("the platform stops"))?;
    let (chunks, mut answer) = mpsc::channel(CHUNKS_MAX);
    let mut writer = Writer {
        app: app.clone(),
        turn: Some(turn),
        buffer: Vec::with_capacity(4_096),
        chunks,
        runtime: Handle::current(),
        patience: Duration::from_secs(app.parts.config.write_timeout_s),
        spent: Spent::default(),
    };
    let app = app.clone();
    tokio::task::spawn_blocking(move || {
        let last = match write(&app, &mut writer) {
            Ok(()) => {
                let rest = std::mem::take(&mut writer.buffer);
                if writer.send(Chunk::Some(rest.into())).is_err() {
                    return;
                }
                writer.spent.total = started.elapsed();
                Chunk::End(writer.spent)
            }
            Err(Stop::Failed(problem)) => Chunk::Failed(problem),
            Err(Stop::Gone) => return,
        };
        // Nobody is told if nobody is there.
        let _ = writer.send(last);
    });
    let first = match answer.recv().await {
        Some(Chunk::Some(bytes)) => bytes,
        Some(Chunk::Failed(problem)) => return Err(problem),
        Some(Chunk::End(_)) => Bytes::new(),
        None => return Err(Problem::internal("a query ended without an answer")),
    };
    let rest = stream::unfold(Some(answer), |answer| async {
        let mut answer = answer?;
        match answer.recv().await {
            Some(Chunk::Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(answer))),
            Some(Chunk::End(spent)) => Some((Ok(Frame::trailers(timing::headers(spent))), None)),
            Some(Chunk::Failed(problem)) => Some((Err(io::Error::other(problem.detail)), None)),
            None => Some((Err(io::Error::other("the answer was broken off")), None)),
        }
    });
    let first = stream::once(async { Ok(Frame::data(first)) });
    let mut response = Body::new(StreamBody::new(first.chain(rest))).into_response();
    timing::announce_trailer(response.headers_mut());
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Runs what blocks, or takes long, away from the asynchronous threads.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || work(&app))
        .await
        .map_err(|error| Problem::internal(format!("a request ended early: {error}")))?
}
