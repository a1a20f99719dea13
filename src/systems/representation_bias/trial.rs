//! A running trial: train with looks in between, then examine the layers.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::data::{Data, Kind};
use super::judge::gate;
use super::networks::Learning;
use super::panels;
use super::settings::{Condition, Settings};
use super::subject;
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::representation::{
    Components, Explained, Flips, Observed, Readout, class_direction, distances, explained, flips,
};
use crate::instruments::statistics::mean;
use crate::training::burst;

/// Parts of the examination beside one a layer: shares, components, other ways of reading, distances.
pub(super) const FIXED_PARTS: usize = 4;
/// Accuracy from which a feature counts as mastered.
const MASTERED: f64 = 0.99;
/// Principal components whose scores are asked for the features, and those recorded one by one.
const TOP: usize = 2;
pub(super) const LISTED: usize = 8;
/// Inputs, penalty and Newton steps of the linear classifier on the layer.
const READOUT: (usize, f64, usize) = (1024, 1e-3, 8);
/// The names of the two features in metrics.
const NAMES: [&str; 2] = ["first", "second"];

/// What was seen at one moment of training, of the first and the second feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    pub(super) accuracy: [f64; 2],
    /// What each explains of the representation, in units of activation squared.
    pub(super) explained: [f64; 2],
    pub(super) variance: f64,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: u64,
    /// Steps at most, as things stand.
    limit: u64,
    trained: bool,
    /// Parts of the examination done.
    examined: usize,
    looks: Vec<Look>,
    /// R2 of every probe, for each layer that was examined, the input first.
    layers: Vec<Vec<f64>>,
}

/// One condition, one seed.
pub(super) struct RepresentationTrial {
    pub(super) settings: Settings,
    pub(super) condition: Condition,
    pub(super) key: Key,
    pub(super) data: Data,
    pub(super) learning: Learning,
    pub(super) at: State,
    batch: [Vec<f32>; 3],
}

/// Moving the representation against a feature.
pub(super) struct Turned {
    pub(super) flips: Flips,
    /// Length of the direction.
    pub(super) length: f64,
}

impl RepresentationTrial {
    /// Starts a condition. Pools, batches and first weights depend on the seed and the shapes, not on the condition.
    pub(super) fn start(settings: &Settings, condition: Condition, setup: &Setup) -> Self {
        let key = setup.key;
        let data = Data::new(settings, &condition, key.purpose("data"));
        let learning = Learning::new(&condition, &data, settings.batch, key, &setup.pool);
        let limit = condition.alone + condition.steps;
        let at = State { step: 0, limit, trained: limit == 0, examined: 0, looks: Vec::new(), layers: Vec::new() };
        let batch = [data.width, 2, 2].map(|width| vec![0.0; settings.batch * width]);
        RepresentationTrial { settings: settings.clone(), condition, key, data, learning, at, batch }
    }

    /// Draws the batch of a step from the training inputs.
    fn fill(&mut self) {
        let mut stream = self.key.purpose("batch").index(self.at.step).stream();
        let (width, rows) = (self.data.width, &self.data.train);
        let alone = self.at.step < self.condition.alone;
        let [x, features, counted] = &mut self.batch;
        let each = x.chunks_mut(width).zip(features.chunks_mut(2)).zip(counted.chunks_mut(2));
        for ((x, features), counted) in each {
            let row = stream.random_range(0..rows.count() as u32) as usize;
            x.copy_from_slice(&rows.x[row * width..][..width]);
            features.copy_from_slice(&[rows.features[0][row], rows.features[1][row]]);
            // The mean over outputs: alone, the second one has all of it.
            let told = f32::from(u8::from(self.data.told[row]));
            counted.copy_from_slice(&if alone { [0.0, 2.0] } else { [told, 1.0] });
        }
    }

    /// Whether there is a look after this step: often while both features are new.
    fn looked_at(&self, step: u64) -> bool {
        let evaluation = &self.settings.evaluation;
        let joint = step.checked_sub(self.condition.alone);
        let early = joint.is_some_and(|at| at <= evaluation.early_until && at.is_multiple_of(evaluation.early));
        early || joint.unwrap_or(step).is_multiple_of(evaluation.every) || step == self.at.limit
    }

