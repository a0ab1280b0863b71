//! Commands: `devices/<device>/commands/<command>` with a flat JSON object.
//!
//! Each carries an `id`. What a command sets and its id are written to flash in one step; then
//! it is answered. An id that is known is answered again and nothing is done.

use crate::{
    flash::{Key, Reader, Store, Writer},
    json::{Json, members},
    platform::{Platform, System},
    reading::Channel,
    schedule::{PERIOD_MAX_S, PERIOD_MIN_S},
    sensor::SENSORS_MAX,
    shared::Shared,
    threshold::{THRESHOLDS_MAX, Threshold},
};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::{Deque, String, Vec};
use minimq::InboundPublish;

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

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Outcome {
    Done = 0,
    Unknown = 1,
    Malformed = 2,
    Period = 3,
    Channel = 4,
    Threshold = 5,
    Flash = 6,
    Full = 7,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Done,
        Self::Unknown,
        Self::Malformed,
        Self::Period,
        Self::Channel,
        Self::Threshold,
        Self::Flash,
        Self::Full,
    ];

    fn reason(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Unknown => "there are period, threshold, identify and reboot",
            Self::Malformed => "a flat JSON object of at most 250 bytes with an id of 1 to 32",
            Self::Period => "seconds is a whole number, 1 to 86400 (identify: 0 to 3600)",
            Self::Channel => "the device has no such channel",
            Self::Threshold => "low and high are numbers of the channel's decimals, or null",
            Self::Flash => "the device can't write its settings",
            Self::Full => {
                "the device keeps 8 thresholds and 12 periods: take a threshold away first"
            }
        }
    }
}

/// What commands have set; one value in flash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commanded {
    ids: Deque<(u32, Outcome), IDS_MAX>,
    /// By the hash of the channel's name: an update of the firmware may change indices.
    periods: Vec<(u32, u32), SENSORS_MAX>,
    thresholds: Vec<(u32, Option<i32>, Option<i32>), THRESHOLDS_MAX>,
}

type Command = String<COMMAND_BYTES_MAX>;

struct Answer {
    command: Command,
    id: String<ID_BYTES_MAX>,
    outcome: Outcome,
}

