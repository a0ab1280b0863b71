//! A QuestDB server beside a city.

use crate::{
    city::{Builder, City},
    command::{self, Ended},
};
pub use nhip_store::conformance::QuestDbServer;
use serde_json::Value;
use std::{path::Path, time::Duration};
use tempfile::TempDir;

/// A server with its data folder.
pub struct QuestDb {
    /// The server.
    pub server: QuestDbServer,
    _data: Option<TempDir>,
}

impl QuestDb {
    /// Starts it; `settings` are variables as `QDB_…` without their prefix.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let started = Self::start_in(data.path(), settings);
        Self {
            server: started.server,
            _data: Some(data),
        }
    }

    /// Starts it with its data in a folder of the caller's.
    pub fn start_in(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self {
            server: QuestDbServer::start(data, settings),
            _data: None,
        }
    }

    /// The settings of a platform whose readings are there, without the `NHIP_` before them.
    fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("STORE__KIND", "questdb".to_owned()),
            ("STORE__QUESTDB__HTTP", self.server.http()),
            ("STORE__QUESTDB__PG", self.server.pg()),
        ]
    }

    /// Runs a subcommand beside a city that is there.
    pub fn run(&self, arguments: &[&str], folder: &Path) -> Ended {
        let settings = self.settings();
        let named = settings
            .each_ref()
            .map(|(name, value)| (format!("NHIP_{name}"), value));
        let named: Vec<(&str, &str)> = named
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        command::run(arguments, folder, &named)
    }

    /// A city whose readings are there.
    pub fn city(&self) -> Builder {
        let settings = self.settings();
        let set = |city: Builder, (name, value): &(&str, String)| city.set(name, value);
        settings.iter().fold(City::builder(), set)
    }

    /// The rows of an answer, asked behind the platform's back; none if there is no answer.
    /// Fails if the server refuses the question.
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
        assert!(answer.get("error").is_none(), "{sql}: {answer}");
        let rows = answer["dataset"].as_array().cloned().unwrap_or_default();
        let row = |row: Value| row.as_array().cloned().unwrap_or_default();
        Some(rows.into_iter().map(row).collect())
    }

    /// The number that an answer is.
    pub fn number(&self, sql: &str) -> Option<u64> {
        self.ask(sql)?.first()?.first()?.as_u64()
    }
}