    fn train(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        for _ in 0..burst(self.condition.step_flop(self.settings.batch)) {
            self.fill();
            let trained = self.learning.train(&self.batch, self.at.step, self.condition.learning_rate);
            let loss = trained.map_err(|e| e.of_batch(self.key.purpose("batch").index(self.at.step).number()))?.loss;
            self.at.step += 1;
            if self.looked_at(self.at.step) {
                record.metric(self.at.step, "batch_loss", f64::from(loss));
                self.look(record);
                break;
            }
        }
        Ok(())
    }

    /// Both features on the first `count` validation and test inputs, and outputs of the latter.
    fn shares(&mut self, count: usize) -> ([Explained; 2], [f64; 2]) {
        let (fitted, scored) = (&self.data.validation, &self.data.test);
        let [v, t] = [fitted, scored].map(|rows| rows.count().min(count));
        let width = self.data.width;
        let (layer, _) = self.learning.last(&fitted.x[..v * width]);
        let (scored_layer, outputs) = self.learning.last(&scored.x[..t * width]);
        let units = layer.len() / v;
        let of = |i: usize| {
            let fitted = Observed { layer: &layer, feature: &fitted.features[i][..v] };
            explained(fitted, Observed { layer: &scored_layer, feature: &scored.features[i][..t] }, units)
        };
        let right = |i: usize| {
            let answers = outputs.chunks(2).zip(&scored.features[i]);
            answers.filter(|(outputs, f)| outputs[i] * **f > 0.0).count() as f64 / t as f64
        };
        ([of(0), of(1)], [right(0), right(1)])
    }

    fn look(&mut self, record: &mut dyn Record) {
        let (found, accuracy) = self.shares(self.settings.evaluation.probe);
        let step = self.at.step;
        for (i, name) in NAMES.iter().enumerate() {
            record.metric(step, &format!("accuracy_{name}"), accuracy[i]);
            record.metric(step, &format!("r2_{name}"), found[i].share);
            record.metric(step, &format!("explained_{name}"), found[i].explained);
        }
        let look =
            Look { step, accuracy, explained: [found[0].explained, found[1].explained], variance: found[0].variance };
        self.at.looks.push(look);
        let doubled = self.condition.most_steps();
        if step > 0 && step >= self.at.limit {
            if !gate(accuracy) && self.at.limit < doubled {
                self.at.limit = doubled;
                let told = format!(
                    "held-out accuracies {:.3} and {:.3} miss the gate after {step} steps: it goes on to {doubled}",
                    accuracy[0], accuracy[1]
                );
                record.note(step, Level::Warning, told);
            } else {
                self.at.trained = true;
            }
        }
    }

    fn examine(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        match self.at.examined {
            0 => self.examine_shares(record),
            1 => self.examine_components(record)?,
            2 => self.examine_readings(record),
            3 => self.examine_distances(record),
            part => self.examine_layer(part - FIXED_PARTS, record),
        }
        self.at.examined += 1;
        Ok(())
    }

    /// R2 of both features on all held-out inputs, and how it came about.
    fn examine_shares(&mut self, record: &mut dyn Record) {
        let (found, accuracy) = self.shares(usize::MAX);
        let step = self.at.step;
        for (i, name) in NAMES.iter().enumerate() {
            record.metric(step, &format!("accuracy_{name}"), accuracy[i]);
            record.metric(step, &format!("r2_{name}"), found[i].share);
            record.metric(step, &format!("per_input_r2_{name}"), found[i].per_input);
            record.metric(step, &format!("standardised_r2_{name}"), found[i].standardised());
            record.metric(step, &format!("density_{name}"), found[i].density());
        }
        // Two features of one kind have no first: a coin names them.
        let heads = self.condition.by_coin() && self.key.purpose("coin").stream().random::<bool>();
        let gap = found[0].share - found[1].share;
        record.metric(step, "gap", if heads { -gap } else { gap });
        for (i, name) in NAMES.iter().enumerate() {
            let joint = |look: &&Look| look.step >= self.condition.alone;
            let mastered = self.at.looks.iter().filter(joint).find(|look| look.accuracy[i] >= MASTERED);
            let Some((mastered, end)) = mastered.zip(self.at.looks.last()) else { continue };
            record.metric(step, &format!("mastered_{name}"), (mastered.step - self.condition.alone) as f64);
            if end.variance > 0.0 {
                let growth = (end.explained[i] - mastered.explained[i]) / end.variance;
                record.metric(step, &format!("growth_{name}"), growth);
            }
        }
    }