/// A command's members.
#[derive(Clone, Copy, Default)]
struct Request<'a> {
    id: Option<&'a str>,
    channel: Option<&'a str>,
    seconds: Option<Json<'a>>,
    low: Option<Json<'a>>,
    high: Option<Json<'a>>,
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
        message: &InboundPublish<'_>,
    ) {
        let topic = message.topic();
        let slash = topic.bytes().rposition(|byte| byte == b'/');
        let name = slash.and_then(|at| topic.get(at + 1..)).unwrap_or(topic);
        if message.payload().is_empty() {
            // It clears a retained command.
            return;
        }
        // One with a longer name is none of ours, and is told so under another one.
        let command = Command::try_from(name)
            .or_else(|_| Command::try_from(UNNAMED))
            .unwrap_or_default();
        let mut request = Request::default();
        let whole = members(message.payload(), &mut |name, value| {
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

impl<'a> Request<'a> {
    fn member(&mut self, name: &str, value: Json<'a>) {
        match name {
            "id" => self.id = value.text(),
            "channel" => self.channel = value.text(),
            "seconds" => self.seconds = Some(value),
            "low" => self.low = Some(value),
            "high" => self.high = Some(value),
            _ => {}
        }
    }

    fn seconds(&self) -> Option<u32> {
        self.seconds?.scaled(0)?.try_into().ok()
    }

    fn identify_s(&self) -> Option<u32> {
        match self.seconds {
            None => Some(60),
            Some(_) => self.seconds().filter(|seconds| *seconds <= IDENTIFY_MAX_S),
        }
    }

    fn channel<'c>(&self, channels: &'c [Channel]) -> Option<&'c Channel> {
        channels
            .iter()
            .find(|channel| Some(channel.name) == self.channel)
    }
}

impl Commanded {
    fn take_period(
        &mut self,
        request: &Request<'_>,
        channels: &[Channel],
        sensors: &[u8],
    ) -> Outcome {
        let Some(channel) = request.channel(channels) else {
            return Outcome::Channel;
        };
        let seconds = request.seconds();
        let Some(seconds) = seconds.filter(|s| (PERIOD_MIN_S..=PERIOD_MAX_S).contains(s)) else {
            return Outcome::Period;
        };
        let hash = hash(channel.name);
        let sensor = |of| place(channels, of).and_then(|channel| sensors.get(channel));
        // Of the same instrument only the newest counts; other firmware's channels say nothing.
        self.periods.retain(|&(of, _)| {
            of != hash && sensor(of).is_some_and(|other| Some(other) != sensor(hash))
        });
        match self.periods.push((hash, seconds)) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Full,
        }
    }

    fn take_threshold(&mut self, request: &Request<'_>, channels: &[Channel]) -> Outcome {
        let Some(channel) = request.channel(channels) else {
            return Outcome::Channel;
        };
        let limit = |value: Option<Json<'_>>| match value {
            None | Some(Json::Null) => Ok(None),
            Some(value) => value
                .scaled(channel.decimals)
                .map(Some)
                .ok_or(Outcome::Threshold),
        };
        let (low, high) = match (limit(request.low), limit(request.high)) {
            (Ok(low), Ok(high)) => (low, high),
            _ => return Outcome::Threshold,
        };
        if low.zip(high).is_some_and(|(low, high)| low > high) {
            return Outcome::Threshold;
        }
        let hash = hash(channel.name);
        self.thresholds.retain(|(of, ..)| *of != hash);
        if low.is_none() && high.is_none() {
            return Outcome::Done;
        }
        match self.thresholds.push((hash, low, high)) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Full,
        }
    }

    fn write(&self, to: &mut Writer<'_>) -> Option<()> {
        to.byte(self.ids.len() as u8)?;
        for (id, outcome) in &self.ids {
            to.bytes(&id.to_le_bytes())?;
            to.byte(*outcome as u8)?;
        }
        to.byte(self.periods.len() as u8)?;
        for (channel, period_s) in &self.periods {
            to.bytes(&channel.to_le_bytes())?;
            to.varint((*period_s).into())?;
        }
        to.byte(self.thresholds.len() as u8)?;
        for (channel, low, high) in &self.thresholds {
            to.bytes(&channel.to_le_bytes())?;
            to.byte(u8::from(low.is_some()) | u8::from(high.is_some()) << 1)?;
            for limit in [low, high].into_iter().flatten() {
                to.zigzag((*limit).into())?;
            }
        }
        Some(())
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut commanded = Self::default();
        for _ in 0..from.byte()? {
            let id = u32::from_le_bytes(from.array()?);
            let outcome = *Outcome::ALL.get(usize::from(from.byte()?))?;
            commanded.ids.push_back((id, outcome)).ok()?;
        }
        for _ in 0..from.byte()? {
            let channel = u32::from_le_bytes(from.array()?);
            let period_s = u32::try_from(from.varint()?).ok()?;
            commanded.periods.push((channel, period_s)).ok()?;
        }
        for _ in 0..from.byte()? {
            let channel = u32::from_le_bytes(from.array()?);
            let flags = from.byte()?;
            let mut limit = |bit: u8| match flags & bit {
                0 => Some(None),
                _ => Some(Some(i32::try_from(from.zigzag()?).ok()?)),
            };
            let threshold = (channel, limit(1)?, limit(2)?);
            commanded.thresholds.push(threshold).ok()?;
        }
        Some(commanded)
    }
}

/// The place of the channel whose name hashes so.
fn place(channels: &[Channel], of: u32) -> Option<usize> {
    channels.iter().position(|known| hash(known.name) == of)
}

