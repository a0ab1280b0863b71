//! How fast the log takes records: `append_rate [seconds] [threads] [record bytes] [records a
//! batch] [folder]`. Prints records, commits and bytes a second, then how fast they are read.
#![expect(clippy::print_stdout, reason = "it is a program that prints")]

use nhip_log::{AppendError, Batch, Committed, Config, Log, Metrics, Offset, Records, SegmentLog};
use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

#[derive(Default)]
struct Counter(AtomicU64);

impl Committed for Counter {
    fn committed(&self, _last: Offset) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn failed(&self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (seconds, threads) = (number(0, 5), number(1, 1));
    let (bytes, records) = (usize::try_from(number(2, 110))?, number(3, 50));
    let kept = env::args().nth(5);
    let folder = kept.as_ref().map_or_else(
        || env::temp_dir().join(format!("append-rate-{}", std::process::id())),
        Into::into,
    );
    let metrics = Metrics::new(&prometheus::Registry::new())?;
    let began = Instant::now();
    let log = Arc::new(SegmentLog::open(&folder, Config::default(), metrics)?);
    println!("opened in {:?}", began.elapsed());
    log.start_trimming();
    let first = log.state().durable_end.0;
    let began = Instant::now();
    let deadline = began + Duration::from_secs(seconds);
    let commits = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| append_until(log.as_ref(), deadline, bytes, records)))
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .max()
    });
    let end = log.state().durable_end.0;
    let took = began.elapsed().as_secs_f64();
    let count = (end - first) as f64;
    println!(
        "{:.0} records/s, {:.0} commits/s, {:.0} MB/s, {} segments",
        count / took,
        commits.unwrap_or(0) as f64 / took,
        count * bytes as f64 / took / 1e6,
        log.figures().segments
    );
    let began = Instant::now();
    let start = log.state().start;
    let mut reader = log.reader(start)?;
    let mut read = Records::default();
    loop {
        reader.read(&mut read, 1 << 20)?;
        if read.is_empty() {
            break;
        }
    }
    let count = (reader.position().0 - start.0) as f64;
    println!(
        "{:.0} records/s read",
        count / began.elapsed().as_secs_f64()
    );
    log.close();
    if kept.is_none() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// Appends as fast as the queue takes, and says in how many commits it was made durable.
fn append_until(log: &SegmentLog, deadline: Instant, bytes: usize, records: u64) -> u64 {
    let counter = Arc::new(Counter::default());
    let listener: Arc<dyn Committed> = Arc::clone(&counter) as Arc<dyn Committed>;
    let record = vec![0x5a; bytes];
    let mut batch = Batch::default();
    while Instant::now() < deadline {
        for _ in 0..records {
            batch.push(&[&record]);
        }
        while let Err(error) = log.append(&mut batch, Some(&listener)) {
            if !matches!(error, AppendError::Full { .. }) {
                return 0;
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
    if let Ok(last) = log.append(&mut batch, None) {
        log.wait(last, Duration::from_secs(30));
    }
    counter.0.load(Ordering::Relaxed)
}
