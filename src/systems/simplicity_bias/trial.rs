//! A running trial: train with looks in between, then examine what the networks rely on.

use serde::{Deserialize, Serialize};

use super::data::{Data, DataSet};
use super::judge::GATE;
use super::networks::{Networks, loss};
use super::panels;
use super::settings::{Condition, Settings};
use super::subject;
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::reliance::{Measure, Scores, permutation, randomised, scores};
use crate::tasks::supply::Epochs;
use crate::training::burst;

/// Parts of the examination beside one a block: training points, AUC, accuracy, hand-made classifiers.
pub(super) const FIXED_PARTS: usize = 4;

/// What was seen at one moment of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    pub(super) train_accuracy: f64,
    pub(super) test_accuracy: f64,
    /// With S randomised; none if it cannot be told.
    pub(super) simple: Option<f64>,
    /// With everything but S randomised.
    pub(super) rest: Option<f64>,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    /// Steps at most, as things stand.
    limit: u64,
    /// No more training.
    trained: bool,
    /// Parts of the examination done.
    examined: usize,
    looks: Vec<Look>,
    /// What AUC loses by randomising each block, as far as examined.
    drops: Vec<f64>,
    /// Accuracy with each block randomised.
    accuracies: Vec<f64>,
}

/// One condition, one seed.
pub(super) struct SimplicityTrial {
    pub(super) settings: Settings,
    pub(super) condition: Condition,
    pub(super) key: Key,
    pub(super) data: Data,
    pub(super) networks: Networks,
    epochs: Epochs,
    batch: (Vec<f32>, Vec<f32>),
    at: State,
    /// Drops on a few points, for the live panel: not saved.
    live: Option<(u64, Vec<f64>)>,
}

impl SimplicityTrial {
    /// Starts a condition. Data and first weights depend on the seed and the shapes, not on the condition.
    pub(super) fn start(settings: &Settings, condition: Condition, setup: &Setup) -> Self {
        let key = setup.key;
        let settings = settings.sized(&condition);
        let data = Data::new(&settings, &condition, key.purpose("data"));
        let networks = Networks::new(&condition, &data, settings.batch, key, &setup.pool);
        let at = State {
            step: 0,
            limit: condition.steps,
            trained: false,
            examined: 0,
            looks: Vec::new(),
            drops: Vec::new(),
            accuracies: Vec::new(),
        };
        SimplicityTrial {
            epochs: Epochs::new(settings.train, settings.batch, key.purpose("order")),
            batch: (vec![0.0; settings.batch * data.width], vec![0.0; settings.batch]),
            settings,
            condition,
            key,
            data,
            networks,
            at,
            live: None,
        }
    }

    /// Fills the batch of a step.
    fn fill(&mut self) {
        let width = self.data.width;
        let (x, y) = (self.batch.0.chunks_mut(width), &mut self.batch.1);
        for ((row, x), y) in self.epochs.batch(self.at.step).iter().zip(x).zip(y) {
            let row = *row as usize;
            x.copy_from_slice(&self.data.inputs[row * width..][..width]);
            *y = self.data.train.y[row];
        }
    }

    /// Training steps up to the next look, or as many as a call of `step` has time for.
    fn train(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        for _ in 0..burst(self.condition.step_flop(self.settings.batch)) {
            self.fill();
            let trained = self.networks.train(&self.batch.0, &self.batch.1, self.at.step, self.condition.learning_rate);
            let batch_loss = trained.map_err(|error| error.of_batch(self.key.purpose("order").number()))?;
            self.at.step += 1;
            if self.at.step.is_multiple_of(self.condition.every) || self.at.step == self.at.limit {
                record.metric(self.at.step, "batch_loss", batch_loss);
                self.look(record);
                break;
            }
        }
        Ok(())
    }

