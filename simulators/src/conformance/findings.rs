//! What a device can do wrong, and what to do about it.

use std::fmt;

/// One thing that a device does wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// It sent no readings.
    Silent,
    /// It has no status, or none that is retained.
    NoStatus,
    /// Its status is neither `online` nor `offline`.
    StrangeStatus(String),
    /// Its connection was lost so many times.
    Unsteady(u64),
    /// It is said to be offline and sends.
    OfflineAndSends,
    /// So many of its messages of readings came with QoS 0.
    QosZero(u64),
    /// So many of its messages of readings were retained.
    Retained(u64),
    /// So many of its messages had a payload that can't be decoded; the first problem.
    Undecodable(u64, String),
    /// So many of its readings have no boot and sequence number.
    Unnumbered(u64),
    /// A number came again with another content: boot, sequence number.
    Reused(u64, u64),
    /// A number names readings of different messages or parts of one: boot, sequence number.
    Shared(u64, u64),
    /// A number in a boot is below one that came before, and had not come: boot, sequence number.
    WentBack(u64, u64),
    /// A boot that came is below one that had come: boot, the one before.
    BootWentBack(u64, u64),
    /// So many boots in so many messages.
    Boots(u64, u64),
    /// So many numbers between the first and the last didn't come.
    Gaps(u64),
    /// So many readings came again although nothing suggests that their acknowledgement was lost.
    Repeats(u64),
    /// So many readings came again on the connection on which they had come.
    Needless(u64),
    /// The platform took so many readings of so many for repetitions, and nobody saw the first.
    Dropped(u64, u64),
    /// The platform took up so many readings, and so many came.
    Untaken(u64, u64),
    /// So often a reading of one datastream has an earlier time than the one before it.
    Backwards(u64),
    /// So many readings are so many seconds ahead of this machine's clock.
    Future(u64, i64),
    /// The newest reading of each message is so many seconds old when it comes.
    Behind(i64),
    /// All of so many messages have one time.
    FrozenTime(u64),
    /// None of so many readings has a value.
    NothingMeasured(u64),
    /// It didn't answer a command.
    NoAnswer,
    /// So many readings are from before 2020.
    Past(u64),
    /// So many readings have no time.
    Undated(u64),
    /// All of its readings say that its clock was never set.
    ClockNeverSet,
    /// A unit that the platform doesn't know: datastream, unit.
    UnknownUnit(String, String),
    /// So many messages with so many readings each on average.
    SmallMessages(u64, f64),
    /// So many messages a second.
    Hasty(f64),
    /// So many messages are in a format that is not decoded here.
    NotExamined(u64),
    /// It published to topics that mean nothing: the first one.
    StrangeTopic(String),
    /// The platform rejected so many readings for a reason; the first detail.
    Rejected(u64, String, String),
    /// The platform doesn't know it.
    Unregistered,
}

