//! A running trial: training on all pairs at once, with looks at accuracies and pathways in between.

use serde::{Deserialize, Serialize};

use super::model::Trained;
use super::panels;
use super::settings::{Condition, Settings};
use super::times;
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::pathways::{LayerChoice, Pathways, consistency};
use crate::instruments::subject::{Examples, Objective, Subject};
use crate::tasks::modular::{ModularSums, Pair};
use crate::training::burst;

/// What was seen at one moment of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    pub(super) train_loss: f64,
    pub(super) train_accuracy: f64,
    pub(super) test_accuracy: f64,
    pub(super) distance: Option<f64>,
    pub(super) load_alone: f64,
    pub(super) load_entropy: Option<f64>,
    pub(super) same_answer: Option<f64>,
    pub(super) same_difference: Option<f64>,
    pub(super) consistency: Option<f64>,
}

impl Look {
    /// By the names of its metrics; what is not defined is left out.
    fn metrics(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let all = [
            ("train_loss", Some(self.train_loss)),
            ("train_accuracy", Some(self.train_accuracy)),
            ("test_accuracy", Some(self.test_accuracy)),
            ("distance", self.distance),
            ("load_alone", Some(self.load_alone)),
            ("load_entropy", self.load_entropy),
            ("same_answer", self.same_answer),
            ("same_difference", self.same_difference),
            ("consistency", self.consistency),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: u64,
    pub(super) looks: Vec<Look>,
    /// For every pair the step since which it holds: below the loss of what is memorised (training pairs), answered
    /// rightly (the others).
    pub(super) since: Vec<Option<u64>>,
}

/// What the mixture does with all pairs at one moment.
pub(super) struct Seen {
    /// Cross-entropy of every pair, in nats.
    pub(super) losses: Vec<f64>,
    /// Whether every pair is answered rightly.
    right: Vec<bool>,
    /// Pathways of the training pairs.
    pub(super) pathways: Pathways,
    /// What the routers gave the experts on them, `[samples, layers, chosen]`.
    pub(super) weights: Vec<f64>,
    consistency: Option<f64>,
}

/// The probability of every choice, `[samples, layers, chosen]`.
fn weights(layers: &[LayerChoice<'_>], samples: usize, experts: usize, chosen: usize) -> Vec<f64> {
    let of = |sample: usize| {
        layers.iter().flat_map(move |layer| {
            let row = &layer.probabilities[sample * experts..][..experts];
            layer.chosen[sample * chosen..][..chosen].iter().map(|expert| f64::from(row[*expert as usize]))
        })
    };
    (0..samples).flat_map(of).collect()
}

/// One condition, one seed.
pub(super) struct PathwayTrial {
    pub(super) settings: Settings,
    key: Key,
    pub(super) sums: ModularSums,
    trained: Trained,
    state: State,
}

/// The counts of the numbers of pairs, `[pairs, p]`.
fn counts(pairs: &[Pair], modulus: usize) -> Vec<f32> {
    let mut rows = vec![0.0; pairs.len() * modulus];
    for (row, pair) in rows.chunks_mut(modulus).zip(pairs) {
        row[pair.a] += 1.0;
        row[pair.b] += 1.0;
    }
    rows
}

fn answers(pairs: &[Pair]) -> Vec<f32> {
    pairs.iter().map(|pair| pair.answer as f32).collect()
}

impl PathwayTrial {
    /// Starts a condition. Pairs and first weights depend on the seed and not on the condition.
    pub(super) fn start(settings: &Settings, condition: Condition, setup: &Setup) -> Self {
        let key = setup.key;
        let sums = ModularSums::new(settings.modulus, settings.train_share, key);
        let sums = if condition == Condition::ShuffledLabels { sums.shuffled(key) } else { sums };
        let mut trained = Trained::new(settings, condition, key.purpose("network"), setup.pool.clone());
        let (train, store) = (&sums.pairs[..sums.train], &mut trained.learner.store);
        trained.training.set(store, 0, &counts(train, settings.modulus));
        trained.training.set(store, 1, &answers(train));
        trained.looking.set(store, 0, &counts(&sums.pairs, settings.modulus));
        trained.looking.set(store, 1, &answers(&sums.pairs));
        let state = State { since: vec![None; sums.pairs.len()], ..State::default() };
        PathwayTrial { settings: settings.clone(), key, sums, trained, state }
    }

    /// What the mixture does with all pairs now.
    fn see(&mut self) -> Seen {
        let train = self.sums.train;
        let Trained { learner, looking, .. } = &mut self.trained;
        looking.run(&mut learner.store);
        let [losses, guesses] = [0, 1].map(|i| looking.output(&learner.store, i));
        let layers: Vec<[Vec<f32>; 3]> = (0..self.settings.network.layers)
            .map(|l| [2, 3, 4].map(|i| looking.output(&learner.store, 3 * l + i)))
            .collect();
        // Only what training samples do is told: all pairs went in, those for training first.
        let (experts, chosen) = (self.settings.network.experts, self.settings.network.chosen);
        let choices: Vec<LayerChoice<'_>> = layers
            .iter()
            .map(|[probabilities, all, router]| LayerChoice {
                probabilities: &probabilities[..train * experts],
                chosen: &all[..train * chosen],
                router,
            })
            .collect();
        Seen {
            losses: losses.into_iter().map(f64::from).collect(),
            right: guesses.iter().zip(&self.sums.pairs).map(|(guess, pair)| *guess as usize == pair.answer).collect(),
            weights: weights(&choices, train, experts, chosen),
            pathways: Pathways::new(&choices, train),
            consistency: consistency(&choices, train, self.settings.network.width),
        }
    }

    /// Groups of the training pairs by what is asked, and by what is not.
    pub(super) fn groups(&self) -> [Vec<usize>; 2] {
        let (train, modulus) = (&self.sums.pairs[..self.sums.train], self.settings.modulus);
        [train.iter().map(|pair| pair.answer).collect(), train.iter().map(|pair| pair.difference(modulus)).collect()]
    }

    fn look(&mut self, record: &mut dyn Record) {
        let seen = self.see();
        let (step, train) = (self.state.step, self.sums.train);
        let holds = |i: usize| if i < train { seen.losses[i] < times::MEMORISED } else { seen.right[i] };
        times::follow(&mut self.state.since, step, holds);
        let share = |right: &[bool]| right.iter().filter(|right| **right).count() as f64 / right.len() as f64;
        let distance = seen.pathways.distance();
        let over_all = |within: Option<f64>| Some(within? / distance.filter(|all| *all > 0.0)?);
        let [answer, difference] = self.groups().map(|groups| over_all(seen.pathways.within(&groups)));
        let experts = self.settings.network.experts;
        let look = Look {
            step,
            train_loss: seen.losses[..train].iter().sum::<f64>() / train as f64,
            train_accuracy: share(&seen.right[..train]),
            test_accuracy: share(&seen.right[train..]),
            distance,
            load_alone: seen.pathways.load_alone(experts),
            load_entropy: seen.pathways.load_entropy(experts),
            same_answer: answer,
            same_difference: difference,
            consistency: seen.consistency,
        };
        look.metrics().for_each(|(name, value)| record.metric(step, name, value));
        let whole = |accuracy: fn(&Look) -> f64, least: f64| {
            accuracy(&look) >= least && self.state.looks.iter().all(|before| accuracy(before) < least)
        };
        if whole(|look| look.train_accuracy, 0.99) {
            record.note(step, Level::Info, format!("memorised: {:.3} of the training pairs", look.train_accuracy));
        }
        if whole(|look| look.test_accuracy, 0.5) {
            record.note(step, Level::Info, format!("generalises: {:.3} of the held-out pairs", look.test_accuracy));
        }
        self.state.looks.push(look);
        if step == self.settings.steps {
            self.tell_groups(record);
        }
    }

    /// The group clock: medians over the pairs of an answer of when they were memorised, and when generalised; NaN
    /// where half of them never were.
    pub(super) fn clock(&self, training: bool) -> Vec<f64> {
        let train = self.sums.train;
        let of = |answer: usize| {
            let pairs = self.sums.pairs.iter().zip(&self.state.since).enumerate();
            let mine = pairs.filter(|(i, (pair, _))| (*i < train) == training && pair.answer == answer);
            times::half_by(mine.map(|(_, (_, since))| *since))
        };
        (0..self.settings.modulus).map(of).collect()
    }

    fn tell_groups(&self, record: &mut dyn Record) {
        for (name, training) in [("memorised_by_answer", true), ("generalised_by_answer", false)] {
            record.vector(self.state.step, name, self.clock(training).into_iter().map(times::recorded).collect());
        }
    }

    fn subject(&self) -> Subject {
        let modulus = self.settings.modulus;
        let examples = |pairs: &[Pair]| Examples::new(pairs.len(), counts(pairs, modulus), answers(pairs));
        let (train, test) = self.sums.pairs.split_at(self.sums.train);
        let learner = &self.trained.learner;
        let seen = [examples(train), examples(test)];
        let subject = learner.subject(learner.model.clone(), Objective::CrossEntropy, seen, self.key);
        Subject {
            training: learner.trained_for(self.state.step, train.len(), self.settings.learning_rate),
            chance: Some(1.0 / modulus as f64),
            ..subject
        }
    }
}

impl Trial for PathwayTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.settings.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        let Settings { steps, every, learning_rate, .. } = self.settings;
        for _ in 0..burst(self.settings.step_flop()) {
            let Trained { learner, training, .. } = &mut self.trained;
            learner.train(training, self.state.step, learning_rate)?;
            self.state.step += 1;
            if self.state.step.is_multiple_of(every) || self.state.step == steps {
                self.look(record);
                break;
            }
        }
        Ok(if self.state.step >= steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let seen = self.see();
        panels::panels(self, &self.state, &seen)
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject(), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        let fits = self.state.step <= self.settings.steps && self.state.since.len() == self.sums.pairs.len();
        archive.reachable(fits)?;
        self.trained.learner.keep(archive)
    }
}