/// FNV-1a, 32 bits.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: [Channel; 1] = [Channel {
        name: "water_level",
        unit: Some("m"),
        decimals: 3,
    }];

    fn request<'a>(members: &[(&str, Json<'a>)]) -> Request<'a> {
        let mut request = Request {
            channel: Some("water_level"),
            ..Request::default()
        };
        for (name, value) in members {
            request.member(name, *value);
        }
        request
    }

    #[test]
    fn what_was_set_comes_back_from_flash() {
        let mut commanded = Commanded::default();
        let seconds = request(&[("seconds", Json::Number("300"))]);
        assert_eq!(
            commanded.take_period(&seconds, &CHANNELS, &[0]),
            Outcome::Done
        );
        let limits = request(&[("low", Json::Number("-0.5")), ("high", Json::Number("1.5"))]);
        assert_eq!(commanded.take_threshold(&limits, &CHANNELS), Outcome::Done);
        commanded
            .ids
            .push_back((hash("a"), Outcome::Period))
            .unwrap();
        let mut bytes = [0; 64];
        let mut writer = Writer::new(&mut bytes);
        commanded.write(&mut writer).unwrap();
        let length = writer.len();
        let read = Commanded::read(&mut Reader::new(&bytes[..length])).unwrap();
        assert_eq!(read.periods[0], (hash("water_level"), 300));
        assert_eq!(
            read.thresholds[0],
            (hash("water_level"), Some(-500), Some(1500))
        );
        assert_eq!(read.ids.front(), Some(&(hash("a"), Outcome::Period)));
    }

    #[test]
    fn what_is_out_of_range_changes_nothing() {
        let mut commanded = Commanded::default();
        for seconds in ["0", "86401", "1.5", "-1"] {
            let request = request(&[("seconds", Json::Number(seconds))]);
            assert_eq!(
                commanded.take_period(&request, &CHANNELS, &[0]),
                Outcome::Period
            );
        }
        let upside_down = request(&[("low", Json::Number("2")), ("high", Json::Number("1"))]);
        assert_eq!(
            commanded.take_threshold(&upside_down, &CHANNELS),
            Outcome::Threshold
        );
        let too_fine = request(&[("high", Json::Number("1.0005"))]);
        assert_eq!(
            commanded.take_threshold(&too_fine, &CHANNELS),
            Outcome::Threshold
        );
        let elsewhere = Request::default();
        assert_eq!(
            commanded.take_period(&elsewhere, &CHANNELS, &[0]),
            Outcome::Channel
        );
        assert!(commanded.periods.is_empty() && commanded.thresholds.is_empty());
    }

    #[test]
    fn of_one_instrument_only_the_newest_period_is_kept() {
        let channel = |name| Channel {
            name,
            ..CHANNELS[0]
        };
        let channels = [channel("a"), channel("b"), channel("c")];
        let mut commanded = Commanded::default();
        for (name, seconds) in [("b", "600"), ("c", "30"), ("a", "10")] {
            let mut request = request(&[("seconds", Json::Number(seconds))]);
            request.channel = Some(name);
            let outcome = commanded.take_period(&request, &channels, &[0, 0, 1]);
            assert_eq!(outcome, Outcome::Done);
        }
        let kept: [_; 2] = [(hash("c"), 30), (hash("a"), 10)];
        assert_eq!(commanded.periods.as_slice(), kept);
    }

    #[test]
    fn the_longest_value_fits_into_flash() {
        let mut commanded = Commanded::default();
        while commanded.ids.push_back((u32::MAX, Outcome::Flash)).is_ok() {}
        while commanded.periods.push((u32::MAX, PERIOD_MAX_S)).is_ok() {}
        let limits = (u32::MAX, Some(i32::MIN), Some(i32::MAX));
        while commanded.thresholds.push(limits).is_ok() {}
        let mut bytes = [0; crate::flash::VALUE_BYTES_MAX];
        assert!(commanded.write(&mut Writer::new(&mut bytes)).is_some());
    }
}
