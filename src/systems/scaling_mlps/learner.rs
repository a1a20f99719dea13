//! One stage as it runs: a model, its passes and its data.

use std::sync::Arc;

use super::augment::Augmenter;
use super::model::Net;
use super::stages::{Stage, Start};
use crate::base::random::Key;
use crate::contract::{Setup, TrialError};
use crate::engine::Shape;
use crate::instruments::subject::{Examples, Objective, Subject};
use crate::nn::schedule::Schedule;
use crate::tasks::base_set::BaseSet;
use crate::tasks::scattered_digits::{Part, ScatteredDigits};
use crate::tasks::supply::{Order, Supply};
use crate::training::{Learner, Pass};

/// Images that instruments look at, of those trained on and of the test.
const CARD: (u64, u64) = (2000, 1000);
/// Images of an evaluation pass.
const AT_ONCE: usize = 125;

/// What a model answers to images of a part, and whether it is right.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// A row of logits an image.
    pub(super) logits: Vec<f32>,
    /// The right class of each.
    pub(super) targets: Vec<usize>,
}

/// A stage's model in training.
pub(super) struct StageLearner {
    pub(super) stage: Stage,
    pub(super) task: ScatteredDigits,
    pub(super) learner: Learner<Net>,
    training: Pass,
    evaluation: Pass,
    order: Order,
    augmenter: Augmenter,
    key: Key,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    validation: (Vec<f32>, Vec<usize>),
}

impl StageLearner {
    /// Model and data of a stage. Images, and the weights of one kind of model, are the same for every
    /// condition of a replica.
    pub(super) fn new(stage: Stage, base: &Arc<BaseSet>, validation: usize, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key;
        let task = ScatteredDigits::new(stage.task.clone(), Arc::clone(base), key.purpose("images"));
        let task = task.map_err(TrialError::data)?;
        let task = if stage.permuted { task.permuted() } else { task };
        let Stage { kind, start, classes, .. } = stage;
        let (side, pixels, head) = (stage.task.canvas, task.pixels(), kind.paths().1);
        let mut learner = Learner::with_groups(
            key,
            setup.pool.clone(),
            stage.method,
            |path, _| start.group(path, head),
            move |b| Net::new(b, kind, side, classes),
        );
        let given = [("images", Shape::from([stage.batch, pixels])), ("targets", Shape::from([stage.batch, classes]))];
        let share = -1.0 / stage.batch as f32;
        let training = learner.training(&given, |net, values, given| {
            ((net.logits(values, given[0]).log_softmax() * given[1]).sum() * share, Vec::new())
        });
        let evaluated = [("evaluated", Shape::from([AT_ONCE, pixels]))];
        let evaluation = learner.pass(&evaluated, |net, values, given| vec![net.logits(values, given[0])]);
        let mut own = StageLearner {
            order: Order::new(stage.images, key.purpose("order")),
            augmenter: Augmenter::default(),
            key,
            inputs: vec![0.0; stage.batch * pixels],
            targets: vec![0.0; stage.batch * classes],
            validation: (Vec::new(), Vec::new()),
            stage,
            task,
            learner,
            training,
            evaluation,
        };
        own.validation = own.images(Part::Validation, 0..validation as u64);
        Ok(own)
    }

    /// Takes over the body of another stage, by the names of its weights; the head stays fresh.
    pub(super) fn take_body(&mut self, from: &StageLearner) {
        let head = self.stage.kind.paths().1;
        let (own, theirs) = (&mut self.learner.store, &from.learner.store);
        for &slot in self.learner.weights.slots() {
            let same = theirs.find(own.name(slot)).filter(|_| !own.name(slot).starts_with(head));
            same.into_iter().for_each(|same| own.values_mut(slot).copy_from_slice(theirs.values(same)));
        }
    }

    /// One training step; gives the loss.
    pub(super) fn train(&mut self, step: u64, peak: f32) -> Result<f32, TrialError> {
        self.fill(step);
        let schedule = Schedule::Cosine { peak, floor: 0.0, steps: self.stage.steps };
        Ok(self.learner.train(&mut self.training, step, schedule.at(step))?.loss)
    }

