//! A running trial of sorting or of shortest paths, with looks at graphs of larger sizes in between.

use serde::{Deserialize, Serialize};

use super::panels;
use super::score::{Found, f1, gap_rule, solved};
use super::settings::{Condition, LinkSettings, Settings};
use super::student::Student;
use crate::base::random::{Key, Stream};
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::subject::Subject;
use crate::tasks::graphs::{Graph, edge_list, edge_list::OwnMap, shortest_path, sort};
use crate::training::burst;

/// Thin matrices run at a part of the speed for which `burst` counts.
pub(super) const SLOWNESS: f64 = 6.0;
/// Graphs whose nodes get other numbers, to see whether answers follow.
const RELABELLED: usize = 16;
/// Lists for instruments.
const EXAMPLES: usize = 256;

/// What was seen at one moment of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    /// Mean over the training steps since the last look; none before the first.
    pub(super) loss: Option<f64>,
    /// By range of sizes.
    pub(super) f1: Vec<f64>,
    pub(super) solved: Vec<f64>,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: u64,
    pub(super) looks: Vec<Look>,
    /// Losses since the last look.
    losses: Vec<f32>,
}

/// One condition, one seed.
pub(super) struct LinkTrial {
    pub(super) settings: Settings,
    pub(super) condition: Condition,
    task: LinkSettings,
    steps: u64,
    key: Key,
    pub(super) student: Student,
    /// Test graphs by range of sizes.
    pub(super) tests: Vec<(&'static str, Vec<Graph>)>,
    /// What message passing is measured against, by range; of lists alone.
    pub(super) bounds: Vec<f64>,
    /// A user's graph.
    pub(super) own: Option<OwnMap>,
    state: State,
}

/// A graph of a condition's task.
fn draw(condition: Condition, (least, most): (usize, usize), stream: &mut Stream) -> Graph {
    match condition {
        Condition::Path => shortest_path::draw(&(least..=most), stream),
        _ => sort::graph(&sort::list(&(least..=most), stream)),
    }
}

impl LinkTrial {
    /// Starts a condition. Graphs and first weights depend on the seed and not on the condition.
    pub(super) fn start(settings: &Settings, condition: Condition, setup: &Setup) -> Result<Self, TrialError> {
        let task = *settings.links(condition).expect("conditions are made of the tasks that are set");
        let tests = |(name, sizes): (&'static str, (usize, usize))| {
            let key = setup.key.purpose("tests").purpose(name);
            (name, (0..task.tests as u64).map(|i| draw(condition, sizes, &mut key.index(i).stream())).collect())
        };
        let tests: Vec<(&'static str, Vec<Graph>)> = task.ranges().into_iter().map(tests).collect();
        let lists = condition != Condition::Path;
        let file = settings.path.as_ref().filter(|_| !lists).and_then(|path| path.file.as_deref());
        Ok(LinkTrial {
            condition,
            task,
            steps: settings.steps(condition),
            key: setup.key,
            student: Student::new(settings, condition, setup.key, setup.pool.clone()),
            bounds: tests.iter().filter(|_| lists).map(|(_, graphs)| gap_rule(graphs).0).collect(),
            tests,
            own: file.map(edge_list::read).transpose().map_err(TrialError::data)?,
            settings: settings.clone(),
            state: State::default(),
        })
    }

    /// The first test graph of a range.
    pub(super) fn shown(&self, range: usize) -> &Graph {
        &self.tests[range.min(self.tests.len() - 1)].1[0]
    }

    fn look(&mut self, record: &mut dyn Record) {
        let (step, last) = (self.state.step, self.state.step == self.steps);
        let mut look = Look { step, loss: None, f1: Vec::new(), solved: Vec::new() };
        let mut all: Vec<Found> = Vec::new();
        for (name, graphs) in &self.tests {
            let seen = if last { &graphs[..] } else { &graphs[..graphs.len() / 4] };
            let answers = self.student.answers(seen);
            let found: Vec<Found> = seen.iter().zip(&answers).map(|(g, answer)| Found::new(g, answer)).collect();
            record.metric(step, &format!("f1.{name}"), f1(&found));
            record.metric(step, &format!("solved.{name}"), solved(&found));
            if last {
                record.vector(step, &format!("each.{name}"), found.iter().map(Found::f1).collect());
            }
            look.f1.push(f1(&found));
            look.solved.push(solved(&found));
            all.extend(found);
        }
        if !self.state.losses.is_empty() {
            let sum: f64 = self.state.losses.iter().map(|loss| f64::from(*loss)).sum();
            look.loss = Some(sum / self.state.losses.len() as f64);
            record.metric(step, "loss", sum / self.state.losses.len() as f64);
            self.state.losses.clear();
        }
        if last {
            self.tell_the_end(&all, record);
        }
        self.state.looks.push(look);
    }

    fn tell_the_end(&mut self, all: &[Found], record: &mut dyn Record) {
        let step = self.state.step;
        let mut sizes: Vec<usize> = all.iter().map(|found| found.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let of = |size: &usize| f1(&all.iter().filter(|found| found.size == *size).copied().collect::<Vec<_>>());
        record.vector(step, "f1_by_size", sizes.iter().map(of).collect());
        record.vector(step, "sizes", sizes.iter().map(|size| *size as f64).collect());
        for ((name, _), bound) in self.tests.iter().zip(&self.bounds) {
            record.metric(step, &format!("gap_rule.{name}"), *bound);
        }
        let graphs: Vec<Graph> = self.tests[0].1.iter().take(RELABELLED).cloned().collect();
        record.metric(step, "moved_by_relabelling", self.student.moved_by_relabelling(&graphs));
        record.note(step, Level::Info, format!("{} parameters", self.student.parameters()));
    }

    fn subject(&self) -> Result<Subject, String> {
        if self.condition == Condition::Path {
            return Err("the graphs of this task have no one size that an example could have".into());
        }
        let lists = |purpose: &str| -> Vec<Vec<f32>> {
            let (count, key) = (self.task.trained.1, self.key.purpose("instruments").purpose(purpose));
            (0..EXAMPLES as u64).map(|i| sort::list(&(count..=count), &mut key.index(i).stream())).collect()
        };
        let (train, test) = (lists("train"), lists("test"));
        Ok(self.student.subject(&self.settings, self.state.step, [&train, &test], self.key))
    }
}

impl Trial for LinkTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        for _ in 0..burst(SLOWNESS * self.settings.step_flop(self.condition)) {
            let step = self.state.step;
            let key = self.key.purpose("batch").index(step);
            let of = |i: u64| draw(self.condition, self.task.trained, &mut key.index(i).stream());
            let graphs: Vec<Graph> = (0..self.task.batch as u64).map(of).collect();
            let trained = self.student.train(&graphs, step, self.task.learning_rate);
            self.state.losses.push(trained.map_err(|error| error.of_batch(key.number()))?.loss);
            self.state.step += 1;
            if self.state.step.is_multiple_of(self.task.every) || self.state.step == self.steps {
                self.look(record);
                break;
            }
        }
        Ok(if self.state.step >= self.steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let looks = std::mem::take(&mut self.state.looks);
        let panels = panels::panels(self, &looks);
        self.state.looks = looks;
        panels
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject()?, names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.steps)?;
        self.student.keep(archive)
    }
}
