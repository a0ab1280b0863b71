//! How far a copy is, line by line.

use crate::cli::note;
use nhip_api::model;
use std::time::{Duration, Instant};

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// Lines of progress, now and then.
#[derive(Default)]
pub(super) struct Lines {
    told: Option<Instant>,
    problem: Option<String>,
}

impl Lines {
    /// Says it, unless it did a moment ago; what the copy waits for at once.
    pub(super) fn tell(&mut self, progress: &model::StoreCopy) {
        if progress.problem.is_some() && progress.problem != self.problem {
            note(&format!(
                "waiting: {}",
                progress.problem.as_deref().unwrap_or_default()
            ));
        }
        self.problem.clone_from(&progress.problem);
        if self.told.is_some_and(|told| told.elapsed() < PROGRESS) {
            return;
        }
        self.told = Some(Instant::now());
        note(&line(progress));
    }
}

fn line(progress: &model::StoreCopy) -> String {
    let copied = (progress.readings, progress.series_days);
    let checked = progress.check.as_ref();
    let (readings, series_days) = match checked.filter(|_| progress.phase == "checking") {
        Some(check) => (check.readings, check.series_days),
        None => copied,
    };
    let mut line = format!(
        "{}: day {} of {}, {} readings of {} series and days, {:.0} /s",
        progress.phase,
        (progress.days_done + 1).min(progress.days),
        progress.days,
        readings,
        series_days,
        progress.readings_per_s
    );
    if let Some(left_s) = progress.remaining_s {
        line.push_str(&format!(", about {} left", duration(left_s)));
    }
    line
}

/// What a check has not compared, if there is anything.
pub(super) fn passed_over(check: &model::StoreCheck, waiting: u64) -> Option<String> {
    if waiting == 0 {
        return None;
    }
    Some(match check.readings {
        0 => format!(
            "nothing was compared: the {waiting} series and days with readings change all the \
             time and wait for their round; check again when less comes, or with the platform \
             stopped"
        ),
        _ => format!(
            "{waiting} series and days changed a moment ago and wait for their round; what \
             differs for that is not counted"
        ),
    })
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_what_it_has_passed_over() {
        let mut check = model::StoreCheck {
            readings: 0,
            series_days: 0,
            checksum: String::new(),
            differences: 0,
        };
        assert_eq!(passed_over(&check, 0), None, "there is nothing");
        let told = passed_over(&check, 440).unwrap();
        assert!(told.starts_with("nothing was compared: the 440 series and days"));
        check.readings = 576;
        let told = passed_over(&check, 440).unwrap();
        assert!(told.starts_with("440 series and days changed a moment ago"));
    }

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_takes() {
        let mut progress = model::StoreCopy {
            from: "embedded".into(),
            to: "questdb".into(),
            phase: "copying".into(),
            days: 10,
            days_done: 3,
            readings: 5_000,
            series_days: 30,
            checksum: String::new(),
            waiting: 0,
            check: None,
            readings_per_s: 123.4,
            remaining_s: Some(180.0),
            problem: None,
            stuck: false,
        };
        assert_eq!(
            line(&progress),
            "copying: day 4 of 10, 5000 readings of 30 series and days, 123 /s, about 3 min left"
        );
        // A check counts for itself.
        progress.phase = "checking".into();
        progress.check = Some(model::StoreCheck {
            readings: 700,
            series_days: 8,
            checksum: String::new(),
            differences: 0,
        });
        assert!(line(&progress).contains(", 700 readings of 8 series and days,"));
    }
}
