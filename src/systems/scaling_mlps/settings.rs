//! What a preset sets: the images, the models, and what is compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::augment::Augmentation;
use super::model::Kind;
use super::stages::Stages;
use crate::contract::Cell;
use crate::tasks::images::Source;
use crate::tasks::scattered_digits::Config;
use crate::tasks::supply::Supply;

/// Classes by which costs are told before a user's files are read.
const USUAL_CLASSES: usize = 10;
/// Bytes of a trial beside its weights, in memory and on disk: images and plans; scores and panels. Somewhat
/// above what `quick` was measured to take.
const BESIDE: (u64, u64) = (30_000_000, 150_000);
/// Bytes that a parameter takes in memory and on disk (two checkpoints of weights, best weights and optimiser).
const PARAMETER: (u64, u64) = (48, 32);

/// The settings of a preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the pictures on the canvas come from.
    pub base: Source,
    /// How images are made of them.
    pub task: Config,
    /// How much is evaluated, and how often.
    pub evaluation: Evaluation,
    /// No condition sees more distinct images than this, whatever its n: what the ablation takes away is
    /// the scale of the data. `"fresh"` takes away nothing.
    pub image_limit: Supply,
    /// Label smoothing: this share of every target is spread over all classes.
    pub smoothing: f32,
    /// S: images shown in training, the same for every n.
    pub samples: u64,
    /// Images in a batch.
    pub batch: usize,
    /// The models.
    pub models: Vec<Model>,
    /// Name of the perceptron that is compared.
    pub mlp: String,
    /// Name of the convolutional network that it is compared with.
    pub cnn: String,
    /// What is compared: each arm is the product of its lists.
    pub arms: Vec<Arm>,
    /// What the augmented arm does to training images.
    pub augmentation: Augmentation,
    /// The transfer arm's recipe.
    pub transfer: Transfer,
}

/// How much is evaluated, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Images by which the best checkpoint is chosen.
    pub validation: usize,
    /// How often in a training.
    pub times: u64,
    /// Images of the test.
    pub test: usize,
}

/// One model with how it is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Name in labels and arms.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its optimiser.
    pub optimiser: Rule,
    /// Learning rate at the beginning of the cosine.
    pub learning_rate: f32,
}

/// The optimisers of the paper's and of the usual recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Lion, b1 0.9, b2 0.99.
    Lion,
    /// Adam, b1 0.9, b2 0.999.
    Adam,
}

/// The question that an arm answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Error against the number of images, and against width where they are fresh.
    Scaling,
    /// Control: the pixels of every image in one fixed random order.
    Permuted,
    /// Control: labels that have nothing to do with the images.
    RandomLabels,
    /// Whether each model has the best learning rate of its grid.
    Tuning,
    /// The error that is left when a larger CNN sees fresh images.
    Floor,
    /// Less compute than the scaling arm, for the law.
    Compute,
    /// Training images moved and mixed.
    Augmented,
    /// Larger batches.
    Batch,
    /// Pretraining on half of the classes, then few images of the others.
    Transfer,
}

/// A product of lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// What it answers.
    pub purpose: Purpose,
    /// Names of models.
    pub models: Vec<String>,
    /// n: distinct training images, or `"fresh"`.
    pub images: Vec<Supply>,
    /// S, where it differs from the preset's.
    #[serde(default)]
    pub samples: Vec<u64>,
    /// Batches, where they differ from the preset's.
    #[serde(default)]
    pub batches: Vec<usize>,
    /// Learning rates, where they differ from the models'.
    #[serde(default)]
    pub learning_rates: Vec<f32>,
    /// At most so many seeds; the preset's number when absent.
    #[serde(default)]
    pub seeds: Option<u64>,
}

/// How the transfer arm goes on after pretraining.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Images of the new classes.
    pub images: u64,
    /// Images shown in each of probe, fine-tuning and training from scratch.
    pub samples: u64,
    /// Learning rate of the new head (SGD, momentum 0.9).
    pub head_rate: f32,
    /// Learning rate of the body when it is tuned.
    pub body_rate: f32,
    /// Label smoothing.
    pub smoothing: f32,
}

