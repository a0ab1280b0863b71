//! Questions to the server over the PostgreSQL wire, each with an end.

use super::QuestDbConfig;
use super::range::{BLOCK_ROWS, next_rows};
use crate::StoreError;
use parking_lot::Mutex;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row};

/// Connections that are kept when nobody uses them.
const IDLE_MAX: usize = 8;

/// Connections to the server.
pub(crate) struct Link {
    pool: Arc<Pool>,
    /// Moves the bytes of the connections; none when the link ends.
    runtime: Option<Runtime>,
}

/// What the tasks of a link share.
pub(crate) struct Pool {
    config: Config,
    address: String,
    idle: Mutex<Vec<Client>>,
    permits: Arc<Semaphore>,
    connections_max: u32,
    connect: Duration,
    query: Duration,
}

/// A connection in use.
pub(crate) struct Lease {
    pub(crate) client: Client,
    _permit: OwnedSemaphorePermit,
}

impl Link {
    /// Prepares connections; none is made before it is needed.
    pub(crate) fn new(config: &QuestDbConfig) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Refused {
            what: format!("the address {:?} (store.questdb.pg)", config.pg),
            reason,
        };
        let (host, port) = config
            .pg
            .rsplit_once(':')
            .ok_or_else(|| refused("it has no port".to_owned()))?;
        let port = port.parse().map_err(|_| refused("no port".to_owned()))?;
        let mut connection = Config::new();
        connection
            .host(host.trim_matches(['[', ']']))
            .port(port)
            .user(&config.user)
            .password(config.password.as_deref().unwrap_or("quest"))
            .dbname("qdb")
            .application_name("nhip")
            .ssl_mode(SslMode::Disable);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nhip-questdb")
            .enable_all()
            .build()
            .map_err(|error| refused(format!("no thread for it: {error}")))?;
        let pool = Pool {
            config: connection,
            address: config.pg.clone(),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(config.connections_max as usize)),
            connections_max: config.connections_max,
            connect: Duration::from_secs(config.connect_timeout_s.into()),
            query: Duration::from_secs(config.query_timeout_s.into()),
        };
        Ok(Self {
            pool: Arc::new(pool),
            runtime: Some(runtime),
        })
    }

    /// All rows of a small answer.
    pub(crate) fn query(&self, sql: &str) -> Result<Vec<Row>, StoreError> {
        self.run(async |pool| {
            let lease = pool.lease().await?;
            let rows = pool.timed(lease.client.query_typed(sql, &[])).await?;
            pool.give_back(lease);
            Ok(rows)
        })
    }

    /// What `read` makes of each row of an answer of any size.
    pub(crate) fn collect<T>(
        &self,
        sql: &str,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.run(async |pool| {
            let lease = pool.lease().await?;
            let nothing: [(&(dyn ToSql + Sync), Type); 0] = [];
            let answer = pool.timed(lease.client.query_typed_raw(sql, nothing));
            let mut answer = pin!(answer.await?);
            let mut collected = Vec::new();
            loop {
                let rows = pool.timed(next_rows(answer.as_mut())).await?;
                for row in &rows {
                    collected.push(read(row)?);
                }
                if rows.len() < BLOCK_ROWS {
                    break;
                }
            }
            pool.give_back(lease);
            Ok(collected)
        })
    }

    /// Does something that has no answer.
    pub(crate) fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.run(async |pool| {
            let lease = pool.lease().await?;
            pool.timed(lease.client.batch_execute(sql)).await?;
            pool.give_back(lease);
            Ok(())
        })
    }

    /// The same; a refusal in the server's words is told from no answer, after which it may be
    /// done or not.
    pub(crate) fn execute_or_refuse(&self, sql: &str) -> Result<Result<(), String>, StoreError> {
        self.run(async |pool| {
            let lease = pool.lease().await?;
            let asked = async {
                match lease.client.batch_execute(sql).await {
                    Err(error) if error.as_db_error().is_some() => Ok(Err(told(&error))),
                    done => done.map(Ok),
                }
            };
            let answer = pool.timed(asked).await?;
            pool.give_back(lease);
            Ok(answer)
        })
    }

    /// Goes on with a task beside the caller.
    pub(crate) fn spawn<F>(&self, task: impl FnOnce(Arc<Pool>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(task(Arc::clone(&self.pool)));
        }
    }

    fn run<T>(
        &self,
        ask: impl AsyncFnOnce(&Pool) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(ask(&self.pool)),
            None => Err(self.pool.unavailable("it is being closed")),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping it would wait, which not every caller may.
            runtime.shutdown_background();
        }
    }
}

impl Pool {
    /// A connection, of those there are or a new one.
    pub(crate) async fn lease(&self) -> Result<Lease, StoreError> {
        let permit = tokio::time::timeout(self.connect, Arc::clone(&self.permits).acquire_owned());
        let permit = match permit.await {
            Ok(Ok(permit)) => permit,
            _ => {
                let busy = format!(
                    "all {} connections are in use (store.questdb.connections_max)",
                    self.connections_max
                );
                return Err(self.unavailable(&busy));
            }
        };
        let client = loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(client) if client.is_closed() => {}
                Some(client) => break client,
                None => break self.connect().await?,
            }
        };
        Ok(Lease {
            client,
            _permit: permit,
        })
    }

    async fn connect(&self) -> Result<Client, StoreError> {
        let connecting = tokio::time::timeout(self.connect, self.config.connect(NoTls));
        let (client, connection) = match connecting.await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => return Err(self.unavailable(&told(&error))),
            Err(_) => {
                let late = format!("no connection within {} s", self.connect.as_secs());
                return Err(self.unavailable(&late));
            }
        };
        tokio::spawn(async move {
            // How it ended is told by the question that it was for.
            let _ = connection.await;
        });
        Ok(client)
    }

    /// Keeps a connection whose last question was answered whole. Others end by being dropped.
    pub(crate) fn give_back(&self, lease: Lease) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX && !lease.client.is_closed() {
            idle.push(lease.client);
        }
    }

    /// Waits for one answer, or one part of an answer.
    pub(crate) async fn timed<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.query, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.unavailable(&told(&error))),
            Err(_) => {
                let late = format!("no answer within {} s", self.query.as_secs());
                Err(self.unavailable(&late))
            }
        }
    }

    fn unavailable(&self, reason: &str) -> StoreError {
        StoreError::Unavailable {
            reason: format!("QuestDB at {}: {reason}", self.address),
        }
    }
}

/// The error with its causes, on one line.
fn told(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.replace('\n', " ")
}
