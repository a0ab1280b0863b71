//! Spells of bad luck in a device's life: when each begins and ends.

use crate::city::noise;

/// From when to when, µs of the device's time, and a draw that says what kind it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spell {
    /// When it begins.
    pub from_us: u64,
    /// When it ends.
    pub to_us: u64,
    /// 0 to 1.
    pub draw: f64,
}

/// Spells one after the other: the gaps and the lengths are exponential about their means. They
/// depend on the seed only, not on when and how often they are asked for.
#[derive(Clone, Debug)]
pub struct Spells {
    seed: u64,
    gap_us: f64,
    length_us: f64,
    end_us: u64,
    number: i64,
    next: Spell,
}

impl Spells {
    /// So many an hour, so long on average, s; all begin before the end, and have ended by then.
    pub fn new(seed: u64, per_hour: f64, length_s: f64, end_us: u64) -> Self {
        let mut spells = Self {
            seed,
            gap_us: 3.6e9 / per_hour.max(1e-12),
            length_us: length_s * 1e6,
            end_us,
            number: 0,
            next: Spell {
                from_us: 0,
                to_us: 0,
                draw: 0.0,
            },
        };
        spells.draw();
        spells
    }

    /// The spell that lasts at this time or is the next, if there is one. Times only go on.
    pub fn at_or_after(&mut self, us: u64) -> Option<Spell> {
        while self.next.to_us <= us && self.next.from_us < self.end_us {
            self.draw();
        }
        (self.next.from_us < self.end_us).then_some(self.next)
    }

    fn draw(&mut self) {
        let exponential = |purpose: i64, mean: f64| {
            let part = noise::unit(self.seed, &[self.number, purpose]);
            -(1.0 - part).ln() * mean
        };
        // A float that is too large for it becomes the largest integer.
        let from_us = (self.next.to_us as f64 + exponential(0, self.gap_us)) as u64;
        let length_us = (exponential(1, self.length_us) as u64).max(1);
        self.next = Spell {
            from_us,
            to_us: from_us.saturating_add(length_us).min(self.end_us),
            draw: noise::unit(self.seed, &[self.number, 2]),
        };
        self.number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;

    fn all(mut spells: Spells, step_us: u64) -> Vec<Spell> {
        let mut found: Vec<Spell> = Vec::new();
        let mut us = 0;
        while let Some(spell) = spells.at_or_after(us) {
            if found.last() != Some(&spell) {
                found.push(spell);
            }
            us = (us + step_us).max(spell.from_us);
        }
        found
    }

    #[test]
    fn they_come_at_their_rate_and_do_not_depend_on_who_asks() {
        let spells = Spells::new(7, 2.0, 60.0, 500 * HOUR_US);
        let found = all(spells.clone(), 1_000_000);
        assert!((800..1_200).contains(&found.len()), "{}", found.len());
        let long: u64 = found.iter().map(|spell| spell.to_us - spell.from_us).sum();
        let mean_s = long as f64 / 1e6 / found.len() as f64;
        assert!((50.0..70.0).contains(&mean_s), "{mean_s}");
        assert_eq!(found, all(spells, 70_000));
    }

    #[test]
    fn none_come_at_a_rate_of_zero_and_none_outlast_the_end() {
        assert_eq!(
            Spells::new(7, 0.0, 60.0, 500 * HOUR_US).at_or_after(0),
            None
        );
        let last = all(Spells::new(3, 60.0, 600.0, HOUR_US), 1_000_000).pop();
        assert!(last.unwrap().to_us <= HOUR_US);
    }
}
