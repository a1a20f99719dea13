//! What of the settings cannot be used, by field, with what was found and expected.

use std::sync::Arc;

use super::settings::{Arm, Model, Settings};
use crate::base::random::Key;
use crate::base::text::nearest;
use crate::contract::Problem;
use crate::tasks::base_set::Standardise;
use crate::tasks::scattered_digits::ScatteredDigits;
use crate::tasks::supply::Supply;
use crate::training::Checks;

/// Most images, images shown, and images in a batch.
const IMAGES: u64 = 1 << 30;
const SHOWN: u64 = 1 << 40;
const BATCH: usize = 1 << 16;

impl Arm {
    fn check(&self, path: &str, checks: &mut Checks) {
        for images in &self.images {
            let value = if let Supply::Examples(images) = images { *images } else { 1 };
            checks.range(format!("{path}.images"), value, 1..=IMAGES);
        }
        self.samples.iter().for_each(|samples| checks.range(format!("{path}.samples"), *samples, 1..=SHOWN));
        self.batches.iter().for_each(|batch| checks.range(format!("{path}.batches"), *batch, 1..=BATCH));
        self.learning_rates.iter().for_each(|rate| checks.positive(format!("{path}.learning_rates"), *rate, 10.0));
        checks.range(format!("{path}.seeds"), self.seeds.unwrap_or(1), 1..=1000);
        let fits = !self.models.is_empty() && !self.images.is_empty();
        checks.holds(path, fits, "an empty list", "at least one model and one n");
    }
}

impl Model {
    fn check(&self, path: &str, canvas: usize, checks: &mut Checks) {
        checks.positive(format!("{path}.learning_rate"), self.learning_rate, 10.0);
        let located = |problem: Problem| Problem { path: format!("{path}.kind.{}", problem.path), ..problem };
        checks.extend(self.kind.problem(canvas).map(located).into_iter().collect());
    }
}

impl Settings {
    /// Values that cannot be used, all at once; paths from the top of the settings.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.number_problems();
        problems.extend(self.name_problems());
        if problems.is_empty() {
            problems.extend(self.condition_problems());
        }
        // Files are read last: a wrong number is told without waiting for them.
        if problems.is_empty() {
            problems.extend(self.base_problems());
        }
        problems
    }

    fn number_problems(&self) -> Vec<Problem> {
        let mut checks = Checks::new();
        checks.range("evaluation.validation", self.evaluation.validation, 1..=100_000);
        checks.range("evaluation.times", self.evaluation.times, 1..=1000);
        checks.range("evaluation.test", self.evaluation.test, 1..=100_000);
        if let Supply::Examples(limit) = self.image_limit {
            checks.range("image_limit", limit, 1..=IMAGES);
        }
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
            model.check(&format!("models[{i}]"), self.task.canvas, &mut checks);
        }
        self.arms.iter().enumerate().for_each(|(i, arm)| arm.check(&format!("arms[{i}]"), &mut checks));
        checks.problems()
    }

    fn name_problems(&self) -> Vec<Problem> {
        let mut named = vec![("mlp".to_owned(), &self.mlp), ("cnn".to_owned(), &self.cnn)];
        for (i, arm) in self.arms.iter().enumerate() {
            named.extend(arm.models.iter().map(|name| (format!("arms[{i}].models"), name)));
        }
        let unknown = |(path, name): (String, &String)| {
            let near = nearest(name, self.models.iter().map(|model| model.name.as_str()));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Problem::told(path, format!("there is no model `{name}`{hint}"))
        };
        named.into_iter().filter(|(_, name)| self.model(name).is_none()).map(unknown).collect()
    }

    /// What is wrong with the conditions when every number and name is sound.
    fn condition_problems(&self) -> Vec<Problem> {
        let labels: Vec<String> = self.cells(1).into_iter().map(|cell| cell.label).collect();
        let twice = labels.iter().enumerate().find(|(i, label)| labels[..*i].contains(label));
        let twice = twice.map(|(_, label)| Problem::new("arms", format!("{label} twice"), "every condition once"));
        let none = labels.is_empty().then(|| Problem::new("arms", "none", "at least one condition"));
        twice.into_iter().chain(none).collect()
    }

    /// What is wrong with the pictures, and with the task on them.
    fn base_problems(&self) -> Vec<Problem> {
        let base = match self.base.read(Standardise::MeanImage) {
            Ok(base) => Arc::new(base),
            Err(error) => return vec![Problem::told("base.idx", error)],
        };
        let refusals = ScatteredDigits::new(self.task.clone(), base, Key::new(0)).err().unwrap_or_default();
        let located = |field: &str| if field == "base" { "base".to_owned() } else { format!("task.{field}") };
        refusals.0.into_iter().map(|r| Problem::new(located(r.field), r.found, r.expected)).collect()
    }
}
