//! How long trials were worked on: `times.jsonl`, so that curves can be drawn over wall time. It stands apart
//! from the metrics, which hold no clock.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::durable::records::{self, Records};
use super::error::RunError;
use super::folder::Folder;
use crate::contract::{Series, seconds_at};

/// Seconds of work between two marks, at least.
const EVERY: f64 = 1.0;
/// And at least one part in so many of all seconds before: a day has some three thousand marks, ten days four.
const PARTS: f64 = 500.0;

/// A line of `times.jsonl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Step of the newest metric.
    pub(super) step: u64,
    /// Seconds that the trial was worked on until then.
    pub(super) seconds: f64,
}

impl Mark {
    /// Adds it to the marks so far, if it comes behind them.
    pub(super) fn add_to(self, times: &mut Series) {
        let (step, seconds) = times.last().copied().unwrap_or_default();
        if self.step > step && self.seconds >= seconds {
            times.push((self.step, self.seconds));
        }
    }
}

/// The clock of a trial in work.
#[derive(Debug)]
pub(super) struct Times {
    file: Records,
    last: Mark,
    /// Seconds of work before the stretch of now.
    before: f64,
    /// When the stretch of now began; none while the trial rests.
    since: Option<Instant>,
}

impl Times {
    /// The clock of a trial that goes on after `step`. Marks behind that are cut: these steps are done again.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn open(folder: &Folder, trial: &str, step: u64) -> Result<Self, RunError> {
        let path = folder.times(trial);
        let (times, last, length) = marks(&path, step);
        let mut clock =
            Times { file: Records::open(&path, length)?, last, before: last.seconds, since: Some(Instant::now()) };
        // A step between two marks lies between their times.
        if times.last().is_some_and(|behind| behind.0 > step)
            && let Some(seconds) = seconds_at(&times, step).filter(|_| step > last.step)
        {
            clock.before = seconds;
            clock.mark(step, seconds)?;
        }
        Ok(clock)
    }

    /// Seconds of work until now.
    fn seconds(&self) -> f64 {
        self.before + self.since.map_or(0.0, |since| since.elapsed().as_secs_f64())
    }

    /// The trial rests: time does not count.
    pub(super) fn rest(&mut self) {
        (self.before, self.since) = (self.seconds(), None);
    }

    /// The trial is worked on again.
    pub(super) fn go_on(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Marks the time after the newest metric, if a mark is due.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn keep_up(&mut self, step: u64) -> Result<(), RunError> {
        let seconds = self.seconds();
        if step > self.last.step && seconds - self.last.seconds >= EVERY.max(seconds / PARTS) {
            self.mark(step, seconds)?;
        }
        Ok(())
    }

    /// Marks the time after the newest metric: the work on the trial ends here.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn end(&mut self, step: u64) -> Result<(), RunError> {
        if step > self.last.step { self.mark(step, self.seconds()) } else { Ok(()) }
    }

    fn mark(&mut self, step: u64, seconds: f64) -> Result<(), RunError> {
        // Microseconds are more than anybody sees.
        self.last = Mark { step, seconds: (seconds * 1e6).round() / 1e6 };
        self.file.push(&self.last)?;
        self.file.flush()
    }
}

/// The marks of a file up to the first behind `step`, the last that is not behind it, and where that ends.
/// What is damaged or torn ends them.
fn marks(path: &Path, step: u64) -> (Series, Mark, u64) {
    let (mut times, mut last, mut length) = (Series::new(), Mark::default(), 0);
    for (mark, end) in records::read_whole::<Mark>(path) {
        mark.add_to(&mut times);
        if mark.step > step {
            break;
        }
        (last, length) = (mark, end);
    }
    (times, last, length)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::run::worker::tests::toy;

    fn kept(folder: &Folder) -> Vec<Mark> {
        records::read_whole(&folder.times("plain.s0")).into_iter().map(|(mark, _)| mark).collect()
    }

    /// A clock whose stretch began so many seconds ago.
    fn begun(clock: &mut Times, seconds: f64) {
        clock.since = Instant::now().checked_sub(Duration::from_secs_f64(seconds - clock.before));
        assert!(clock.since.is_some(), "the machine runs for less than {seconds} s");
    }

    #[test]
    fn marks_are_a_second_apart_and_later_further() {
        let place = tempfile::tempdir().unwrap();
        let folder = toy(place.path(), &["seeds=1"]);
        let mut clock = Times::open(&folder, "plain.s0", 0).unwrap();
        for (step, seconds) in [(1, 0.5), (2, 1.25), (3, 1.5), (3, 2.5), (3, 4.0), (4, 4.25)] {
            begun(&mut clock, seconds);
            clock.keep_up(step).unwrap();
        }
        assert_eq!(kept(&folder).iter().map(|mark| mark.step).collect::<Vec<_>>(), [2, 3, 4]);
        // Late in a long trial a second is nothing.
        clock.before = 10_000.0;
        clock.since = None;
        clock.keep_up(10).unwrap();
        clock.before = 10_015.0;
        clock.keep_up(11).unwrap();
        clock.before = 10_025.0;
        clock.keep_up(12).unwrap();
        clock.end(13).unwrap();
        clock.end(13).unwrap();
        assert_eq!(kept(&folder).iter().map(|mark| mark.step).collect::<Vec<_>>(), [2, 3, 4, 10, 12, 13]);
    }

    #[test]
    fn rest_does_not_count_and_what_is_done_again_is_cut() {
        let place = tempfile::tempdir().unwrap();
        let folder = toy(place.path(), &["seeds=1"]);
        let mut clock = Times::open(&folder, "plain.s0", 0).unwrap();
        for (step, seconds) in [(10, 2.0), (20, 6.0), (40, 8.0)] {
            (clock.before, clock.since) = (seconds, None);
            clock.keep_up(step).unwrap();
        }
        clock.rest();
        assert_eq!(clock.seconds(), 8.0);
        clock.go_on();
        assert!(clock.seconds() > 8.0);
        let mark = |step, seconds| Mark { step, seconds };
        // Half way between two marks; the last line is torn.
        let path = folder.times("plain.s0");
        let whole = fs::read(&path).unwrap();
        for (torn, step, seconds) in [(0, 30, 7.0), (3, 30, 6.0), (0, 20, 6.0), (0, 90, 8.0), (0, 5, 1.0)] {
            fs::write(&path, &whole[..whole.len() - torn]).unwrap();
            let clock = Times::open(&folder, "plain.s0", step).unwrap();
            assert_eq!(clock.before, seconds, "torn by {torn}, from step {step}");
            let expected: Vec<Mark> = [mark(5, 1.0), mark(10, 2.0), mark(20, 6.0), mark(30, 7.0), mark(40, 8.0)]
                .into_iter()
                .filter(|mark| {
                    mark.step <= step && mark.seconds <= seconds && (![5, 30].contains(&mark.step) || mark.step == step)
                })
                .collect();
            assert_eq!(kept(&folder), expected, "torn by {torn}, from step {step}");
        }
        // Damage in the middle costs what is behind it, and nothing else.
        fs::write(&path, String::from_utf8(whole).unwrap().replacen("6.0", "5.0", 1)).unwrap();
        assert_eq!(Times::open(&folder, "plain.s0", 30).unwrap().before, 2.0);
        assert_eq!(kept(&folder), [mark(10, 2.0)]);
    }
}
