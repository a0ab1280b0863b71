//! The ledger beside a model that has the whole log in its hands.

use super::{Ledger, Room};
use proptest::prelude::*;
use std::{collections::BTreeMap, convert::Infallible};

const MOST: Room = Room {
    count: 2,
    bytes: 60,
};

/// What happens; indices are taken modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    /// A client publishes.
    Promise {
        topic: u8,
        bytes: u32,
    },
    /// The log takes what was promised.
    Log(usize),
    /// It never will.
    GiveUp(usize),
    /// The fold begins with so many records.
    BeginFold(usize),
    EndFold,
    /// A message that is kept has expired.
    Expire {
        topic: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let topic = || 0..4_u8;
    prop_oneof![
        4 => (topic(), 0..45_u32).prop_map(|(topic, bytes)| Step::Promise { topic, bytes }),
        4 => any::<usize>().prop_map(Step::Log),
        1 => any::<usize>().prop_map(Step::GiveUp),
        2 => (1..4_usize).prop_map(Step::BeginFold),
        2 => Just(Step::EndFold),
        1 => topic().prop_map(|topic| Step::Expire { topic }),
    ]
}

#[derive(Default)]
struct Model {
    promised: Vec<(u8, u32)>,
    log: Vec<(u8, u32)>,
    kept: BTreeMap<u8, u32>,
    folded: usize,
    /// Where the fold that is under way ends.
    folding: Option<usize>,
}

impl Model {
    /// What is kept once `log` is folded to its end.
    fn at_the_end(&self, log: &[(u8, u32)]) -> BTreeMap<u8, u32> {
        let mut kept = self.kept.clone();
        kept.extend(log[self.folded..].iter().copied());
        kept.retain(|_, bytes| *bytes > 0);
        kept
    }

    fn kept(&self, topic: u8) -> u32 {
        self.kept.get(&topic).copied().unwrap_or(0)
    }

    fn take(&mut self, at: usize) -> Option<(u8, u32)> {
        let among = self.promised.len();
        (among > 0).then(|| self.promised.swap_remove(at % among))
    }

    /// The newest of each topic that the fold is about to keep.
    fn folding(&self, end: usize) -> BTreeMap<u8, u32> {
        self.log[self.folded..end].iter().copied().collect()
    }
}

fn room(kept: &BTreeMap<u8, u32>) -> Room {
    Room {
        count: kept.len() as u64,
        bytes: kept.values().map(|bytes| u64::from(*bytes)).sum(),
    }
}

fn fits(room: Room) -> bool {
    room.count <= MOST.count && room.bytes <= MOST.bytes
}

fn run(model: &mut Model, ledger: &mut Ledger, step: &Step) {
    match *step {
        Step::Promise { topic, bytes } => {
            let kept = |topic: &str| Ok::<_, Infallible>(model.kept(topic.parse().unwrap()));
            let Ok(promised) = ledger.promise(&topic.to_string(), bytes, kept);
            if model.promised.is_empty() {
                let log = [&model.log[..], &[(topic, bytes)]].concat();
                let has_room = fits(room(&model.at_the_end(&log)));
                assert_eq!(promised.is_ok(), has_room, "nobody else is on the way");
            }
            if promised.is_ok() {
                model.promised.push((topic, bytes));
            }
        }
        Step::Log(at) => {
            let Some((topic, bytes)) = model.take(at) else {
                return;
            };
            model.log.push((topic, bytes));
            let (name, end) = (topic.to_string(), model.log.len() as u64);
            ledger.log(&name, bytes, end);
            ledger.release(&name);
        }
        Step::GiveUp(at) => {
            if let Some((topic, _)) = model.take(at) {
                ledger.release(&topic.to_string());
            }
        }
        Step::BeginFold(records) if model.folding.is_none() => {
            let end = model.log.len().min(model.folded.saturating_add(records));
            for topic in model.folding(end).keys() {
                ledger.fold(&topic.to_string(), model.kept(*topic));
            }
            model.folding = Some(end);
        }
        Step::EndFold => {
            let Some(end) = model.folding.take() else {
                return;
            };
            for (topic, bytes) in model.folding(end) {
                ledger.keep(&topic.to_string(), bytes, end as u64);
                model.kept.insert(topic, bytes);
            }
            model.folded = end;
        }
        Step::Expire { topic } if model.folding.is_none() && model.kept(topic) > 0 => {
            let (name, kept) = (topic.to_string(), model.kept(topic));
            ledger.fold(&name, kept);
            ledger.keep(&name, 0, model.folded as u64);
            model.kept.remove(&topic);
        }
        Step::BeginFold(_) | Step::Expire { .. } => {}
    }
}

proptest! {
    #[test]
    fn what_the_log_has_fits_and_nothing_that_fits_is_refused(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let (mut model, mut ledger) = (Model::default(), Ledger::new(MOST, Room::default()));
        for step in steps {
            run(&mut model, &mut ledger, &step);
            let at_the_end = room(&model.at_the_end(&model.log));
            prop_assert!(fits(at_the_end), "{at_the_end:?}");
            if model.promised.is_empty() && ledger.unasked.is_empty() {
                prop_assert_eq!(ledger.taken, at_the_end);
            }
        }
        let logged = vec![Step::Log(0); model.promised.len()];
        let folded = [Step::EndFold, Step::BeginFold(usize::MAX), Step::EndFold];
        for step in logged.iter().chain(&folded) {
            run(&mut model, &mut ledger, step);
        }
        prop_assert_eq!(ledger.taken, room(&model.at_the_end(&model.log)));
        prop_assert!(ledger.topics.is_empty(), "{:?}", ledger.topics);
    }
}
