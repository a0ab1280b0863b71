//! `nhip store copy`: the readings into the other kind of store, through the running platform or
//! in the folder of one that is stopped.

mod lines;

use crate::{
    argument,
    cli::{ConfigArgs, note, say},
    client::Client,
    config::{Config, ConfigError},
    up::{Claim, copying, free, now_us, parts},
};
use anyhow::{Context, bail, ensure};
use clap::Args;
use lines::Lines;
use nhip_api::model;
use nhip_database::Database;
use nhip_store::{
    Comparison, CopyOrder, CopyPhase, OpenStore, StoreCopy as Work, StoreError, StoreKind, Turn,
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const PATH: &str = "/api/v1/store/copy";
/// What a copy does with what differs.
const COPIED_AGAIN: &str = "they were copied again";
/// Between two questions how far it is, and two tries of what fails.
const PAUSE: Duration = Duration::from_secs(1);

/// What to copy.
#[derive(Clone, Debug, Args)]
pub struct StoreCopy {
    /// Where the readings are: embedded or questdb
    #[arg(long, value_name = "KIND", value_parser = kind)]
    from: StoreKind,
    /// Where they are to go
    #[arg(long, value_name = "KIND", value_parser = kind)]
    to: StoreKind,
    /// Compare everything again; fails if anything differed
    #[arg(long)]
    check: bool,
    /// End a copy that is under way, and forget it
    #[arg(long, conflicts_with = "check")]
    cancel: bool,
    /// Readings copied in a second at most
    #[arg(long, value_name = "READINGS", default_value_t = 200_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// The platform's API [default: as http.listen says]
    #[arg(long, value_parser = argument::url)]
    url: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Whether a platform does the work.
    #[arg(skip)]
    is_asked: Arc<AtomicBool>,
}

impl StoreCopy {
    /// What is wrong with what was asked for, if anything is.
    pub fn contradiction(&self) -> Option<String> {
        let same = self.from == self.to;
        same.then(|| format!("--from and --to are both {}", self.from))
    }

    /// The configuration of the platform.
    pub fn config(&self) -> Result<Config, Vec<ConfigError>> {
        self.config.read()
    }

    /// Does it: by asking the platform that owns the folder, or in the folder itself.
    pub fn run(&self, config: &Config) -> anyhow::Result<()> {
        let folder = &config.settings.data;
        let claim = match self.url {
            Some(_) => None,
            None => {
                ensure!(
                    folder.is_dir(),
                    "there is no data folder {}; name the platform's with --data or --config",
                    folder.display()
                );
                free(folder)?
            }
        };
        match claim {
            Some(claim) => self.work(config, claim),
            None => {
                let listen = || format!("http://{}", config.settings.http_listen);
                self.ask(&Client::new(&self.url.clone().unwrap_or_else(listen)))
            }
        }
    }

    /// What a signal leaves behind.
    pub fn interrupted(&self) {
        if self.is_asked.load(Ordering::Relaxed) {
            note(
                "the platform goes on copying; the same command shows how far it is, --cancel ends it",
            );
        }
    }

    fn ask(&self, platform: &Client) -> anyhow::Result<()> {
        if self.cancel {
            let path = format!("{PATH}?from={}&to={}", self.from, self.to);
            if platform.delete(&path)? {
                return self.cancelled(true, None);
            }
            return self.cancelled(false, platform.find(PATH)?);
        }
        let order = json!({
            "from": self.from.name(), "to": self.to.name(), "check": self.check,
            "readings_per_s_max": self.rate,
        });
        let mut progress: model::StoreCopy = platform.ask("PUT", PATH, Some(&order))?;
        self.is_asked.store(true, Ordering::Relaxed);
        let mut lines = Lines::default();
        while !is_over(&progress)? {
            lines.tell(&progress);
            thread::park_timeout(PAUSE);
            progress = platform.get(PATH)?;
        }
        self.conclude(&progress, COPIED_AGAIN)?;
        if !self.check {
            say(&format!(
                "the copy follows what comes. To switch, set store.kind = \"{}\" and restart the \
                 platform",
                self.to
            ));
        }
        Ok(())
    }

    fn work(&self, config: &Config, _claim: Claim) -> anyhow::Result<()> {
        let path = config.settings.data.join("db");
        let database = Database::open(&path, &parts::database(&config.settings))
            .with_context(|| format!("opening the database in {}", path.display()))?;
        let found = StoreKind::of(&database)?;
        let configs = parts::stores(&config.settings)?;
        let nobody = prometheus::Registry::new();
        if self.cancel {
            let Some(kind) = found else {
                return self.cancelled(false, None);
            };
            let source = OpenStore::open(kind, &database, &configs, &nobody)?;
            let copy = Work::open(&database, &source, configs)?;
            let is_ended = copy.cancel(Some(self.from))?;
            return self.cancelled(is_ended, copy.progress().map(model::StoreCopy::from));
        }
        if found == Some(self.to) && self.check {
            return self.compare(Comparison::open(&database, self.to, configs)?);
        }
        if found == Some(self.to) {
            say(&format!(
                "the readings are in {0} already; set store.kind = \"{0}\"",
                self.to
            ));
            return Ok(());
        }
        ensure!(
            found.is_some(),
            "the data folder has no readings yet; set store.kind"
        );
        let source = OpenStore::open(self.from, &database, &configs, &nobody)?;
        let copy = Work::open(&database, &source, configs)?;
        copy.begin(CopyOrder {
            from: self.from,
            to: self.to,
            check: self.check,
            rate_max: self.rate,
        })?;
        let progress = carry_on(&copy)?;
        self.conclude(&progress, COPIED_AGAIN)?;
        if !self.check {
            copy.switch(now_us())?;
            say(&format!(
                "the readings are in {0} now: set store.kind = \"{0}\" and start the platform",
                self.to
            ));
        }
        Ok(())
    }

    /// Says what became of the order to end a copy; fails if the one that there is goes another
    /// way.
    fn cancelled(&self, is_ended: bool, other: Option<model::StoreCopy>) -> anyhow::Result<()> {
        match other {
            Some(other) => bail!(
                "the copy that is under way is from {} to {}; it was not ended",
                other.from,
                other.to
            ),
            None if is_ended => say("the copy is ended and forgotten"),
            None => say("no copy is under way"),
        };
        Ok(())
    }

    /// Looks, after the switch, whether all of the older store is in the one that has the
    /// readings now; waits for a server that is away.
    fn compare(&self, mut comparison: Comparison) -> anyhow::Result<()> {
        let mut lines = Lines::default();
        loop {
            let turn = comparison.turn();
            let mut progress = model::StoreCopy::from(comparison.progress());
            match turn {
                Ok(true) => lines.tell(&progress),
                Ok(false) => return self.conclude(&progress, "nothing was changed"),
                Err(StoreError::Unavailable { reason }) => {
                    progress.problem = Some(reason);
                    lines.tell(&progress);
                    thread::park_timeout(PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Says what was compared; fails if it was to be compared again and differed, and says what
    /// became of that.
    fn conclude(&self, progress: &model::StoreCopy, mended: &str) -> anyhow::Result<()> {
        let same = |readings, series_days, checksum| {
            say(&format!(
                "{readings} readings of {series_days} series and days are the same in both, \
                 checksum {checksum}"
            ));
        };
        let Some(check) = progress.check.as_ref().filter(|_| self.check) else {
            same(progress.readings, progress.series_days, &progress.checksum);
            return Ok(());
        };
        same(check.readings, check.series_days, &check.checksum);
        if let Some(told) = lines::passed_over(check, progress.waiting) {
            ensure!(check.readings > 0, told);
            say(&told);
        }
        ensure!(
            check.differences == 0,
            "{} series and days differed; {mended}, and the log lines name them",
            check.differences
        );
        Ok(())
    }
}

/// Copies until everything is.
fn carry_on(copy: &Work) -> anyhow::Result<model::StoreCopy> {
    let mut lines = Lines::default();
    loop {
        let begun = Instant::now();
        let turn = copy.turn(now_us());
        let progress = copy.progress().context("the copy is gone")?;
        let is_done = progress.phase == CopyPhase::Following && progress.waiting == 0;
        let progress = model::StoreCopy::from(progress);
        if is_over(&progress)? && is_done {
            return Ok(progress);
        }
        lines.tell(&progress);
        let pause = match turn {
            Turn::Copied { readings, rate_max } => {
                copying::pause(readings, rate_max, begun.elapsed())
            }
            Turn::Waiting | Turn::Idle => PAUSE,
        };
        thread::park_timeout(pause);
    }
}

/// Whether the history is copied; fails with what the copy failed with, or what nobody but a
/// person can mend.
fn is_over(progress: &model::StoreCopy) -> anyhow::Result<bool> {
    if progress.phase == CopyPhase::Failed.name() {
        let problem = progress
            .problem
            .as_deref()
            .unwrap_or("the log lines say why");
        bail!(
            "the copy has failed: {problem}; mend that and run the command again, which begins anew"
        );
    }
    let problem = progress.problem.as_deref();
    if progress.stuck {
        bail!(
            "the copy can't go on: {}; then run the command again (--cancel forgets the copy)",
            problem.unwrap_or("the log lines say why")
        );
    }
    Ok(progress.phase == CopyPhase::Following.name() && problem.is_none())
}

fn kind(text: &str) -> Result<StoreKind, String> {
    StoreKind::named(text).ok_or_else(|| "embedded or questdb is needed".into())
}