    /// What it takes to turn each feature's output by moving the representation of test inputs.
    pub(super) fn turning(&self, layer: &[f32], outputs: &[f32]) -> Option<[Turned; 2]> {
        let features = &self.data.test.features;
        let count = outputs.len() / 2;
        let units = layer.len() / count;
        let own = |i: usize| outputs.chunks(2).map(|o| o[i]).collect::<Vec<f32>>();
        let of = |i: usize| {
            let feature = &features[i][..count];
            let direction = class_direction(Observed { layer, feature }, units)?;
            let slopes = self.learning.slopes(&direction);
            let length = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
            Some(Turned { flips: flips(feature, &own(i), slopes[i], &own(1 - i), slopes[1 - i]), length })
        };
        Some([of(0)?, of(1)?])
    }

    /// What principal components of the representation show of both features.
    fn examine_components(&mut self, record: &mut dyn Record) -> Result<(), TrialError> {
        let step = self.at.step;
        let refused = |error| TrialError::Data(format!("the representation cannot be decomposed: {error}"));
        let [validation, layer] = [&self.data.validation, &self.data.test].map(|rows| self.learning.last(&rows.x).0);
        let units = layer.len() / self.data.test.count();
        let components = Components::of(&validation, units).map_err(refused)?;
        let listed = LISTED.min(units);
        record.vector(step, "component_shares", components.shares[..listed].to_vec());
        let of = |count: usize, i: usize| {
            let [fitted, scored] = [&validation, &layer].map(|layer| components.scores(layer, count));
            let fitted = Observed { layer: &fitted, feature: &self.data.validation.features[i] };
            explained(fitted, Observed { layer: &scored, feature: &self.data.test.features[i] }, count)
        };
        for (i, name) in NAMES.iter().enumerate() {
            let each = of(listed, i).units.iter().map(|r2| r2.unwrap_or(0.0)).collect();
            record.vector(step, &format!("component_r2_{name}"), each);
            record.metric(step, &format!("top_components_r2_{name}"), of(TOP.min(units), i).share);
        }
        Ok(())
    }

    /// Interventions on the representation, and a linear classifier on it.
    fn examine_readings(&mut self, record: &mut dyn Record) {
        let step = self.at.step;
        let (validation, _) = self.learning.last(&self.data.validation.x);
        let (layer, outputs) = self.learning.last(&self.data.test.x);
        if let Some(turned) = self.turning(&layer, &outputs) {
            for (turned, name) in turned.iter().zip(NAMES) {
                let mut steps = turned.flips.steps.clone();
                steps.sort_unstable_by(f64::total_cmp);
                let median = steps[steps.len() / 2];
                if median.is_finite() {
                    record.metric(step, &format!("flip_length_{name}"), median * turned.length);
                    record.metric(step, &format!("flip_step_{name}"), median);
                }
                record.metric(step, &format!("other_kept_{name}"), turned.flips.other_kept);
            }
        }
        let units = layer.len() / self.data.test.count();
        if let Some(follows) = self.follows(&validation, &layer, units) {
            record.metric(step, "follows_first", follows);
        }
    }

    /// A linear classifier learns from inputs on which both features say the same: how often it says what the first
    /// one does where they differ. None where there are no such inputs.
    fn follows(&self, validation: &[f32], test: &[f32], units: usize) -> Option<f64> {
        let [first, second] = &self.data.validation.features;
        let agree: Vec<usize> = (0..first.len()).filter(|i| first[*i] == second[*i]).take(READOUT.0).collect();
        let layer: Vec<f32> = agree.iter().flat_map(|i| &validation[i * units..][..units]).copied().collect();
        let labels: Vec<f32> = agree.iter().map(|i| first[*i]).collect();
        let readout = Readout::fit(Observed { layer: &layer, feature: &labels }, units, READOUT.1, READOUT.2).ok()?;
        let [first, second] = &self.data.test.features;
        let scores = readout.scores(test);
        let differ: Vec<usize> = (0..first.len()).filter(|i| first[*i] != second[*i]).collect();
        let follows = differ.iter().filter(|i| scores[**i] * f64::from(first[**i]) > 0.0).count();
        (!differ.is_empty()).then(|| follows as f64 / differ.len() as f64)
    }

