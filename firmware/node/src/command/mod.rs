//! Commands: `devices/<device>/commands/<command>` with a flat JSON object.
//!
//! Each carries an `id`. What a command sets is written to flash, then its id; then it is answered.
//! A cut in between leaves a command that is carried out once more when it comes again, which changes
//! nothing. An id that is known is answered again and nothing is done.

mod commanded;
mod ids;
mod request;

pub(crate) use commanded::hash;

use crate::{
    bytes::Writer,
    flash::{Key, Store},
    json::members,
    mqtt,
    platform::{Platform, System},
    shared::Shared,
    threshold::Threshold,
};
use commanded::{Commanded, place};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::{Deque, String};
use ids::{Id, Ids};
use request::{Outcome, Request};

/// Most bytes of a command's id.
pub const ID_BYTES_MAX: usize = 32;
/// Commands that were carried out whose ids are remembered, beside one that is retained of each.
pub const IDS_MAX: usize = 8;
/// Most bytes of a command's name that is answered under its own name.
pub const COMMAND_BYTES_MAX: usize = 32;
/// Under which name a command with a longer one is answered.
const UNNAMED: &str = "unknown";
/// Answers that wait to be sent.
const ANSWERS_MAX: usize = 4;
/// Longest time for which a device makes itself found, s.
pub const IDENTIFY_MAX_S: u32 = 3_600;

type Command = String<COMMAND_BYTES_MAX>;

struct Answer {
    command: Command,
    id: String<ID_BYTES_MAX>,
    outcome: Outcome,
}

/// Carries commands out and remembers them.
pub(crate) struct Commands {
    commanded: Commanded,
    ids: Ids,
    answers: Deque<Answer, ANSWERS_MAX>,
}

impl Commands {
    /// What earlier commands have set.
    pub(crate) fn load<F: NorFlash>(store: &mut Store<F>) -> Self {
        let commanded = store.load(Key::Commanded);
        let commanded = commanded.and_then(|mut from| Commanded::read(&mut from));
        let commanded = commanded.unwrap_or_default();
        let ids = store.load(Key::Ids);
        let ids = ids.and_then(|mut from| Ids::read(&mut from));
        Self {
            commanded,
            ids: ids.unwrap_or_default(),
            answers: Deque::new(),
        }
    }

    /// Puts what earlier commands have set into force.
    pub(crate) fn apply<P: Platform>(&self, shared: &Shared<'_, P>, sensors: &[u8]) {
        let now = shared.now();
        let time = shared.time.borrow();
        let mut schedule = shared.schedule.borrow_mut();
        // In the order of the commands: the last one counts where two channels share an instrument.
        for &(of, period_s) in &self.commanded.periods {
            if let Some(channel) = place(shared.channels, of)
                && let Some(&sensor) = sensors.get(channel)
            {
                schedule.set_period(sensor.into(), period_s, now, &time);
            }
        }
        let mut thresholds = shared.thresholds.borrow_mut();
        for (channel, known) in shared.channels.iter().enumerate() {
            let hash = hash(known.name);
            let set = &self.commanded.thresholds;
            let (low, high) = set
                .iter()
                .find(|(of, ..)| *of == hash)
                .map_or((None, None), |&(_, low, high)| (low, high));
            let channel = channel as u8;
            thresholds.set(Threshold { channel, low, high });
        }
    }

    /// Takes a command that came.
    pub(crate) fn receive<P: Platform>(
        &mut self,
        shared: &Shared<'_, P>,
        sensors: &[u8],
        message: &mqtt::Message<'_>,
    ) {
        let topic = message.topic;
        let slash = topic.bytes().rposition(|byte| byte == b'/');
        let name = slash.and_then(|at| topic.get(at + 1..)).unwrap_or(topic);
        if message.payload.is_empty() {
            // It clears a retained command.
            return;
        }
        // One with a longer name is none of ours, and is told so under another one.
        let command = Command::try_from(name)
            .or_else(|_| Command::try_from(UNNAMED))
            .unwrap_or_default();
        let mut request = Request::default();
        let whole = members(message.payload, &mut |name, value| {
            request.member(name, value);
        });
        let id = request.id.and_then(|id| String::try_from(id).ok());
        let Some(text) = id.filter(|id| whole && !id.is_empty()) else {
            return self.answer(command, String::new(), Outcome::Malformed);
        };
        let id = Id::of(&text);
        let known = self.ids.outcome(id);
        let mut outcome = known.unwrap_or_else(|| self.take(shared, sensors, name, &request));
        let kept =
            outcome == Outcome::Flash || self.note(shared, name, id, outcome, message.retained);
        if known.is_none() {
            match (kept, outcome) {
                (false, _) => outcome = Outcome::Flash,
                (true, Outcome::Done) => put_into_force(shared, name, &request),
                (true, _) => {}
            }
        }
        self.answer(command, text, outcome);
    }