    /// Where the next step's first value that is not finite comes from.
    pub(super) fn trace_divergence(&mut self, step: u64) -> Option<String> {
        self.fill(step);
        let found = self.training.executor().first_not_finite(&mut self.learner.store);
        found.map(|found| found.to_string())
    }

    fn fill(&mut self, step: u64) {
        let (pixels, classes) = (self.task.pixels(), self.stage.classes);
        let spread = self.stage.smoothing / classes as f32;
        self.targets.fill(spread);
        for b in 0..self.stage.batch {
            let index = self.order.example(step * self.stage.batch as u64 + b as u64);
            let drawn = self.task.image(Part::Train, index, &mut self.inputs[b * pixels..(b + 1) * pixels]);
            let class = if self.stage.random_labels { self.task.random_label(index) } else { drawn.class };
            self.targets[b * classes + class] += 1.0 - self.stage.smoothing;
        }
        if let Some(how) = self.stage.augmentation {
            let mut stream = self.key.purpose("augmentation").index(step).stream();
            let (side, blank) = (self.stage.task.canvas, self.task.blank());
            self.augmenter.augment(how, &mut stream, side, blank, &mut self.inputs, &mut self.targets);
        }
        self.training.set(&mut self.learner.store, 0, &self.inputs);
        self.training.set(&mut self.learner.store, 1, &self.targets);
    }

    /// Images of a part and their classes.
    pub(super) fn images(&self, part: Part, which: std::ops::Range<u64>) -> (Vec<f32>, Vec<usize>) {
        let pixels = self.task.pixels();
        let count = (which.end - which.start) as usize;
        let mut inputs = vec![0.0; count * pixels];
        let rows = inputs.chunks_exact_mut(pixels).zip(which);
        let classes = rows.map(|(row, index)| self.task.image(part, index, row).class).collect();
        (inputs, classes)
    }

    /// What the model answers to images of the test part.
    pub(super) fn answer(&mut self, which: std::ops::Range<u64>) -> Answers {
        let (inputs, targets) = self.images(Part::Test, which);
        Answers { logits: self.logits(&inputs), targets }
    }

    /// What the model answers to the images by which a checkpoint is chosen.
    pub(super) fn validate(&mut self) -> Answers {
        let (inputs, targets) = &self.validation;
        let logits = self.evaluation.over_rows(&mut self.learner.store, inputs, self.task.pixels(), 0);
        Answers { logits, targets: targets.clone() }
    }

    /// Logits of images.
    pub(super) fn logits(&mut self, inputs: &[f32]) -> Vec<f32> {
        let pixels = self.task.pixels();
        self.evaluation.over_rows(&mut self.learner.store, inputs, pixels, 0)
    }

    /// The model with its task, for instruments.
    pub(super) fn subject(&self) -> Subject {
        let stage = &self.stage;
        let seen = match stage.images {
            Supply::Examples(count) => count,
            Supply::Fresh => stage.steps * stage.batch as u64,
        };
        let examples = |part, count: u64| {
            let (inputs, mut targets) = self.images(part, 0..count);
            if stage.random_labels && part == Part::Train {
                targets = (0..count).map(|i| self.task.random_label(i)).collect();
            }
            Examples::new(targets.len(), inputs, targets.iter().map(|class| *class as f32).collect())
        };
        let both = [examples(Part::Train, seen.min(CARD.0)), examples(Part::Test, CARD.1)];
        let subject = self.learner.subject(self.learner.model.clone(), Objective::CrossEntropy, both, self.key);
        Subject {
            // A body that was taken over does not begin where it was drawn.
            initial: subject.initial.filter(|_| stage.start == Start::Fresh),
            // At the end of the cosine.
            training: self.learner.trained_for(stage.steps, stage.batch, 0.0),
            chance: Some(1.0 / stage.classes as f64),
            ..subject
        }
    }
}

impl Answers {
    /// Mean cross-entropy, in nats.
    pub(super) fn loss(&self) -> f64 {
        let classes = self.logits.len() / self.targets.len();
        let rows = self.logits.chunks_exact(classes).zip(&self.targets);
        let loss = |(row, target): (&[f32], &usize)| {
            let most = row.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
            let sum: f64 = row.iter().map(|x| f64::from(x - most).exp()).sum();
            sum.ln() - f64::from(row[*target] - most)
        };
        rows.map(loss).sum::<f64>() / self.targets.len() as f64
    }
}
