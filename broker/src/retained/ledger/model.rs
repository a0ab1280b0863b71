//! The ledger beside a model that has the whole log in its hands.

use super::{Chunk, Ledger, Logged, Room};
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
    /// The log takes so many of what was promised, in one append.
    Log(usize, usize),
    /// It never will.
    GiveUp(usize),
    /// The fold begins with so many records.
    BeginFold(usize),
    Pass,
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
        4 => (any::<usize>(), 1..4_usize).prop_map(|(at, most)| Step::Log(at, most)),
        1 => any::<usize>().prop_map(Step::GiveUp),
        2 => (1..4_usize).prop_map(Step::BeginFold),
        1 => Just(Step::Pass),
        2 => Just(Step::EndFold),
        1 => topic().prop_map(|topic| Step::Expire { topic }),
    ]
}

#[derive(Clone, Copy)]
struct Promised {
    topic: u8,
    bytes: u32,
    /// Without a topic.
    is_held: bool,
}

#[derive(Default)]
struct Model {
    promised: Vec<Promised>,
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

    /// What the database says; it isn't asked for what is being folded.
    fn asked(&self, topic: &str) -> u32 {
        let topic = topic.parse().unwrap();
        let is_folding = |end| self.folding(end).contains_key(&topic);
        assert!(!self.folding.is_some_and(is_folding), "{topic}");
        self.kept(topic)
    }

    fn take(&mut self, at: usize) -> Option<Promised> {
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
            let kept = |topic: &str| Ok::<_, Infallible>(model.asked(topic));
            let Ok(is_held) = ledger.hold(Room::of(bytes), kept);
            let Ok(promised) = match is_held {
                true => Ok(true),
                false => ledger
                    .promise(&topic.to_string(), bytes, kept)
                    .map(|promised| promised.is_ok()),
            };
            if model.promised.is_empty() {
                let log = [&model.log[..], &[(topic, bytes)]].concat();
                let has_room = fits(room(&model.at_the_end(&log)));
                assert_eq!(promised, has_room, "nobody else is on the way");
            }
            if promised {
                model.promised.push(Promised {
                    topic,
                    bytes,
                    is_held,
                });
            }
        }
        Step::Log(at, most) => {
            let first = model.log.len() as u64;
            let taken: Vec<_> = (0..most).map_while(|_| model.take(at)).collect();
            let mut chunk = Chunk::default();
            for (at, promised) in (0..).zip(&taken) {
                chunk.add(at, &promised.topic.to_string(), promised.bytes);
                model.log.push((promised.topic, promised.bytes));
            }
            if !taken.is_empty() {
                ledger.push(chunk.at(first));
            }
            for promised in taken {
                give_back(ledger, promised);
            }
        }
        Step::GiveUp(at) => {
            if let Some(promised) = model.take(at) {
                give_back(ledger, promised);
            }
        }
        Step::BeginFold(records) if model.folding.is_none() => {
            let end = model.log.len().min(model.folded.saturating_add(records));
            for (topic, bytes) in model.folding(end) {
                let end = end as u64;
                let newest = Some(Logged { bytes, end });
                ledger.fold(&topic.to_string(), model.kept(topic), newest);
            }
            model.folding = Some(end);
        }
        Step::Pass => {
            if let Some(end) = model.folding {
                ledger.pass(end as u64);
            }
        }
        Step::EndFold => {
            let Some(end) = model.folding.take() else {
                return;
            };
            ledger.pass(end as u64);
            for (topic, bytes) in model.folding(end) {
                ledger.keep(&topic.to_string(), bytes, end as u64);
                model.kept.insert(topic, bytes);
            }
            model.folded = end;
        }
        Step::Expire { topic } if model.folding.is_none() && model.kept(topic) > 0 => {
            let (name, kept) = (topic.to_string(), model.kept(topic));
            ledger.fold(&name, kept, None);
            ledger.keep(&name, 0, model.folded as u64);
            model.kept.remove(&topic);
        }
        Step::BeginFold(_) | Step::Expire { .. } => {}
    }
}

fn give_back(ledger: &mut Ledger, promised: Promised) {
    match promised.is_held {
        true => ledger.let_go(Room::of(promised.bytes)),
        false => ledger.release(&promised.topic.to_string()),
    }
}

proptest! {
    #[test]
    fn what_the_log_has_fits_and_nothing_that_fits_is_refused(
        steps in prop::collection::vec(step(), 1..120),
        most_unsorted in prop::sample::select(vec![Room::default(), Room::of(30), MOST]),
    ) {
        let (mut model, mut ledger) = (Model::default(), Ledger::new(MOST, Room::default()));
        ledger.most_unsorted = most_unsorted;
        for step in steps {
            run(&mut model, &mut ledger, &step);
            let at_the_end = room(&model.at_the_end(&model.log));
            prop_assert!(fits(at_the_end), "{at_the_end:?}");
            let is_exact = ledger.unasked.is_empty() && ledger.unsorted.is_empty();
            if model.promised.is_empty() && is_exact {
                prop_assert_eq!(ledger.taken, at_the_end);
            }
        }
        let logged = vec![Step::Log(0, 1); model.promised.len()];
        let folded = [Step::EndFold, Step::BeginFold(usize::MAX), Step::EndFold];
        for step in logged.iter().chain(&folded) {
            run(&mut model, &mut ledger, step);
        }
        prop_assert_eq!(ledger.counted(), room(&model.at_the_end(&model.log)));
        prop_assert!(ledger.topics.is_empty(), "{:?}", ledger.topics);
    }
}
