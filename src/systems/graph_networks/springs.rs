//! A running trial of masses and springs: it learns one step, and is judged by 50 of its own.

use serde::{Deserialize, Serialize};

use super::model::Network;
use super::settings::{Arm, Condition, Settings};
use super::spring_panels;
use super::trial::SLOWNESS;
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Record, Setup, Trial, TrialError};
use crate::nn::schedule::Schedule;
use crate::tasks::graphs::Graph;
use crate::tasks::graphs::springs::{Springs, Trajectory};
use crate::training::burst;
use rand::RngExt;

/// Steps of a trajectory and of a rollout.
pub(super) const HORIZON: usize = 50;

/// What was seen at one moment of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    /// Mean over the training steps since the last look; none before the first.
    pub(super) loss: Option<f64>,
    /// Error of a rollout over that of standing still, by size.
    pub(super) ratios: Vec<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    looks: Vec<Look>,
    losses: Vec<f32>,
}

/// One condition, one seed.
pub(super) struct SpringTrial {
    settings: Settings,
    condition: Condition,
    key: Key,
    schedule: Schedule,
    pub(super) network: Network,
    pool: Vec<Trajectory>,
    /// Test chains by size, each with how it really moves.
    tests: Vec<(&'static str, Vec<Vec<Springs>>)>,
    state: State,
}

/// Squared velocity errors of a rollout: mean over masses, step by step, and what standing still would have.
pub(super) struct Errors {
    pub(super) off: Vec<f64>,
    pub(super) still: Vec<f64>,
}

impl Errors {
    /// Of what was said against what is true, from the first step on. To stand still is to keep the velocities of
    /// the beginning.
    pub(super) fn new(truth: &[Springs], said: &[Springs]) -> Self {
        let mean = |a: &Springs, b: &Springs| {
            let squares = a.masses.iter().zip(&b.masses).map(|(a, b)| {
                let [x, y] = [0, 1].map(|i| a.velocity[i] - b.velocity[i]);
                x * x + y * y
            });
            squares.sum::<f64>() / a.masses.len().max(1) as f64
        };
        Errors {
            off: truth.iter().zip(said).skip(1).map(|(truth, said)| mean(truth, said)).collect(),
            still: truth.iter().skip(1).map(|truth| mean(truth, &truth_at_first(truth, &said[0]))).collect(),
        }
    }
}

/// The masses of a chain with the velocities that they began with.
fn truth_at_first(now: &Springs, first: &Springs) -> Springs {
    let mut still = now.clone();
    still.masses.iter_mut().zip(&first.masses).for_each(|(mass, first)| mass.velocity = first.velocity);
    still
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

impl SpringTrial {
    /// Starts a condition. Chains and first weights depend on the seed and not on the condition.
    pub(super) fn start(settings: &Settings, condition: Condition, setup: &Setup) -> Self {
        let (task, key) = (&settings.springs, setup.key);
        let chain = |purpose: &str, (least, most): (usize, usize), i: u64| {
            Springs::draw(&(least..=most), &mut key.purpose("springs").purpose(purpose).index(i).stream())
        };
        let tests = |(name, masses): (&'static str, usize)| {
            let all = (0..task.rollouts as u64).map(|i| chain(name, (masses, masses), i).trajectory(HORIZON));
            (name, all.collect())
        };
        let pool = (0..task.trajectories as u64).map(|i| Trajectory::new(chain("pool", task.trained, i), HORIZON));
        SpringTrial {
            condition,
            key,
            schedule: Schedule::Cosine { peak: task.learning_rate, floor: 0.0, steps: task.steps },
            network: Network::new(settings, condition, key.purpose("springs"), setup.pool.clone()),
            pool: pool.collect(),
            tests: task.tested().into_iter().map(tests).collect(),
            settings: settings.clone(),
            state: State::default(),
        }
    }

    /// What the condition lets the model see of a graph.
    fn seen(&self, mut graph: Graph) -> Graph {
        if self.condition == Condition::Springs(Arm::NoEdgeInputs) {
            graph.edge_inputs.fill(0.0);
        }
        graph
    }

    /// Rolls chains out from their first states: velocities are what the model says, fed with its own.
    fn roll(&mut self, chains: Vec<Springs>) -> Vec<Vec<Springs>> {
        let mut all: Vec<Vec<Springs>> = chains.into_iter().map(|chain| vec![chain]).collect();
        for _ in 0..HORIZON {
            let graphs: Vec<Graph> =
                all.iter().filter_map(|states| states.last()).map(|now| self.seen(now.graph())).collect();
            for (states, said) in all.iter_mut().zip(self.network.numbers(&graphs)) {
                let mut next = states[states.len() - 1].clone();
                let velocities: Vec<[f64; 2]> = said.chunks(2).map(|v| [f64::from(v[0]), f64::from(v[1])]).collect();
                next.advance(&velocities);
                states.push(next);
            }
        }
        all
    }

    /// One test chain of a size: how it moves, and how the model says that it does.
    pub(super) fn shown(&mut self, size: usize) -> (Vec<Springs>, Vec<Springs>) {
        let truth = self.tests[size].1[0].clone();
        let said = self.roll(vec![truth[0].clone()]).remove(0);
        (truth, said)
    }

    fn look(&mut self, record: &mut dyn Record) {
        let (step, last) = (self.state.step, self.state.step == self.settings.springs.steps);
        let mut look = Look { step, loss: None, ratios: Vec::new() };
        for size in 0..self.tests.len() {
            let (name, all) = &self.tests[size];
            let (name, seen) = (*name, if last { all.len() } else { all.len() / 4 });
            let truth: Vec<Vec<Springs>> = all[..seen].to_vec();
            let said = self.roll(truth.iter().map(|states| states[0].clone()).collect());
            let errors: Vec<Errors> = truth.iter().zip(&said).map(|(truth, said)| Errors::new(truth, said)).collect();
            let of = |part: fn(&Errors) -> &Vec<f64>| errors.iter().map(|e| sum(part(e))).collect::<Vec<f64>>();
            let (off, still) = (of(|e| &e.off), of(|e| &e.still));
            look.ratios.push(sum(&off) / sum(&still));
            record.metric(step, &format!("ratio.{name}"), sum(&off) / sum(&still));
            if last {
                let mean = |part: fn(&Errors) -> &Vec<f64>, at: usize| {
                    errors.iter().map(|e| part(e)[at]).sum::<f64>() / errors.len() as f64
                };
                let course = |part: fn(&Errors) -> &Vec<f64>| (0..HORIZON).map(|at| mean(part, at)).collect();
                record.vector(step, &format!("course.{name}"), course(|e| &e.off));
                record.vector(step, &format!("still_course.{name}"), course(|e| &e.still));
                record.vector(step, &format!("off.{name}"), off);
                record.vector(step, &format!("still.{name}"), still);
            }
        }
        if !self.state.losses.is_empty() {
            let total: f64 = self.state.losses.iter().map(|loss| f64::from(*loss)).sum();
            look.loss = Some(total / self.state.losses.len() as f64);
            record.metric(step, "loss", total / self.state.losses.len() as f64);
            self.state.losses.clear();
        }
        if last {
            record.note(step, Level::Info, format!("{} parameters", self.network.learner.parameters()));
        }
        self.state.looks.push(look);
    }

    /// The states of a training step, from random times of random trajectories.
    fn batch(&self) -> (Vec<Graph>, u64) {
        let key = self.key.purpose("spring batch").index(self.state.step);
        let mut stream = key.stream();
        let mut one = || {
            let trajectory = &self.pool[stream.random_range(0..self.pool.len())];
            self.seen(trajectory.graph(stream.random_range(0..trajectory.steps())))
        };
        ((0..self.settings.springs.batch).map(|_| one()).collect(), key.number())
    }
}

impl Trial for SpringTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.settings.springs.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        let (steps, every) = (self.settings.springs.steps, self.settings.springs.every);
        for _ in 0..burst(SLOWNESS * self.settings.step_flop(self.condition)) {
            let (graphs, number) = self.batch();
            let rate = self.schedule.at(self.state.step);
            let trained = self.network.train(&graphs, self.state.step, rate);
            self.state.losses.push(trained.map_err(|error| error.of_batch(number))?.loss);
            self.state.step += 1;
            if self.state.step.is_multiple_of(every) || self.state.step == steps {
                self.look(record);
                break;
            }
        }
        Ok(if self.state.step >= steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let (truth, said) = self.shown(1);
        spring_panels::panels(&self.state.looks, &self.settings.springs, &truth, &said)
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.settings.springs.steps)?;
        self.network.learner.keep(archive)
    }
}