/// One condition in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What it answers.
    pub purpose: Purpose,
    /// The model, with the learning rate of this condition.
    pub model: Model,
    /// n as the preset says; what is seen may be less by the limit.
    pub images: Supply,
    /// S.
    pub samples: u64,
    /// Images in a batch.
    pub batch: usize,
}

impl Condition {
    /// Distinct images on the axis of n: S where they are fresh.
    pub fn distinct(&self) -> u64 {
        match self.images {
            Supply::Examples(count) => count,
            Supply::Fresh => self.samples,
        }
    }

    fn label(&self, settings: &Settings, arm: &Arm) -> String {
        let images = match self.images {
            Supply::Examples(count) => format!("n = {count}"),
            Supply::Fresh => "fresh".into(),
        };
        let mut parts = vec![self.model.name.clone(), images];
        let word = match self.purpose {
            Purpose::Permuted => "permuted",
            Purpose::RandomLabels => "random labels",
            Purpose::Tuning => "tuning",
            Purpose::Transfer => "transfer",
            Purpose::Augmented => "augmented",
            Purpose::Scaling | Purpose::Floor | Purpose::Compute | Purpose::Batch => "",
        };
        parts.extend((!word.is_empty()).then(|| word.to_owned()));
        parts.extend((!arm.learning_rates.is_empty()).then(|| format!("lr = {:e}", self.model.learning_rate)));
        let shorter = self.samples != settings.samples && self.purpose != Purpose::Tuning;
        parts.extend(shorter.then(|| format!("S = {}", self.samples)));
        parts.extend((self.batch != settings.batch).then(|| format!("B = {}", self.batch)));
        parts.join(", ")
    }
}

impl Settings {
    /// A model by its name.
    pub(super) fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// What training may see of `images`.
    pub fn seen(&self, images: Supply) -> Supply {
        images.min(self.image_limit)
    }

    /// Every condition, with what it costs.
    pub fn cells(&self, seeds: u64) -> Vec<Cell<Condition>> {
        let of_arm = |arm: &Arm| {
            let or = |list: &[u64], value: u64| if list.is_empty() { vec![value] } else { list.to_vec() };
            let batches: Vec<u64> = arm.batches.iter().map(|batch| *batch as u64).collect();
            let mut conditions = Vec::new();
            for model in arm.models.iter().filter_map(|name| self.model(name)) {
                let rates =
                    if arm.learning_rates.is_empty() { vec![model.learning_rate] } else { arm.learning_rates.clone() };
                for &images in &arm.images {
                    for &samples in &or(&arm.samples, self.samples) {
                        for &batch in &or(&batches, self.batch as u64) {
                            conditions.extend(rates.iter().map(|&learning_rate| Condition {
                                purpose: arm.purpose,
                                model: Model { learning_rate, ..model.clone() },
                                images,
                                samples,
                                batch: batch as usize,
                            }));
                        }
                    }
                }
            }
            let seeds = arm.seeds.map_or(seeds, |most| most.min(seeds));
            conditions.into_iter().map(|condition| self.cell(condition, arm, seeds)).collect::<Vec<_>>()
        };
        self.arms.iter().flat_map(of_arm).collect()
    }

    fn cell(&self, condition: Condition, arm: &Arm, seeds: u64) -> Cell<Condition> {
        let stages = Stages::of(self, &condition, USUAL_CLASSES);
        let label = condition.label(self, arm);
        let purpose = format!("{:?}", condition.purpose).to_lowercase();
        let (model, images) = (condition.model.name.clone(), condition.images);
        let parameters = condition.model.kind.parameters(self.task.canvas, USUAL_CLASSES) as u64;
        Cell::new(label, condition, seeds, stages.steps())
            .at("purpose", purpose)
            .at("model", model)
            .at("images", images)
            .seeing(stages.batch())
            .costing(stages.flop())
            .taking(BESIDE.0 + PARAMETER.0 * parameters, BESIDE.1 + PARAMETER.1 * parameters)
    }
}
