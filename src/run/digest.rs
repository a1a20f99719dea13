//! A digest of long metrics: what a viewer shows of them, so that it need not read them all.
//!
//! `digest.json` stands beside the metrics of a trial once these are long. It holds every metric thinned
//! to a few thousand points that keep each extreme, and says up to which byte, with which checksum, it
//! speaks for the file; a reader goes on from there. Verdicts and exports read the file itself.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::durable::{Keep, records, write};
use super::error::RunError;
use crate::contract::{Event, Level, Series, TrialState};

/// Bytes of metrics from which a digest is worth it.
const LONG: u64 = 4 << 20;
/// The most groups of neighbouring points that a thinned metric keeps.
const GROUPS: usize = 4096;

/// Neighbouring points, by what a chart shows of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Group {
    least: (u64, f64),
    most: (u64, f64),
}

impl Group {
    fn join(self, other: Group) -> Group {
        Group {
            least: if other.least.1 < self.least.1 { other.least } else { self.least },
            most: if other.most.1 > self.most.1 { other.most } else { self.most },
        }
    }
}

/// A metric with at most [`GROUPS`] groups of equally many points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Thinned {
    /// Points in a group.
    every: u64,
    groups: Vec<Group>,
    /// Points in the last group so far.
    filled: u64,
    last: (u64, f64),
}

impl Thinned {
    fn new(point: (u64, f64)) -> Self {
        Thinned { every: 1, groups: vec![Group { least: point, most: point }], filled: 1, last: point }
    }

    fn push(&mut self, point: (u64, f64)) {
        self.last = point;
        let group = Group { least: point, most: point };
        if self.filled < self.every
            && let Some(last) = self.groups.last_mut()
        {
            *last = last.join(group);
            self.filled += 1;
            return;
        }
        if self.groups.len() == GROUPS {
            self.groups =
                self.groups.chunks(2).map(|pair| pair.iter().skip(1).fold(pair[0], |a, b| a.join(*b))).collect();
            self.every *= 2;
        }
        self.groups.push(group);
        self.filled = 1;
    }

