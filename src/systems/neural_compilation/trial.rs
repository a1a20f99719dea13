//! A running trial: a network is trained on the traces of one algorithm and held against the compiled one.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::machine::{Example, Machine};
use super::panels;
use super::reader;
use super::score::{Reference, Score, faithfulness, means, scores};
use super::settings::{Arm, COMPILED, Settings};
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::subject::Subject;
use crate::tasks::algorithms::Algorithm;
use crate::training::burst;

/// Small products run at a part of the speed for which `burst` counts.
const SLOWNESS: f64 = 8.0;

/// What was seen at one moment of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    pub(super) accuracy: f64,
    pub(super) trace: f64,
    /// F of the best head; none where nothing is compiled.
    pub(super) faithful: Option<f64>,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: u64,
    pub(super) looks: Vec<Look>,
    /// Losses since the last look.
    losses: Vec<f32>,
}

/// One algorithm, one arm, one seed.
pub(super) struct TrainedTrial {
    pub(super) settings: Settings,
    pub(super) algorithm: Algorithm,
    pub(super) arm: Arm,
    steps: u64,
    key: Key,
    pub(super) machine: Machine,
    /// None for what is not compiled.
    pub(super) compiled: Option<Machine>,
    /// Test graphs of the sizes that are judged.
    pub(super) tests: [Vec<Example>; 2],
    state: State,
}

/// Names of the judged sizes, as metrics have them.
pub(super) const JUDGED: [&str; 2] = ["inside", "beyond"];

/// Graphs of one size, addressed by what they are for.
fn draw(machine: &Machine, nodes: usize, count: usize, key: Key) -> Vec<Example> {
    Example::some(machine.shape, nodes, count, key.index(nodes as u64))
}

/// A network at its beginning.
fn begin(settings: &Settings, algorithm: Algorithm, arm: Arm, setup: &Setup) -> Machine {
    let shape = settings.shape(algorithm);
    let Some(fine) = settings.fine_tuned.filter(|_| arm == Arm::FineTuned) else {
        return Machine::fresh(shape, setup.key, setup.pool.clone());
    };
    let mut machine = Machine::compiled(shape, setup.pool.clone());
    let mut stream = setup.key.purpose("noise").stream();
    let noisy = machine.learner.weight_values().into_iter().map(|weight| {
        let noise = |x: f32| -> f32 {
            let normal: f32 = StandardNormal.sample(&mut stream);
            x + fine.noise * normal
        };
        weight.into_iter().map(noise).collect()
    });
    let noisy: Vec<Vec<f32>> = noisy.collect();
    machine.learner.set_weight_values(&noisy);
    machine
}

impl TrainedTrial {
    /// Starts a condition. Test graphs and first weights depend on the seed, test graphs on the algorithm too.
    pub(super) fn start(settings: &Settings, algorithm: Algorithm, arm: Arm, setup: &Setup) -> Self {
        let machine = begin(settings, algorithm, arm, setup);
        let compiled = COMPILED.contains(&algorithm);
        let key = setup.key.purpose("tests").purpose(algorithm.name());
        let tests = [settings.inside, settings.beyond].map(|nodes| draw(&machine, nodes, settings.tests, key));
        TrainedTrial {
            compiled: compiled.then(|| Machine::compiled(settings.shape(algorithm), setup.pool.clone())),
            steps: settings.training(algorithm, arm).steps,
            settings: settings.clone(),
            algorithm,
            arm,
            key: setup.key,
            machine,
            tests,
            state: State::default(),
        }
    }

    /// One over the sharpness of attention now.
    pub(super) fn temperature(&self) -> f32 {
        self.settings.temperature(self.arm, self.state.step, self.steps)
    }

    /// Scores on the test graphs of a judged size, tested as the settings say or with attention forced.
    fn scored(&mut self, judged: usize, forced: bool) -> Vec<Score> {
        let temperature = self.temperature();
        let reference = self.compiled.as_mut().map_or(Reference::Nothing, Reference::Compiled);
        scores(&mut self.machine, reference, &self.tests[judged], temperature, forced)
    }

    fn is_forced(&self) -> bool {
        self.settings.is_forced(self.algorithm)
    }

    fn look(&mut self, record: &mut dyn Record) {
        let step = self.state.step;
        let found = self.scored(0, self.is_forced());
        let (accuracy, trace) = means(&found);
        let faithful = faithfulness(&found).map(|found| found.best);
        tell(0, step, &found, record);
        if !self.state.losses.is_empty() {
            let sum: f64 = self.state.losses.iter().map(|loss| f64::from(*loss)).sum();
            record.metric(step, "loss", sum / self.state.losses.len() as f64);
            self.state.losses.clear();
        }
        self.state.looks.push(Look { step, accuracy, trace, faithful });
        if step == self.steps {
            self.tell_the_end(&found, record);
        }
    }

