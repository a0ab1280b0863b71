//! `nhip store refill`: a new table in QuestDB in place of one that is lost, filled from the log.

use crate::{
    cli::say,
    config::Config,
    up::{Opened, claim, now_us},
};
use anyhow::Context;
use jiff::Timestamp;
use nhip_log::Log;
use nhip_store::StoreKind;

/// Makes the new table, and sees to it that the next start folds the log from its first record.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let settings = &config.settings;
    anyhow::ensure!(
        settings.store_kind == StoreKind::QuestDb,
        "the readings are in the embedded store; refill is for store.kind = \"questdb\""
    );
    let _claim = claim(&settings.data)?;
    let opened = Opened::open(settings, &prometheus::Registry::new())?;
    let questdb = opened.questdb.context("the store is not in QuestDB")?;
    questdb.require_lost()?;
    let kept = nhip_ingest::kept(&*opened.log)?;
    let is_all = kept.offset == 0;
    let since_us = kept.received_us.unwrap_or_else(now_us);
    // The fold forgets first: until the new table is there the platform takes nothing, and
    // this can be done again.
    let stored = nhip_ingest::fold_anew(&*opened.store, &*opened.log)?;
    questdb.begin_anew((!is_all).then_some(since_us))?;
    let records = opened.log.state().durable_end.0 - kept.offset;
    say(&format!(
        "a new table is there; {stored} readings were stored, and the next start folds the \
         {records} records of the log again"
    ));
    if is_all {
        say("the log has everything that was ever received");
    } else {
        let since = Timestamp::from_microsecond(since_us)?;
        say(&format!(
            "the log has what was received since {since}; what was received before is lost, but \
             for the hours that were counted of it"
        ));
    }
    opened.log.close();
    Ok(())
}
