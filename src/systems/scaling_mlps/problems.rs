//! What of the settings cannot be used, by field, with what was found and expected.

use std::sync::Arc;

use super::settings::{Arm, Model, Settings};
use crate::base::random::Key;
use crate::contract::{Checks, Problem};
use crate::tasks::base_set::Standardise;
use crate::tasks::scattered_digits::{Config, ScatteredDigits};

/// Most images, images shown, and images in a batch.
const IMAGES: u64 = 1 << 30;
const SHOWN: u64 = 1 << 40;
const BATCH: usize = 1 << 16;

impl Arm {
    fn check(&self, path: &str, checks: &mut Checks) {
        checks.under(path, |checks| {
            checks.range_of_each("images", self.images.iter().filter_map(|images| images.examples()), 1..=IMAGES);
            checks.range_of_each("samples", self.samples.iter().copied(), 1..=SHOWN);
            checks.range_of_each("batches", self.batches.iter().copied(), 1..=BATCH);
            checks.positive_each("learning_rates", self.learning_rates.iter().copied(), 10.0);
            checks.range_of_each("seeds", self.seeds, 1..=1000);
        });
        let fits = !self.models.is_empty() && !self.images.is_empty();
        checks.holds(path, fits, "an empty list", "at least one model and one n");
    }
}

impl Model {
    fn check(&self, path: &str, canvas: usize, checks: &mut Checks) {
        checks.positive(format!("{path}.learning_rate"), self.learning_rate, 10.0);
        checks.under(format!("{path}.kind"), |checks| self.kind.check(canvas, checks));
    }
}

impl Settings {
    /// Checks everything.
    pub fn check(&self, checks: &mut Checks) {
        self.check_numbers(checks);
        self.check_names(checks);
        if checks.none() {
            self.check_conditions(checks);
        }
        // Files are read last: a wrong number is told without waiting for them.
        if checks.none() {
            self.check_base(checks);
        }
    }

    fn check_numbers(&self, checks: &mut Checks) {
        checks.range("evaluation.validation", self.evaluation.validation, 1..=100_000);
        checks.range("evaluation.times", self.evaluation.times, 1..=1000);
        checks.range("evaluation.test", self.evaluation.test, 1..=100_000);
        checks.range_of_each("image_limit", self.image_limit.examples(), 1..=IMAGES);
        checks.share("smoothing", self.smoothing, 1.0);
        checks.range("samples", self.samples, 1..=SHOWN);
        checks.range("batch", self.batch, 1..=BATCH);
        checks.share("augmentation.mixup", self.augmentation.mixup, 100.0);
        checks.range("augmentation.shift", self.augmentation.shift, 0..=self.task.canvas);
        checks.range("transfer.images", self.transfer.images, 1..=IMAGES);
        checks.range("transfer.samples", self.transfer.samples, 1..=SHOWN);
        checks.positive("transfer.head_rate", self.transfer.head_rate, 10.0);
        checks.positive("transfer.body_rate", self.transfer.body_rate, 10.0);
        checks.share("transfer.smoothing", self.transfer.smoothing, 1.0);
        for (i, model) in self.models.iter().enumerate() {
            model.check(&format!("models[{i}]"), self.task.canvas, checks);
        }
        self.arms.iter().enumerate().for_each(|(i, arm)| arm.check(&format!("arms[{i}]"), checks));
    }

    fn check_names(&self, checks: &mut Checks) {
        let known: Vec<&str> = self.models.iter().map(|model| model.name.as_str()).collect();
        checks.known("mlp", "model", [self.mlp.as_str()], &known);
        checks.known("cnn", "model", [self.cnn.as_str()], &known);
        for (i, arm) in self.arms.iter().enumerate() {
            checks.known(format!("arms[{i}].models"), "model", arm.models.iter().map(String::as_str), &known);
        }
    }

    /// Checks the conditions when every number and name is sound.
    fn check_conditions(&self, checks: &mut Checks) {
        let labels: Vec<String> = self.cells(1).into_iter().map(|cell| cell.label).collect();
        let twice = labels.iter().enumerate().find(|(i, label)| labels[..*i].contains(label));
        let found = twice.map_or_else(String::new, |(_, label)| format!("{label} twice"));
        checks.holds("arms", twice.is_none(), found, "every condition once");
        checks.holds("arms", !labels.is_empty(), "none", "at least one condition");
    }

    /// Checks the pictures, and the task on them.
    fn check_base(&self, checks: &mut Checks) {
        let base = match self.base.read(Standardise::MeanImage) {
            Ok(base) => Arc::new(base),
            Err(error) => return checks.refuse(Problem::told("base.idx", error)),
        };
        Config::check_base(&base, checks);
        checks.under("task", |checks| {
            self.task.check(&base, checks);
            if checks.none() {
                let refusals = ScatteredDigits::new(self.task.clone(), base, Key::new(0)).err().unwrap_or_default();
                // What is wrong with the base itself is told already.
                let rest = refusals.0.into_iter().filter(|refusal| refusal.path != "base");
                rest.for_each(|refusal| checks.refuse(refusal));
            }
        });
    }
}
