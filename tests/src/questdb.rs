//! A QuestDB server beside a city.

use crate::city::{Builder, City};
pub use nhip_store::conformance::QuestDbServer;
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

/// A server with its data folder.
pub struct QuestDb {
    /// The server.
    pub server: QuestDbServer,
    _data: TempDir,
}

impl QuestDb {
    /// Starts it; `settings` are variables as `QDB_…` without their prefix.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        Self {
            server: QuestDbServer::start(data.path(), settings),
            _data: data,
        }
    }

    /// A city whose readings are there.
    pub fn city(&self) -> Builder {
        City::builder()
            .set("STORE__KIND", "questdb")
            .set("STORE__QUESTDB__HTTP", &self.server.http())
            .set("STORE__QUESTDB__PG", &self.server.pg())
    }

    /// The rows of an answer, asked behind the platform's back; none if there is no answer.
    pub fn ask(&self, sql: &str) -> Option<Vec<Vec<Value>>> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let url = format!("{}/exec", self.server.http());
        let mut answer = agent.get(&url).query("query", sql).call().ok()?;
        let text = answer
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string();
        let answer: Value = serde_json::from_str(&text.ok()?).ok()?;
        let rows = answer["dataset"].as_array().cloned().unwrap_or_default();
        let row = |row: Value| row.as_array().cloned().unwrap_or_default();
        Some(rows.into_iter().map(row).collect())
    }

    /// The number that an answer is.
    pub fn number(&self, sql: &str) -> Option<u64> {
        self.ask(sql)?.first()?.first()?.as_u64()
    }
}