    /// An answer that waits, put together in this buffer: under which topic, and what.
    pub(crate) fn answer_at<'b>(
        &self,
        index: usize,
        device: &str,
        buffer: &'b mut [u8],
    ) -> Option<(&'b str, &'b [u8])> {
        let answer = self.answers.iter().nth(index)?;
        let mut out = Writer::new(buffer);
        let topic = ["devices/", device, "/commands/", &answer.command, "/ack"];
        out.texts(&topic)?;
        let topic_bytes = out.len();
        let (result, reason) = match answer.outcome {
            Outcome::Done => ("done", ""),
            refused => (r#"refused","reason":""#, refused.reason()),
        };
        let id = &answer.id;
        out.texts(&[r#"{"id":""#, id, r#"","result":""#, result, reason, r#""}"#])?;
        let length = out.len();
        let (topic, payload) = buffer.get(..length)?.split_at(topic_bytes);
        Some((core::str::from_utf8(topic).ok()?, payload))
    }

    /// Whether one more answer would find no room.
    pub(crate) fn is_crowded(&self) -> bool {
        self.answers.is_full()
    }

    /// An answer has arrived, or is given up.
    pub(crate) fn answered(&mut self, index: usize) {
        for at in 0..self.answers.len() {
            // Once round: all others keep their order.
            if let Some(answer) = self.answers.pop_front()
                && at != index
            {
                let _ = self.answers.push_back(answer);
            }
        }
    }

    fn answer(&mut self, command: Command, id: String<ID_BYTES_MAX>, outcome: Outcome) {
        // There is room: before the next command is read, the link makes some.
        let _ = self.answers.push_back(Answer {
            command,
            id,
            outcome,
        });
    }

    /// Writes what a command sets to flash, if it can be.
    fn take<P: Platform>(
        &mut self,
        shared: &Shared<'_, P>,
        sensors: &[u8],
        name: &str,
        request: &Request<'_>,
    ) -> Outcome {
        let mut next = self.commanded.clone();
        let outcome = match name {
            "period" => next.take_period(request, shared.channels, sensors),
            "threshold" => next.take_threshold(request, shared.channels),
            "identify" => {
                let seconds = request.identify_s();
                return seconds.map_or(Outcome::Period, |_| Outcome::Done);
            }
            "reboot" => return Outcome::Done,
            _ => return Outcome::Unknown,
        };
        if outcome == Outcome::Done {
            let mut store = shared.store.borrow_mut();
            let saved = store.save(Key::Commanded, &|to| next.write(to));
            if saved.is_err() {
                return Outcome::Flash;
            }
            self.commanded = next;
            shared.resettle.set(true);
        }
        outcome
    }

    /// Remembers what came of a command, in flash where that is needed; false if that fails.
    fn note<P: Platform>(
        &mut self,
        shared: &Shared<'_, P>,
        name: &str,
        id: Id,
        outcome: Outcome,
        retained: bool,
    ) -> bool {
        let mut next = self.ids.clone();
        if next.note(name, id, outcome, retained) {
            let mut store = shared.store.borrow_mut();
            if store.save(Key::Ids, &|to| next.write(to)).is_err() {
                return false;
            }
            self.ids = next;
        }
        true
    }
}

/// Does what isn't a matter of settings.
fn put_into_force<P: Platform>(shared: &Shared<'_, P>, name: &str, request: &Request<'_>) {
    let now = shared.now();
    match name {
        "reboot" => shared.restart_asked_us.set(Some(now)),
        "identify" => {
            let seconds = request.identify_s().unwrap_or(0);
            shared.system.borrow_mut().identify(seconds > 0);
            let until = now + u64::from(seconds) * 1_000_000;
            shared.identify_until.set((seconds > 0).then_some(until));
        }
        _ => {}
    }
    shared.wake_sampler.signal(());
}