    fn tell_the_end(&mut self, inside: &[Score], record: &mut dyn Record) {
        let step = self.state.step;
        let beyond = self.scored(1, self.is_forced());
        tell(1, step, &beyond, record);
        for (judged, found) in [inside, &beyond].into_iter().enumerate() {
            let each = found.iter().map(Score::accuracy).collect();
            record.vector(step, &format!("each.{}", JUDGED[judged]), each);
            if let Some(found) = faithfulness(found) {
                record.vector(step, &format!("faithful_each.{}", JUDGED[judged]), found.each);
            }
            self.tell_guesses(judged, record);
        }
        if self.compiled.is_some() && self.algorithm != Algorithm::Dfs && !self.is_forced() {
            let found = self.scored(0, true);
            record.metric(step, "forced_accuracy.inside", means(&found).0);
            let faithful = faithfulness(&found).map_or(0.0, |found| found.best);
            record.metric(step, "forced_faithful.inside", faithful);
        }
        self.tell_sizes(record);
        record.note(step, Level::Info, format!("{} parameters", self.machine.learner.parameters()));
    }

    /// What guesses would reach on the same graphs.
    fn tell_guesses(&self, judged: usize, record: &mut dyn Record) {
        let share = |guess: &dyn Fn(&Example) -> Vec<usize>| {
            let of = |example: &Example| {
                let guess = guess(example);
                guess.iter().zip(example.trace.pointers()).filter(|(a, b)| a == b).count() as f64 / guess.len() as f64
            };
            self.tests[judged].iter().map(of).sum::<f64>() / self.tests[judged].len() as f64
        };
        let own = share(&|example| (0..example.sample.nodes).collect());
        let lowest = share(&|example| example.sample.lowest_neighbours());
        record.metric(self.state.step, &format!("guess_itself.{}", JUDGED[judged]), own);
        record.metric(self.state.step, &format!("guess_lowest.{}", JUDGED[judged]), lowest);
    }

    fn tell_sizes(&mut self, record: &mut dyn Record) {
        let (step, temperature, forced) = (self.state.step, self.temperature(), self.is_forced());
        let key = self.key.purpose("sizes").purpose(self.algorithm.name());
        let of = |nodes: &usize| {
            let graphs = draw(&self.machine, *nodes, self.settings.sized, key);
            let compiled = self.compiled.as_mut().filter(|_| forced);
            let reference = compiled.map_or(Reference::Nothing, Reference::Compiled);
            means(&scores(&mut self.machine, reference, &graphs, temperature, forced)).0
        };
        let found: Vec<f64> = self.settings.sizes.iter().map(of).collect();
        record.vector(step, "sizes", self.settings.sizes.iter().map(|nodes| *nodes as f64).collect());
        record.vector(step, "accuracy_by_size", found);
    }

    fn train(&mut self) -> Result<(), TrialError> {
        let step = self.state.step;
        let key = self.key.purpose("batch").purpose(self.algorithm.name()).index(step);
        let mut stream = key.stream();
        let nodes = self.settings.trained[stream.random_range(0..self.settings.trained.len())];
        let graphs = Example::some(self.machine.shape, nodes, self.settings.batch, key);
        let (temperature, rate) = (self.temperature(), self.settings.training(self.algorithm, self.arm).learning_rate);
        let forcing = (self.settings.forcing, &mut stream);
        let trained = self.machine.train(&graphs, forcing, temperature, (step, rate));
        self.state.losses.push(trained.map_err(|error| error.of_batch(key.number()))?.loss);
        self.state.step += 1;
        Ok(())
    }
}

/// Records what was found on graphs of a judged size.
fn tell(judged: usize, step: u64, found: &[Score], record: &mut dyn Record) {
    let name = |metric: &str| format!("{metric}.{}", JUDGED[judged]);
    let (accuracy, trace) = means(found);
    record.metric(step, &name("accuracy"), accuracy);
    record.metric(step, &name("trace"), trace);
    if let Some(found) = faithfulness(found) {
        record.metric(step, &name("faithful"), found.best);
        record.metric(step, &name("uniform"), found.uniform);
        if let Some(chosen) = found.chosen {
            record.metric(step, &name("faithful_chosen"), chosen);
        }
    }
}

impl Trial for TrainedTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        for _ in 0..burst(SLOWNESS * self.settings.step_flop(self.algorithm)) {
            self.train()?;
            if self.state.step.is_multiple_of(self.settings.every) || self.state.step == self.steps {
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
        let rate = self.settings.training(self.algorithm, self.arm).learning_rate;
        let trained = self.machine.learner.trained_for(self.state.step, self.settings.batch, rate);
        let subject = reader::subject(&self.machine, self.settings.inside, self.temperature(), self.key)?;
        // What began at compiled weights did not begin as the learner's own fresh ones.
        let initial = subject.initial.clone().filter(|_| self.arm != Arm::FineTuned);
        Ok(card::read(&Subject { training: trained, initial, ..subject }, names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.steps)?;
        self.machine.learner.keep(archive)
    }
}
