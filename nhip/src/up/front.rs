//! The HTTP side, from before anything is opened.

use super::{listening::refused, parts, readiness};
use crate::config::Settings;
use axum::Router;
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The HTTP side, which answers `/healthz` and `/readyz` before anything is opened.
pub struct Front {
    /// Where it serves.
    pub address: SocketAddr,
    /// What answers.
    pub router: watch::Sender<Router>,
    /// Ends it.
    pub ending: CancellationToken,
    /// It, until it has ended.
    pub serving: JoinHandle<()>,
}

impl Front {
    /// Listens, and answers that the platform is being started.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(settings.http_listen)
            .await
            .map_err(|error| refused("http.listen", settings.http_listen, &error))?;
        let address = listener.local_addr()?;
        let starting = nhip_api::starting(Arc::new(readiness::Starting));
        let (router, routers) = watch::channel(starting);
        let ending = CancellationToken::new();
        let config = parts::api(settings);
        let serving = nhip_api::serve(listener, routers, config, ending.clone());
        Ok(Self {
            address,
            router,
            ending,
            serving: tokio::spawn(serving),
        })
    }
}