    /// Looks at a part of the points, and decides whether training goes on.
    fn look(&mut self, record: &mut dyn Record) {
        let (probe, width, step) = (self.settings.evaluation.probe, self.data.width, self.at.step);
        let train = self.networks.score(&self.data.train.x[..probe * width]);
        let labels = &self.data.train.y[..probe];
        let positive: Vec<bool> = labels.iter().map(|y| *y > 0.5).collect();
        let train_loss = loss(&train, labels);
        let train_accuracy = Measure::Accuracy.of(&train, &positive).unwrap_or(0.0);
        let (found, positive) = self.three(probe);
        let auc = |scores: &[f32]| Measure::Auc.of(scores, &positive);
        let test_accuracy = Measure::Accuracy.of(&found.standard, &positive).unwrap_or(0.0);
        let look =
            Look { step, train_accuracy, test_accuracy, simple: auc(&found.block), rest: auc(&found.complement) };
        let metrics = [
            ("train_loss", Some(train_loss)),
            ("train_accuracy", Some(train_accuracy)),
            ("test_accuracy", Some(test_accuracy)),
            ("auc_standard", auc(&found.standard)),
            ("auc_simple_randomised", look.simple),
            ("auc_rest_randomised", look.rest),
        ];
        for (name, value) in metrics {
            value.into_iter().for_each(|value| record.metric(step, name, value));
        }
        self.at.looks.push(look);
        if step > 0 {
            self.decide(train_loss, train_accuracy, record);
        }
    }

    fn decide(&mut self, train_loss: f64, train_accuracy: f64, record: &mut dyn Record) {
        let State { step, limit, .. } = self.at;
        if train_loss <= self.condition.stop_loss {
            self.at.trained = true;
            record.note(step, Level::Info, format!("training loss {train_loss:.4}: training ends at step {step}"));
        } else if step >= limit && train_accuracy < GATE && limit < self.condition.extended {
            self.at.limit = self.condition.extended;
            let told = format!(
                "training accuracy {train_accuracy:.3} is below {GATE} after {step} steps: it goes on to at most {}",
                self.condition.extended
            );
            record.note(step, Level::Warning, told);
        } else if step >= limit {
            self.at.trained = true;
        }
    }

    /// Scores of the first `count` test points: as they are, S randomised, all else randomised.
    fn three(&mut self, count: usize) -> (Scores, Vec<bool>) {
        let key = self.key.purpose("randomised");
        let Data { width, .. } = self.data;
        let (rows, positive) = self.data.first(count);
        let networks = &mut self.networks;
        (scores(rows, width, self.data.simplest(), key, |rows| networks.score(rows)), positive.to_vec())
    }

    /// One part of the examination at the end.
    fn examine(&mut self, record: &mut dyn Record) {
        match self.at.examined {
            0 => self.examine_training(record),
            1 => self.examine_scores(Measure::Auc, "auc", record),
            2 => self.examine_scores(Measure::Accuracy, "accuracy", record),
            3 => self.examine_oracles(record),
            part => self.examine_block(part - FIXED_PARTS, record),
        }
        self.at.examined += 1;
    }

    fn examine_training(&mut self, record: &mut dyn Record) {
        let scores = self.networks.score(&self.data.train.x);
        let accuracy = Measure::Accuracy.of(&scores, &self.data.train.positive());
        accuracy.into_iter().for_each(|accuracy| record.metric(self.at.step, "train_accuracy", accuracy));
        record.metric(self.at.step, "train_loss", loss(&scores, &self.data.train.y));
        record.metric(self.at.step, "steps", self.at.step as f64);
    }

    /// The measure of all test points, and its resamples for the judge's interval.
    fn examine_scores(&mut self, measure: Measure, name: &str, record: &mut dyn Record) {
        let (found, positive) = self.three(self.settings.test);
        let parts = [
            ("standard", &found.standard),
            ("simple_randomised", &found.block),
            ("rest_randomised", &found.complement),
        ];
        for (part, scores) in parts {
            let mut stream = self.key.purpose("resamples").purpose(name).purpose(part).stream();
            let drawn = measure.resampled(scores, &positive, self.settings.evaluation.resamples, &mut stream);
            if let Some((value, drawn)) = measure.of(scores, &positive).zip(drawn) {
                record.metric(self.at.step, &format!("{name}_{part}"), value);
                record.vector(self.at.step, &format!("{name}_{part}.resampled"), drawn);
            }
        }
    }

