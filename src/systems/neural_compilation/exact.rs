//! A running trial that trains nothing: compiled networks on random graphs, held against the textbook.

use serde::{Deserialize, Serialize};

use super::machine::{Example, Machine};
use super::panels;
use super::score::{Reference, Score, faithfulness, means, scores};
use super::settings::{COMPILED, Settings};
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Panel, Progress, Record, Setup, Trial, TrialError};
use crate::tasks::algorithms::Algorithm;

/// What was found of one algorithm on graphs of one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) algorithm: String,
    pub(super) nodes: usize,
    pub(super) graphs: usize,
    /// Graphs of which answer and every step are right.
    pub(super) exact: usize,
    pub(super) accuracy: f64,
    pub(super) faithful: Option<f64>,
}

/// How far the trial is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    found: Vec<Found>,
}

/// Compiled networks of every algorithm.
pub(super) struct CompiledTrial {
    settings: Settings,
    key: Key,
    machines: Vec<Machine>,
    state: State,
}

/// How metrics name an algorithm.
pub(super) const fn short(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Bfs => "bfs",
        Algorithm::BellmanFord => "bellman_ford",
        Algorithm::Dfs => "dfs",
        Algorithm::SequentialBfs => "sequential_bfs",
    }
}

impl CompiledTrial {
    pub(super) fn start(settings: &Settings, setup: &Setup) -> Self {
        let machine = |algorithm: Algorithm| Machine::compiled(settings.shape(algorithm), setup.pool.clone());
        CompiledTrial {
            settings: settings.clone(),
            key: setup.key.purpose("compiled"),
            machines: COMPILED.map(machine).into(),
            state: State::default(),
        }
    }

    /// Sizes in the order in which they are tested, each with the number of graphs; small ones first.
    fn parts(&self) -> Vec<(usize, usize)> {
        let tests = &self.settings.compiled;
        let small = tests.small.len();
        let share = |i: usize| tests.graphs / small + usize::from(i < tests.graphs % small);
        let sizes = tests.sizes.iter().map(|nodes| (*nodes, tests.sized));
        tests.small.iter().enumerate().map(|(i, nodes)| (*nodes, share(i))).chain(sizes).collect()
    }

    fn look(&mut self, algorithm: usize, (nodes, count): (usize, usize), part: u64) -> Found {
        let machine = &mut self.machines[algorithm];
        let key = self.key.purpose(COMPILED[algorithm].name()).index(part);
        let graphs = Example::some(machine.shape, nodes, count, key);
        let found = scores(machine, Reference::Itself, &graphs, 1.0, false);
        Found {
            algorithm: short(COMPILED[algorithm]).into(),
            nodes,
            graphs: count,
            exact: found.iter().filter(|score| Score::is_exact(score)).count(),
            accuracy: means(&found).0,
            faithful: faithfulness(&found).map(|found| found.best),
        }
    }

    fn tell(&self, record: &mut dyn Record) {
        let (step, small) = (self.state.step, self.settings.compiled.small.len());
        for algorithm in COMPILED.map(short) {
            let own: Vec<&Found> = self.state.found.iter().filter(|found| found.algorithm == algorithm).collect();
            let exact: usize = own[..small].iter().map(|found| found.exact).sum();
            record.metric(step, &format!("exact.{algorithm}"), exact as f64);
            let faithful = own.iter().filter_map(|found| found.faithful).fold(1.0, f64::min);
            record.metric(step, &format!("faithful.{algorithm}"), faithful);
            let accuracy = own.iter().map(|found| found.accuracy).fold(1.0, f64::min);
            record.metric(step, &format!("accuracy.{algorithm}"), accuracy);
            let sizes = &own[small..];
            record.vector(step, "sizes", sizes.iter().map(|found| found.nodes as f64).collect());
            let by_size = sizes.iter().map(|found| found.accuracy).collect();
            record.vector(step, &format!("accuracy_by_size.{algorithm}"), by_size);
        }
        record.metric(step, "graphs", self.settings.compiled.graphs as f64);
    }
}

impl Trial for CompiledTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.settings.compiled_steps() }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        let parts = self.parts();
        let (algorithm, part) = (self.state.step as usize / parts.len(), self.state.step as usize % parts.len());
        let found = self.look(algorithm, parts[part], part as u64);
        self.state.found.push(found);
        self.state.step += 1;
        if self.state.step < self.settings.compiled_steps() {
            return Ok(Flow::More);
        }
        self.tell(record);
        Ok(Flow::Done)
    }

    fn panels(&mut self) -> Vec<Panel> {
        let mut all = vec![panels::exact(&self.state.found)];
        for (machine, algorithm) in self.machines.iter_mut().zip(COMPILED) {
            let key = self.key.purpose("shown");
            let example = Example::draw(machine.shape, self.settings.inside, &mut key.stream());
            all.push(panels::runs(machine, &example, &format!("runs-{}", short(algorithm).replace('_', "-"))));
        }
        all
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.settings.compiled_steps())
    }
}