impl Finding {
    /// Whether it is no fault: advice, or a word on what was not looked at.
    pub fn is_advice(&self) -> bool {
        matches!(self, Self::SmallMessages(..) | Self::NotExamined(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str(
                "no readings came: is it connected, and is its name in its topics this one? \
                 Watch longer with --for if it sends seldom",
            ),
            Self::NoStatus => f.write_str(
                "no retained status: publish online, retained, to its status topic after each \
                 connect, and make offline its will there",
            ),
            Self::StrangeStatus(status) => {
                write!(
                    f,
                    "its status is {status:?}: only online and offline are known"
                )
            }
            Self::Unsteady(times) => write!(
                f,
                "its connection was lost {times} times: does another client use its client id, is \
                 its keep-alive kept, is its network up?"
            ),
            Self::OfflineAndSends => f.write_str(
                "its status is offline and it sends: publish online, retained, after each connect",
            ),
            Self::QosZero(messages) => write!(
                f,
                "{messages} messages came with QoS 0, which are lost without notice: publish \
                 readings with QoS 1 and keep each until its PUBACK"
            ),
            Self::Retained(messages) => write!(
                f,
                "{messages} messages of readings were retained: retain the status only"
            ),
            Self::Undecodable(messages, problem) => write!(
                f,
                "{messages} messages can't be decoded, the first since {problem}: compare with \
                 the examples in docs/payloads.md"
            ),
            Self::Unnumbered(readings) => write!(
                f,
                "{readings} readings have no boot and seq: count both, so that what is sent \
                 again is stored once"
            ),
            Self::Reused(boot, seq) => write!(
                f,
                "boot {boot} seq {seq} came again with another content, which is taken for a \
                 duplicate and dropped: never give a number twice; count boot on at each start"
            ),
            Self::Shared(boot, seq) => write!(
                f,
                "boot {boot} seq {seq} names readings of more than one datastream: give each \
                 reading, or each JSON object, a number of its own, counted for the whole device"
            ),
            Self::WentBack(boot, seq) => write!(
                f,
                "boot {boot} seq {seq} is below a number that came before: number readings in \
                 the order in which they are queued, and send the oldest first"
            ),
            Self::BootWentBack(boot, before) => write!(
                f,
                "boot {boot} came after boot {before}: count boot up at each start, keep it where \
                 the power doesn't reach it, and send the oldest readings first"
            ),
            Self::Boots(boots, messages) => write!(
                f,
                "{boots} boots in {messages} messages: boot counts starts of the device, not \
                 messages or connections; or it restarts all the time"
            ),
            Self::Gaps(numbers) => write!(
                f,
                "{numbers} sequence numbers are missing: readings were lost in the device, or it \
                 skips numbers; keep each until its PUBACK"
            ),
            Self::Repeats(readings) => write!(
                f,
                "{readings} readings came again: take what a PUBACK acknowledges out of the \
                 queue, and wait longer than the link's round trip before sending again"
            ),
            Self::Needless(readings) => write!(
                f,
                "{readings} readings came again although the connection had not been lost: send \
                 again after a reconnect only, and take what a PUBACK acknowledges out of the queue"
            ),
            Self::Dropped(duplicates, readings) => write!(
                f,
                "the platform dropped {duplicates} of {readings} readings as duplicates of what it \
                 had before: their boot and seq (without these: time and value) came already. \
                 Count boot up at each start, keep it where the power doesn't reach it, and begin \
                 with a random one on a blank device"
            ),
            Self::Untaken(taken, readings) => write!(
                f,
                "the platform has taken up {taken} of {readings} readings so far: see /readyz and \
                 nhip_ingest_lag_seconds in /metrics"
            ),
            Self::Backwards(times) => write!(
                f,
                "times of one datastream ran backwards {times} times while the numbers went up: \
                 number readings in the order of measuring, and look at what sets the clock"
            ),
            Self::Future(readings, ahead_s) => write!(
                f,
                "{readings} readings are up to {ahead_s} s in the future: set its clock (SNTP), \
                 and send UTC"
            ),
            Self::Behind(seconds) => write!(
                f,
                "its newest readings are always {} old or more when they come: send UTC, not local \
                 time, set its clock (SNTP), and don't hold back what was measured",
                duration(*seconds)
            ),
            Self::FrozenTime(messages) => write!(
                f,
                "{messages} messages have one and the same time: send the time at which each \
                 reading was measured"
            ),
            Self::NothingMeasured(readings) => write!(
                f,
                "none of {readings} readings has a value, all are missing: look at the instruments \
                 and their wires"
            ),
            Self::NoAnswer => f.write_str(
                "it didn't answer the command identify: subscribe to devices/<device>/commands/+ \
                 at QoS 1 after each connect, and publish the answer to …/identify/ack",
            ),
            Self::Past(readings) => write!(
                f,
                "{readings} readings are from before 2020: leave the time out while the clock \
                 isn't set; in JSON integers are milliseconds"
            ),
            Self::Undated(readings) => write!(
                f,
                "{readings} readings have no time and get that of their arrival: send the time \
                 at which each was measured"
            ),
            Self::ClockNeverSet => f.write_str(
                "it says that its clock was never set: does it reach its time server (SNTP)?",
            ),
            Self::UnknownUnit(datastream, unit) => write!(
                f,
                "{datastream} has the unit {unit:?}, which is none: use UCUM, as Cel, ug/m3, %, hPa"
            ),
            Self::SmallMessages(messages, readings) => write!(
                f,
                "{messages} messages of {readings:.1} readings: collect ten or so before \
                 publishing, it saves energy and traffic"
            ),
            Self::Hasty(rate) => write!(
                f,
                "{rate:.1} messages a second: measure less often or send more readings at once"
            ),
            Self::NotExamined(messages) => write!(
                f,
                "{messages} messages of SenML in CBOR were not examined here: nothing is said of \
                 their times and units, only of what the platform made of them"
            ),
            Self::StrangeTopic(topic) => write!(
                f,
                "it publishes to {topic}: readings go to devices/<device>/readings/<format>"
            ),
            Self::Rejected(readings, reason, detail) => write!(
                f,
                "the platform rejected {readings} readings, {reason}: {detail}"
            ),
            Self::Unregistered => {
                f.write_str("the platform doesn't know it: nhip device add <name> registers it")
            }
        }
    }
}

/// Below this, seconds are told as such.
const SECONDS_MAX: i64 = 120;

/// Seconds as hours and minutes, for people.
fn duration(seconds: i64) -> String {
    if seconds < SECONDS_MAX {
        return format!("{seconds} s");
    }
    let minutes = (seconds + 30) / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