    /// Control (c): what the metric says of two classifiers made by hand.
    fn examine_oracles(&mut self, record: &mut dyn Record) {
        if self.condition.data != DataSet::Lms5 {
            return;
        }
        for (name, simple) in [("simple_only", true), ("rest_only", false)] {
            let data = &self.data;
            let key = self.key.purpose("oracle");
            let found = scores(&data.test.x, data.width, data.simplest(), key, |rows| data.oracle(rows, simple));
            let parts = [
                ("standard", &found.standard),
                ("simple_randomised", &found.block),
                ("rest_randomised", &found.complement),
            ];
            for (part, scores) in parts {
                let auc = Measure::Auc.of(scores, &data.positive);
                auc.into_iter().for_each(|auc| record.metric(self.at.step, &format!("oracle.{name}.auc_{part}"), auc));
            }
        }
    }

    /// What is lost by randomising one block alone.
    fn examine_block(&mut self, i: usize, record: &mut dyn Record) {
        let (rows, positive) = self.data.first(self.settings.evaluation.coordinates);
        let order = permutation(positive.len(), self.key.purpose("block").index(i as u64));
        let mixed = randomised(rows, self.data.width, &self.data.blocks[i].columns, &order);
        let (scores, standard) = (self.networks.score(&mixed), self.networks.score(rows));
        let [with, without] = [&scores, &standard].map(|s| Measure::Auc.of(s, positive).unwrap_or(0.5));
        self.at.drops.push(without - with);
        self.at.accuracies.push(Measure::Accuracy.of(&scores, positive).unwrap_or(0.5));
        if i + 1 == self.data.blocks.len() {
            let step = self.at.step;
            let most = (0..=i).fold(0, |most, j| if self.at.drops[j] > self.at.drops[most] { j } else { most });
            record.vector(step, "block_auc_drop", self.at.drops.clone());
            record.vector(step, "block_accuracy", self.at.accuracies.clone());
            record.metric(step, "most_relied_on", most as f64);
            let told = format!("most is lost when {} is randomised", self.data.blocks[most].name);
            record.note(step, Level::Info, told);
        }
    }

    /// What each block is worth on a few test points, for the live panel.
    fn live_drops(&mut self) -> Vec<f64> {
        if self.at.drops.len() == self.data.blocks.len() {
            return self.at.drops.clone();
        }
        if let Some((step, drops)) = &self.live
            && *step == self.at.step
        {
            return drops.clone();
        }
        let (rows, positive) = self.data.first(self.settings.test.min(500));
        let blocks: Vec<Vec<usize>> = self.data.blocks.iter().map(|block| block.columns.clone()).collect();
        let (networks, how) = (&mut self.networks, (Measure::Auc, self.key.purpose("live")));
        let score = |rows: &[f32]| networks.score(rows);
        let found = crate::instruments::reliance::drops(rows, self.data.width, &blocks, positive, how, score);
        let drops = found.unwrap_or_default();
        self.live = Some((self.at.step, drops.clone()));
        drops
    }
}

impl Trial for SimplicityTrial {
    fn progress(&self) -> Progress {
        let training = if self.at.trained { self.at.step } else { self.at.limit };
        let parts = self.condition.parts() as u64;
        Progress { step: self.at.step + self.at.examined as u64, steps: training + parts }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.at.step == 0 && self.at.looks.is_empty() {
            self.look(record);
        }
        if self.at.trained {
            self.examine(record);
        } else {
            self.train(record)?;
        }
        Ok(if self.at.examined >= self.condition.parts() { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let names: Vec<String> = self.data.blocks.iter().map(|block| block.name.clone()).collect();
        let drops = self.live_drops();
        let mut shown = vec![panels::reliance(&self.condition.name, &names, &drops)];
        let (found, positive) = self.three(self.settings.test.min(2000));
        shown.push(panels::histograms(&found, &positive));
        let networks = &mut self.networks;
        match self.condition.data {
            DataSet::Dominoes => shown.push(panels::dominoes(&self.data)),
            _ => shown.push(panels::plane(&self.data, |rows| networks.score(rows))),
        }
        shown.push(panels::timeline(&self.at.looks));
        shown
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&subject::subject(self, self.at.step)?, names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        let within = self.at.step <= self.condition.extended && self.at.examined <= self.condition.parts();
        archive.reachable(within && self.at.drops.len() <= self.data.blocks.len())?;
        self.networks.keep(archive)
    }
}
