//! One stretch of the log for those who share a filter.

use super::COMMIT;
use crate::codec::{Reason, filter_matches};
use crate::core::Core;
use crate::session::{Due, Given, Group, Offered};
use nhip_log::{Offset, ReadError, Records};
use nhip_wire::envelope::{Envelope, Kind};
use std::sync::Arc;

/// Gives `group` what one stretch has for it.
pub(super) fn run(core: &Core, group: &Arc<Group>, records: &mut Records) {
    let more = match serve(core, group, records) {
        Ok(more) => more,
        Err(ReadError::Trimmed { start, .. }) => {
            if group.trim(start.0) {
                core.metrics.sessions_trimmed.inc();
                core.notices.trimmed(&group.name);
            }
            true
        }
        Err(error) => {
            super::failed(core, &error);
            true
        }
    };
    group.served(more);
}

/// Says whether there is more to do now; not if all who share it have their hands full.
fn serve(core: &Core, group: &Arc<Group>, records: &mut Records) -> Result<bool, ReadError> {
    let Some(due) = group.wants() else {
        return Ok(false);
    };
    let Some(mut reader) = super::reader(core, due.from)? else {
        return Ok(true);
    };
    reader.read(records, super::READ_BYTES)?;
    if !fill(core, group, due, records) {
        return Ok(false);
    }
    group.pass(due, reader.position().0);
    if records.is_empty() {
        let (fold, position) = core.progress.hold();
        let live = group.go_live(position);
        drop(fold);
        if !live {
            core.log.wait(Offset(due.from), COMMIT);
        }
    }
    Ok(true)
}

fn fill(core: &Core, group: &Arc<Group>, due: Due, records: &Records) -> bool {
    let now_us = core.now_us();
    let mut delivered = 0;
    let mut filled = true;
    for (offset, record) in records.iter() {
        let Ok(envelope) = Envelope::read(record) else {
            continue;
        };
        let takes = envelope.kind == Kind::Published
            && filter_matches(group.filter(), envelope.topic)
            && group.is_due(due, offset.0);
        if !takes {
            continue;
        }
        let message = Offered {
            offset: offset.0,
            envelope: &envelope,
            record,
        };
        match group.fill(message, now_us, &*core.access) {
            Given::To(link) => {
                delivered += 1;
                if let Some(link) = link {
                    link.wake();
                }
            }
            Given::Dropped(reason) => core.metrics.drop(reason, 1),
            Given::Refused => core.metrics.refuse(Reason::NOT_AUTHORIZED),
            Given::Later => {
                filled = false;
                break;
            }
        }
    }
    core.metrics.delivered.inc_by(delivered);
    filled
}
