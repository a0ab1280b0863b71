//! Commands: `devices/<device>/commands/<command>` with a flat JSON object.
//!
//! Each carries an `id`. What a command sets and its id are written to flash in one step; then
//! it is answered. An id that is known is answered again and nothing is done.

mod commanded;
mod request;

use crate::{
    bytes::Writer,
    flash::{Key, Store},
    json::members,
    mqtt,
    platform::{Platform, System},
    shared::Shared,
    threshold::Threshold,
};
use commanded::{Commanded, hash, place};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::{Deque, String};
use request::{Outcome, Request};

/// Most bytes of a command's id.
pub const ID_BYTES_MAX: usize = 32;
/// Commands whose ids are remembered.
pub const IDS_MAX: usize = 8;
/// Most bytes of a command's name that is answered under its own name.
pub const COMMAND_BYTES_MAX: usize = 32;
/// Under which name a command with a longer one is answered.
const UNNAMED: &str = "unknown";
/// Answers that wait to be sent.
const ANSWERS_MAX: usize = 4;
/// Longest time for which a device makes itself found, s.
pub const IDENTIFY_MAX_S: u32 = 3_600;
/// A restart that was asked for waits so long at most for what is in flight, µs.
const RESTART_WAIT_US: u64 = 30_000_000;

type Command = String<COMMAND_BYTES_MAX>;

struct Answer {
    command: Command,
    id: String<ID_BYTES_MAX>,
    outcome: Outcome,
}

/// Carries commands out and remembers them.
pub(crate) struct Commands {
    commanded: Commanded,
    answers: Deque<Answer, ANSWERS_MAX>,
    restart_by_us: Option<u64>,
}

impl Commands {
    /// What earlier commands have set.
    pub(crate) fn load<F: NorFlash>(store: &mut Store<F>) -> Self {
        let commanded = store.load(Key::Commanded);
        let commanded = commanded.and_then(|mut from| Commanded::read(&mut from));
        Self {
            commanded: commanded.unwrap_or_default(),
            answers: Deque::new(),
            restart_by_us: None,
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
        let Some(id) = id.filter(|id| whole && !id.is_empty()) else {
            return self.answer(command, String::new(), Outcome::Malformed);
        };
        let known = hash(id.as_str());
        let before = self.commanded.ids.iter().find(|(of, _)| *of == known);
        let outcome = match before {
            Some((_, outcome)) => *outcome,
            None => self.carry_out(shared, sensors, name, &request, known),
        };
        self.answer(command, id, outcome);
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

    /// Whether a restart was asked for.
    pub(crate) fn wants_restart(&self) -> bool {
        self.restart_by_us.is_some()
    }

    /// Whether it can't wait any longer for what is in flight.
    pub(crate) fn must_restart(&self, now_us: u64) -> bool {
        self.restart_by_us.is_some_and(|by| now_us >= by)
    }

    fn answer(&mut self, command: Command, id: String<ID_BYTES_MAX>, outcome: Outcome) {
        // There is room: before the next command is read, the link makes some.
        let _ = self.answers.push_back(Answer {
            command,
            id,
            outcome,
        });
    }

    fn carry_out<P: Platform>(
        &mut self,
        shared: &Shared<'_, P>,
        sensors: &[u8],
        name: &str,
        request: &Request<'_>,
        id: u32,
    ) -> Outcome {
        let mut next = self.commanded.clone();
        let outcome = match name {
            "period" => next.take_period(request, shared.channels, sensors),
            "threshold" => next.take_threshold(request, shared.channels),
            "identify" => request
                .identify_s()
                .map_or(Outcome::Period, |_| Outcome::Done),
            "reboot" => Outcome::Done,
            _ => Outcome::Unknown,
        };
        if next.ids.is_full() {
            next.ids.pop_front();
        }
        // There is room: the oldest has just gone.
        let _ = next.ids.push_back((id, outcome));
        let stored = {
            let mut store = shared.store.borrow_mut();
            store.save(Key::Commanded, &|to| next.write(to)).is_ok()
        };
        if !stored {
            return Outcome::Flash;
        }
        self.commanded = next;
        if outcome == Outcome::Done {
            self.put_into_force(shared, name, request);
        }
        outcome
    }

    fn put_into_force<P: Platform>(
        &mut self,
        shared: &Shared<'_, P>,
        name: &str,
        request: &Request<'_>,
    ) {
        let now = shared.now();
        match name {
            "reboot" => self.restart_by_us = Some(now + RESTART_WAIT_US),
            "identify" => {
                let seconds = request.identify_s().unwrap_or(0);
                shared.system.borrow_mut().identify(seconds > 0);
                let until = now + u64::from(seconds) * 1_000_000;
                shared.identify_until.set((seconds > 0).then_some(until));
            }
            _ => shared.resettle.set(true),
        }
        shared.wake_sampler.signal(());
    }
}
