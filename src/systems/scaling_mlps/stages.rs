//! What a condition does, stage by stage: one training and its test, or the four of the transfer arm.

use super::augment::Augmentation;
use super::model::Kind;
use super::settings::{Condition, Evaluation, Purpose, Rule, Settings};
use crate::nn::optimiser::{Group, Lion, Method, Moments, Sgd};
use crate::tasks::scattered_digits::Config;
use crate::tasks::supply::Supply;

/// Images of a test that are looked at in one step of the trial.
pub(super) const TESTED: usize = 500;
/// Momentum of the transfer's SGD.
const MOMENTUM: f32 = 0.9;

/// Where a stage begins and what of it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// Fresh weights, all trained.
    Fresh,
    /// The body of the stage before and a fresh head; the body at this factor of the head's learning rate,
    /// 0 freezing it.
    Body(f32),
}

/// One training with its test.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// What its metrics' names begin with: empty, or `probe.`.
    pub(super) prefix: &'static str,
    /// Its model.
    pub(super) kind: Kind,
    /// Its images.
    pub(super) task: Config,
    pub(super) permuted: bool,
    pub(super) random_labels: bool,
    pub(super) augmentation: Option<Augmentation>,
    pub(super) images: Supply,
    pub(super) start: Start,
    pub(super) method: Method,
    pub(super) learning_rate: f32,
    pub(super) smoothing: f32,
    pub(super) batch: usize,
    /// Training steps.
    pub(super) steps: u64,
    /// Classes that come out.
    pub(super) classes: usize,
}

/// The stages of a condition.
#[derive(Clone, Debug)]
pub(super) struct Stages {
    pub(super) all: Vec<Stage>,
    pub(super) evaluation: Evaluation,
}

impl Start {
    /// How the weight of a path is treated, where the head's paths begin with `head`.
    pub(super) fn group(self, path: &str, head: &str) -> Group {
        match self {
            Start::Body(factor) if !path.starts_with(head) => {
                Group { learning_rate: factor, frozen: factor == 0.0, ..Group::default() }
            }
            _ => Group::default(),
        }
    }
}

impl Stage {
    /// Floating-point operations of training on one image.
    pub(super) fn flop(&self) -> f64 {
        self.kind.training_flop(self.task.canvas, self.classes)
    }
}

impl Stages {
    /// What a condition does, with a base set of so many classes.
    pub(super) fn of(settings: &Settings, condition: &Condition, base_classes: usize) -> Self {
        let method = match condition.model.optimiser {
            Rule::Lion => Method::Lion(Lion::default()),
            Rule::Adam => Method::Adam(Moments::default()),
        };
        let classes = if settings.task.classes.is_empty() { base_classes } else { settings.task.classes.len() };
        let single = Stage {
            prefix: "",
            kind: condition.model.kind,
            task: settings.task.clone(),
            permuted: condition.purpose == Purpose::Permuted,
            random_labels: condition.purpose == Purpose::RandomLabels,
            augmentation: (condition.purpose == Purpose::Augmented).then_some(settings.augmentation),
            images: settings.seen(condition.images),
            start: Start::Fresh,
            method,
            learning_rate: condition.model.learning_rate,
            smoothing: settings.smoothing,
            batch: condition.batch,
            steps: condition.samples.div_ceil(condition.batch as u64),
            classes: classes * if settings.task.turned { 4 } else { 1 },
        };
        let transfers = condition.purpose == Purpose::Transfer;
        let all = if transfers { transfer(settings, &single, base_classes) } else { vec![single] };
        Stages { all, evaluation: settings.evaluation.clone() }
    }

    /// Steps of the trial as its progress counts them: of training, and parts of tests.
    pub(super) fn steps(&self) -> u64 {
        self.all.iter().map(|stage| stage.steps + self.parts()).sum()
    }

    /// Images of every training step; 0 where between two stages there are steps that test.
    pub(super) fn batch(&self) -> usize {
        if let [stage] = &self.all[..] { stage.batch } else { 0 }
    }

    /// Parts of a test.
    pub(super) fn parts(&self) -> u64 {
        self.evaluation.test.div_ceil(TESTED) as u64
    }

    /// Floating-point operations of it all.
    pub(super) fn flop(&self) -> f64 {
        let Evaluation { validation, times, test } = self.evaluation;
        let evaluated = (times * validation as u64 + test as u64) as f64;
        let of = |stage: &Stage| {
            let trained = 3.0 * (stage.steps * stage.batch as u64) as f64;
            (trained + evaluated) * 2.0 * stage.kind.multiplications(stage.task.canvas, stage.classes)
        };
        self.all.iter().map(of).sum()
    }
}

/// Few images of half of the classes from scratch; then the other half, turned four ways and fresh, and the
/// few images again on top of it: with the body frozen, and with the body tuned.
fn transfer(settings: &Settings, single: &Stage, base_classes: usize) -> Vec<Stage> {
    let recipe = settings.transfer;
    let half = base_classes / 2;
    let part = |from: usize, to: usize| (from as u8..to as u8).collect::<Vec<u8>>();
    let old = Config { classes: part(0, half), turned: true, ..single.task.clone() };
    let new = Config { classes: part(half, base_classes), turned: false, ..single.task.clone() };
    let pretrained = Stage { prefix: "pretrain.", task: old, classes: 4 * half, ..single.clone() };
    let scratch = Stage {
        prefix: "scratch.",
        task: new,
        images: Supply::Examples(recipe.images),
        smoothing: recipe.smoothing,
        steps: recipe.samples.div_ceil(settings.batch as u64),
        batch: settings.batch,
        classes: base_classes - half,
        ..single.clone()
    };
    let on_body = |prefix, factor| Stage {
        prefix,
        start: Start::Body(factor),
        method: Method::Sgd(Sgd { momentum: MOMENTUM, nesterov: false }),
        learning_rate: recipe.head_rate,
        ..scratch.clone()
    };
    let tuned = on_body("fine_tune.", recipe.body_rate / recipe.head_rate);
    vec![scratch.clone(), pretrained, on_body("probe.", 0.0), tuned]
}
