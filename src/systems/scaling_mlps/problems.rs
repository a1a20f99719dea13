//! What of the settings cannot be used, by field, with what was found and expected.

use super::settings::{Arm, Model, Settings};
use crate::base::random::Key;
use crate::base::text::nearest;
use crate::contract::Problem;
use crate::tasks::scattered_digits::ScatteredDigits;
use crate::tasks::supply::Supply;

/// Most images, images shown, and images in a batch.
const IMAGES: u64 = 1 << 30;
const SHOWN: u64 = 1 << 40;
const BATCH: u64 = 1 << 16;

/// Problems found so far.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn count(&mut self, path: impl Into<String>, value: u64, most: u64) {
        if !(1..=most).contains(&value) {
            self.0.push(Problem::new(path, value, format!("1 to {most}")));
        }
    }

    /// A number from 0 on, and below `below`.
    fn share(&mut self, path: impl Into<String>, value: f32, below: f32) {
        if !(0.0..below).contains(&value) {
            self.0.push(Problem::new(path, value, format!("a number at least 0 and below {below}")));
        }
    }

    fn rate(&mut self, path: impl Into<String>, value: f32) {
        if !(value > 0.0 && value < 10.0) {
            self.0.push(Problem::new(path, value, "a number above 0 and below 10"));
        }
    }

    fn arm(&mut self, path: &str, arm: &Arm) {
        for images in &arm.images {
            let value = if let Supply::Examples(images) = images { *images } else { 1 };
            self.count(format!("{path}.images"), value, IMAGES);
        }
        arm.samples.iter().for_each(|samples| self.count(format!("{path}.samples"), *samples, SHOWN));
        arm.batches.iter().for_each(|batch| self.count(format!("{path}.batches"), *batch as u64, BATCH));
        arm.learning_rates.iter().for_each(|rate| self.rate(format!("{path}.learning_rates"), *rate));
        self.count(format!("{path}.seeds"), arm.seeds.unwrap_or(1), 1000);
        if arm.models.is_empty() || arm.images.is_empty() {
            self.0.push(Problem::new(path, "an empty list", "at least one model and one n"));
        }
    }

    fn model(&mut self, path: &str, model: &Model, canvas: usize) {
        self.rate(format!("{path}.learning_rate"), model.learning_rate);
        let located = |problem: Problem| Problem { path: format!("{path}.kind.{}", problem.path), ..problem };
        self.0.extend(model.kind.problem(canvas).map(located));
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
        let mut found = Found::default();
        found.count("evaluation.validation", self.evaluation.validation as u64, 100_000);
        found.count("evaluation.times", self.evaluation.times, 1000);
        found.count("evaluation.test", self.evaluation.test as u64, 100_000);
        if let Supply::Examples(limit) = self.image_limit {
            found.count("image_limit", limit, IMAGES);
        }
        found.share("smoothing", self.smoothing, 1.0);
        found.count("samples", self.samples, SHOWN);
        found.count("batch", self.batch as u64, BATCH);
        found.share("augmentation.mixup", self.augmentation.mixup, 100.0);
        if self.augmentation.shift > self.task.canvas {
            let expected = format!("0 to {}, the canvas", self.task.canvas);
            found.0.push(Problem::new("augmentation.shift", self.augmentation.shift, expected));
        }
        found.count("transfer.images", self.transfer.images, IMAGES);
        found.count("transfer.samples", self.transfer.samples, SHOWN);
        found.rate("transfer.head_rate", self.transfer.head_rate);
        found.rate("transfer.body_rate", self.transfer.body_rate);
        found.share("transfer.smoothing", self.transfer.smoothing, 1.0);
        let models = self.models.iter().enumerate();
        models.for_each(|(i, model)| found.model(&format!("models[{i}]"), model, self.task.canvas));
        self.arms.iter().enumerate().for_each(|(i, arm)| found.arm(&format!("arms[{i}]"), arm));
        found.0
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
        let base = match self.base() {
            Ok(base) => base,
            Err(problem) => return vec![problem],
        };
        let refusals = ScatteredDigits::new(self.task.clone(), base, Key::new(0)).err().unwrap_or_default();
        let located = |field: &str| if field == "base" { "base".to_owned() } else { format!("task.{field}") };
        refusals.into_iter().map(|r| Problem::new(located(r.field), r.found, r.expected)).collect()
    }
}
