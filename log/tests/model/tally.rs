//! What happened in the runs.

/// How often things happened that the runs are there for.
#[derive(Debug, Default)]
pub struct Tally {
    pub commits: u64,
    pub crashes: u64,
    pub kills: u64,
    pub lost_records: u64,
    pub kept_unacknowledged: u64,
    pub stalls: u64,
    pub failures: u64,
    pub refused_full: u64,
    pub trims: u64,
    pub trimmed_reads: u64,
    pub recycled: u64,
    pub failed_opens: u64,
    pub records: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.crashes += other.crashes;
        self.kills += other.kills;
        self.lost_records += other.lost_records;
        self.kept_unacknowledged += other.kept_unacknowledged;
        self.stalls += other.stalls;
        self.failures += other.failures;
        self.refused_full += other.refused_full;
        self.trims += other.trims;
        self.trimmed_reads += other.trimmed_reads;
        self.recycled += other.recycled;
        self.failed_opens += other.failed_opens;
        self.records += other.records;
    }

    pub fn assert_that_everything_happened(&self) {
        for (what, count) in [
            ("commits", self.commits),
            ("crashes", self.crashes),
            ("kills", self.kills),
            ("lost records", self.lost_records),
            (
                "kept records that nobody was told of",
                self.kept_unacknowledged,
            ),
            ("stalls", self.stalls),
            ("failures", self.failures),
            ("appends refused as full", self.refused_full),
            ("trims", self.trims),
            ("reads of what was trimmed", self.trimmed_reads),
            ("recycled segments", self.recycled),
            ("failed openings", self.failed_opens),
        ] {
            assert!(count >= 10, "only {count} {what}");
        }
    }
}