    /// The points to show, in order: the extremes of each group, and the last of all.
    pub(super) fn points(&self) -> Series {
        let mut points = Series::with_capacity(2 * self.groups.len() + 1);
        for Group { least, most } in &self.groups {
            points.push(if least.0 <= most.0 { *least } else { *most });
            if least.0 != most.0 {
                points.push(if least.0 <= most.0 { *most } else { *least });
            }
        }
        if points.last().is_none_or(|point| point.0 < self.last.0) {
            points.push(self.last);
        }
        points
    }
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Digest {
    /// Bytes of the metrics that it speaks for, and the checksum of their last line.
    pub(super) length: u64,
    pub(super) last: u32,
    steps: u64,
    metrics: BTreeMap<String, Thinned>,
    vectors: BTreeMap<String, (u64, Vec<f64>)>,
    notes: Vec<(u64, Level, String)>,
}

impl Digest {
    /// Takes in an event.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Metric { step, name, value } => match self.metrics.get_mut(name) {
                Some(thinned) => thinned.push((*step, *value)),
                None => _ = self.metrics.insert(name.clone(), Thinned::new((*step, *value))),
            },
            Event::Vector { step, name, values } => _ = self.vectors.insert(name.clone(), (*step, values.clone())),
            Event::Opened { steps } => self.steps = *steps,
            Event::Note { .. } | Event::Turned { .. } => self.notes.extend(event.note()),
            Event::Closed { .. } => {}
        }
    }

    /// Writes the file when the metrics are long. `length` and `last` are of the metrics as they stand.
    ///
    /// # Errors
    /// [`RunError::Disk`].
    pub(super) fn write(&mut self, path: &Path, length: u64, last: u32) -> Result<(), RunError> {
        if length < LONG {
            return Ok(());
        }
        (self.length, self.last) = (length, last);
        let (line, _) = records::seal(self, records::FIRST).map_err(|e| RunError::broken(path, e))?;
        write(path, line.as_bytes(), Keep::Fleeting)
    }

    /// The digest at `path`, if there is one and it speaks for the beginning of `metrics`.
    pub(super) fn read(path: &Path, metrics: &Path) -> Option<Digest> {
        let digest: Digest = records::read_one(path).ok()?;
        records::ends_with(metrics, digest.length, digest.last).then_some(digest)
    }

    /// The trial as the digest has it.
    pub(super) fn fill(self, trial: &mut TrialState) {
        trial.progress.steps = self.steps;
        trial.result.metrics = self.metrics.into_iter().map(|(name, thinned)| (name, thinned.points())).collect();
        let steps = trial.result.metrics.values().filter_map(|points| Some(points.last()?.0));
        trial.progress.step = steps.chain(self.vectors.values().map(|(step, _)| *step)).max().unwrap_or(0);
        trial.result.vectors = self.vectors;
        trial.notes = self.notes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_metrics_keep_extremes_and_ends() {
        let value = |step: u64| if step == 77_777 { 9.0 } else { (step as f64 * 0.01).sin() };
        let mut thinned = Thinned::new((0, value(0)));
        (1..200_000).for_each(|step| thinned.push((step, value(step))));
        let points = thinned.points();
        assert!(points.len() <= 2 * GROUPS + 1 && points.len() > GROUPS / 2, "{}", points.len());
        assert!(points.is_sorted_by_key(|point| point.0));
        assert!(points.contains(&(77_777, 9.0)));
        assert_eq!(points.last(), Some(&(199_999, value(199_999))));
        assert!(points.iter().all(|(step, shown)| *shown == value(*step)));
        // Few points stay as they are.
        let mut short = Thinned::new((1, 0.5));
        (2..100).for_each(|step| short.push((step, 1.0 / step as f64)));
        assert_eq!(short.points().len(), 99);
    }

    #[test]
    fn a_digest_gives_the_state_that_the_events_give() {
        let mut events = vec![Event::Opened { steps: 50 }];
        for step in 1..=40 {
            events.push(Event::Metric { step, name: "loss".into(), value: 1.0 / step as f64 });
        }
        events.push(Event::Turned { step: 12, knob: "rate".into(), value: 0.5 });
        events.push(Event::Vector { step: 40, name: "accuracy".into(), values: vec![0.5, 0.25] });
        events.push(Event::Note { step: 40, level: Level::Info, text: "so far".into() });
        let spec = crate::contract::TrialSpec {
            name: "t".into(),
            condition: "c".into(),
            seed: 0,
            axes: BTreeMap::new(),
            steps: 50,
            examples: 0,
            flop: 0.0,
        };
        let (mut folded, mut filled) = (TrialState::new(spec.clone()), TrialState::new(spec));
        let mut digest = Digest::default();
        for event in &events {
            folded.apply(event);
            digest.apply(event);
        }
        digest.fill(&mut filled);
        assert_eq!(filled, folded);
    }

    /// A run whose only trial recorded so many points, the last hundred behind its digest.
    fn long_run(root: &Path, points: u64) -> crate::run::Folder {
        let folder = crate::run::worker::tests::toy(root, &["seeds=1"]);
        let mut file = records::Records::open(&folder.metrics("plain.s0"), 0).unwrap();
        let mut digest = Digest::default();
        for step in 1..=points {
            let event = Event::Metric { step, name: "loss".into(), value: (step as f64 * 1e-3).cos() };
            file.push(&event).unwrap();
            digest.apply(&event);
            if step == points - 100 {
                file.flush().unwrap();
                digest.write(&folder.digest("plain.s0"), file.len(), file.last()).unwrap();
            }
            if step % 4096 == 0 {
                file.flush().unwrap();
            }
        }
        file.sync().unwrap();
        folder
    }

    #[test]
    fn a_long_run_opens_from_its_digest() {
        let place = tempfile::tempdir().unwrap();
        let folder = long_run(place.path(), 100_000);
        let loss = |reader: &crate::run::Reader| reader.state().trials[0].result.metrics["loss"].clone();
        let (shown, whole) =
            (crate::run::Reader::open(&folder).unwrap(), crate::run::Reader::open_whole(&folder).unwrap());
        let (shown, whole) = (loss(&shown), loss(&whole));
        assert!(shown.len() < 10_000 && whole.len() == 100_000);
        assert_eq!(shown[shown.len() - 100..], whole[whole.len() - 100..]);
        assert!(shown.is_sorted_by_key(|point| point.0));
        let most = |points: &Series| points.iter().map(|point| point.1).fold(f64::MIN, f64::max);
        assert_eq!(most(&shown), most(&whole));
        // A digest of other metrics counts for nothing.
        let path = folder.metrics("plain.s0");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("loss", "lost", 1)).unwrap();
        records::Records::open(&path, 0).unwrap();
        assert!(Digest::read(&folder.digest("plain.s0"), &path).is_none());
    }

    #[test]
    #[ignore = "writes a gigabyte; prints how long a run of 10^7 points takes to open"]
    fn ten_million_points() {
        let place = tempfile::tempdir().unwrap();
        let folder = long_run(place.path(), 10_000_000);
        let begun = std::time::Instant::now();
        let reader = crate::run::Reader::open(&folder).unwrap();
        println!(
            "{} points shown, opened in {:?}",
            reader.state().trials[0].result.metrics["loss"].len(),
            begun.elapsed()
        );
    }
}