    /// Distances of the inputs that all trials share, for comparison between networks.
    fn examine_distances(&mut self, record: &mut dyn Record) {
        if !self.data.compared.is_empty() {
            let (layer, _) = self.learning.last(&self.data.compared);
            let units = layer.len() / (self.data.compared.len() / self.data.width);
            record.vector(self.at.step, "distances", distances(&layer, units));
        }
    }

    /// R2 of every probe on a layer; 0 is what the network sees.
    fn examine_layer(&mut self, number: usize, record: &mut dyn Record) {
        let [validation, test] =
            [&self.data.validation, &self.data.test].map(|rows| match (number, &self.data.rotation) {
                (0, None) => rows.x.clone(),
                (0, Some(rotation)) => rotation.forward(&rows.x),
                _ => self.learning.look(&rows.x, &[number - 1]).swap_remove(0),
            });
        let units = test.len() / self.data.test.count();
        let of = |probe: &super::data::Probe| {
            let fitted = Observed { layer: &validation, feature: &probe.validation };
            explained(fitted, Observed { layer: &test, feature: &probe.test }, units).share
        };
        let shares: Vec<f64> = self.data.probes.iter().map(of).collect();
        record.vector(self.at.step, &format!("layer_r2.{number}"), shares.clone());
        if number == self.condition.network.layers() {
            let of_kind = |kind: Kind| {
                let found = self.data.probes.iter().zip(&shares).filter(|(probe, _)| probe.kind == kind);
                let values: Vec<f64> = found.map(|(_, share)| *share).collect();
                mean(&values)
            };
            for (name, kind) in [("nuisance_r2", Kind::Nuisance), ("shuffled_r2", Kind::Shuffled)] {
                of_kind(kind).into_iter().for_each(|value| record.metric(self.at.step, name, value));
            }
        }
        self.at.layers.push(shares);
    }
}

impl Trial for RepresentationTrial {
    fn progress(&self) -> Progress {
        let steps = self.at.limit + self.condition.parts() as u64;
        Progress { step: self.at.step + self.at.examined as u64, steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.at.step == 0 && self.at.looks.is_empty() {
            record.metric(0, "parameters", self.learning.learner.parameters() as f64);
            self.look(record);
        }
        if self.at.trained {
            self.examine(record)?;
        } else {
            self.train(record)?;
        }
        Ok(if self.at.examined >= self.condition.parts() { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let names = self.data.names.clone();
        let mut shown = vec![panels::growth(&self.condition, &names, &self.at.looks)];
        if !self.at.layers.is_empty() {
            let probes: Vec<String> = self.data.probes.iter().map(|probe| probe.name.clone()).collect();
            shown.push(panels::layers(&probes, &self.at.layers));
        }
        let probe = self.settings.evaluation.probe;
        let [v, t] = [&self.data.validation, &self.data.test].map(|rows| rows.count().min(probe));
        let (validation, _) = self.learning.last(&self.data.validation.x[..v * self.data.width]);
        let (layer, outputs) = self.learning.last(&self.data.test.x[..t * self.data.width]);
        let pair = panels::Pair { data: &self.data, validation: &validation, layer: &layer, units: layer.len() / t };
        shown.extend(panels::components(&pair));
        shown.push(panels::units(&pair));
        shown.extend(self.turning(&layer, &outputs).map(|turned| panels::turning(&names, &turned)));
        shown
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        if self.condition.steps == 0 {
            return Err("this network is left untrained".into());
        }
        Ok(card::read(&subject::subject(self), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.at)?;
        let (at, most) = (&self.at, self.condition.most_steps());
        archive.reachable(at.step <= most && at.limit <= most && at.examined <= self.condition.parts())?;
        self.learning.learner.keep(archive)
    }
}
