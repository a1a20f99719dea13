//! The trial of a trained model: training on fresh sequences, with examinations in between.

use serde::{Deserialize, Serialize};

use super::panels;
use super::settings::{Settings, Task, Trained};
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::engine::{Shape, Var};
use crate::instruments::card;
use crate::instruments::subject::{Examples, Forward, Model, Objective, Subject, best};
use crate::nn::layers::Fault;
use crate::nn::optimiser::{Decay, Method, Moments, OptimiserSettings};
use crate::nn::weights::Values;
use crate::nn::zoo::memory_net::MemoryNet;
use crate::tasks::Task as _;
use crate::tasks::pixel_strings::PixelStrings;
use crate::tasks::recall::{Recall, Sequences};
use crate::training::{Learner, Pass, burst};

/// Sequences whose errors are gathered at the end, and looked into while it runs.
const LOOKED_INTO: usize = 4;

/// Where sequences come from.
enum Source {
    Recall(Recall),
    Pixels(PixelStrings),
}

/// What was found at one examination.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    pub(super) loss: f64,
    pub(super) accuracy: f64,
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) step: u64,
    pub(super) looks: Vec<Look>,
}

/// One model on one task, one seed.
pub(super) struct RecallTrial {
    pub(super) settings: Settings,
    pub(super) trained: Trained,
    key: Key,
    source: Source,
    learner: Learner<MemoryNet>,
    training: Pass,
    examining: Pass,
    inside: Option<Pass>,
    batch: Sequences,
    examined: Sequences,
    pub(super) state: State,
}

/// What one sequence looks like inside the first layer's memory.
pub(super) struct Inside {
    pub(super) tokens: Vec<usize>,
    pub(super) targets: Vec<usize>,
    pub(super) faulty: Vec<bool>,
    /// Probability of the right answer at each question.
    pub(super) right: Vec<f64>,
    /// The most likely answer at each question.
    pub(super) answers: Vec<usize>,
    /// Gates by token, mean over channels; none where the model lacks them.
    pub(super) eta: Option<Vec<f64>>,
    pub(super) alpha: Option<Vec<f64>>,
    pub(super) delta: Option<Vec<f64>>,
    /// The first head's memory after each token, `[tokens][rows x columns]`; empty where it has none.
    pub(super) memories: Vec<Vec<f32>>,
    /// The length of the error that each token descended, of the first head; empty where there is none.
    pub(super) errors: Vec<f64>,
    /// Attention of the first head, `[tokens x tokens]`; empty where it does not attend.
    pub(super) attention: Vec<f32>,
}

/// The model as instruments see it: an example is a sequence without faults.
struct Asked(MemoryNet, usize);

impl Model for Asked {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let representation = asked(self.0.representation(values, inputs, None), self.1);
        let outputs = self.0.head(values, representation);
        Forward { outputs, hidden: vec![("representation".into(), representation)] }
    }
}

/// The last tokens, which ask.
fn asked(representation: Var<'_>, count: usize) -> Var<'_> {
    let tokens = representation.shape()[1];
    representation.slice(1, tokens - count, count)
}

/// What a pass is given: tokens, targets, and on faulty sequences where faults are and what they are.
fn given(name: &str, count: usize, [tokens, asked, width]: [usize; 3], faulty: bool) -> Vec<(String, Shape)> {
    let named = |what: &str, shape: Shape| (format!("{name}.{what}"), shape);
    let plain = [named("tokens", [count, tokens].into()), named("targets", [count, asked].into())];
    let faults = [named("faulty", [count, tokens, 1].into()), named("noise", [count, tokens, width].into())];
    plain.into_iter().chain(faults.into_iter().filter(|_| faulty)).collect()
}

fn named(given: &[(String, Shape)]) -> Vec<(&str, Shape)> {
    given.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect()
}

fn fault<'g>(given: &[Var<'g>]) -> Option<Fault<'g>> {
    let [_, _, faulty, noise] = *given else { return None };
    Some(Fault { faulty, noise })
}

/// Hands sequences from `first` on to a pass that takes so many.
fn hand(learner: &mut Learner<MemoryNet>, pass: &Pass, batch: &Sequences, first: usize, count: usize, faulty: bool) {
    let all = [&batch.tokens, &batch.targets, &batch.faulty, &batch.noise];
    for (i, values) in all.into_iter().enumerate().take(if faulty { 4 } else { 2 }) {
        let each = values.len() / batch.count;
        pass.set(&mut learner.store, i, &values[first * each..(first + count) * each]);
    }
}

impl RecallTrial {
    /// Starts a condition. Sequences and first weights depend on the seed and not on the model.
    pub(super) fn start(settings: &Settings, trained: Trained, setup: &Setup) -> Self {
        let (key, shape) = (setup.key, settings.shape(&trained));
        let source = settings.recall(&trained).map_or_else(|| Source::Pixels(PixelStrings::digits()), Source::Recall);
        let optimiser = OptimiserSettings {
            method: Method::Adam(Moments { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }),
            decay: Decay::None,
            clip_norm: Some(settings.training.clip),
            clip_value: None,
        };
        let mut learner =
            Learner::new(key.purpose("network"), setup.pool.clone(), optimiser, move |b| MemoryNet::new(b, &shape));
        let [tokens, questions] = settings.lengths(&trained);
        let lengths = [tokens, questions, settings.network.width];
        let (batch, faulty) = (settings.training.batch, trained.task == Task::Faulty);
        let inputs = given("batch", batch, lengths, faulty);
        let training = learner.training(&named(&inputs), |net, values, given| {
            let logits = net.head(values, asked(net.representation(values, given[0], fault(given)), questions));
            (logits.cross_entropy(given[1]).mean(), Vec::new())
        });
        let examining = learner.pass(&named(&inputs), |net, values, given| {
            let logits = net.head(values, asked(net.representation(values, given[0], fault(given)), questions));
            vec![logits, logits.cross_entropy(given[1])]
        });
        let mut trial = RecallTrial {
            settings: settings.clone(),
            trained,
            key,
            learner,
            training,
            examining,
            inside: None,
            batch: Sequences::new(batch, lengths),
            examined: Sequences::new(settings.training.sequences, lengths),
            source,
            state: State::default(),
        };
        trial.examined = trial.drawn(settings.training.sequences, key.purpose("examination"));
        trial
    }

    /// Sequences that are not trained on.
    fn drawn(&self, count: usize, key: Key) -> Sequences {
        let ([tokens, asked], width) = (self.settings.lengths(&self.trained), self.settings.network.width);
        match &self.source {
            Source::Recall(recall) => {
                let mut batch = Sequences::new(count, [tokens, asked, width]);
                recall.fill(&mut key.stream(), &mut batch);
                batch
            }
            Source::Pixels(strings) => strings.held_out(count, width),
        }
    }

    fn is_faulty(&self) -> bool {
        self.trained.task == Task::Faulty
    }

    /// One step of training on a fresh batch.
    fn train(&mut self) -> Result<f64, TrialError> {
        let mut stream = self.key.purpose("task").index(self.state.step).stream();
        match &self.source {
            Source::Recall(recall) => recall.fill(&mut stream, &mut self.batch),
            Source::Pixels(strings) => strings.fill(&mut stream, &mut self.batch),
        }
        let (count, faulty) = (self.batch.count, self.is_faulty());
        hand(&mut self.learner, &self.training, &self.batch, 0, count, faulty);
        let rate = self.settings.training.learning_rate;
        let found = self.learner.train(&mut self.training, self.state.step, rate)?;
        self.state.step += 1;
        Ok(f64::from(found.loss))
    }

    /// Loss and right answers on the examination, one list a sequence; of the pixels as many as are held out in whole
    /// batches.
    fn examine(&mut self) -> (f64, Vec<f64>) {
        let (at_once, faulty) = (self.settings.training.batch, self.is_faulty());
        let [_, questions] = self.settings.lengths(&self.trained);
        let classes = self.settings.shape(&self.trained).vocabulary;
        let (mut loss, mut right, mut parts) = (0.0, Vec::new(), 0);
        for first in (0..=self.examined.count.saturating_sub(at_once)).step_by(at_once) {
            hand(&mut self.learner, &self.examining, &self.examined, first, at_once, faulty);
            self.examining.run(&mut self.learner.store);
            let [logits, losses] = [0, 1].map(|i| self.examining.output(&self.learner.store, i));
            loss += losses.iter().map(|x| f64::from(*x)).sum::<f64>() / losses.len() as f64;
            parts += 1;
            let targets = &self.examined.targets[first * questions..(first + at_once) * questions];
            let hits: Vec<f64> = logits
                .chunks_exact(classes)
                .zip(targets)
                .map(|(logits, target)| f64::from(u8::from(best(logits) == *target as usize)))
                .collect();
            right.extend(hits.chunks(questions).map(|hits| hits.iter().sum::<f64>() / questions as f64));
        }
        (loss / f64::from(parts.max(1)), right)
    }

    fn look(&mut self, record: &mut dyn Record) {
        let step = self.state.step;
        let (loss, right) = self.examine();
        let accuracy = right.iter().sum::<f64>() / right.len().max(1) as f64;
        record.metric(step, "loss", loss);
        record.metric(step, "accuracy", accuracy);
        self.state.looks.push(Look { step, loss, accuracy });
        if step < self.trained.steps {
            return;
        }
        record.vector(step, "accuracy.by_sequence", right);
        let memory = self.settings.shape(&self.trained);
        let state = memory.layers * memory.memory.state_size(self.settings.lengths(&self.trained)[0]);
        record.metric(step, "state", state as f64);
        record.metric(step, "parameters", self.learner.parameters() as f64);
        let looked: Vec<Inside> = (0..LOOKED_INTO).map(|sequence| self.look_inside(sequence)).collect();
        if looked.iter().all(|inside| inside.delta.is_some() && !inside.errors.is_empty()) {
            let pairs = || looked.iter().flat_map(|inside| inside.errors.iter().zip(inside.delta.iter().flatten()));
            let count = pairs().count() as f64;
            let clipped = pairs().filter(|(error, delta)| error > delta).count() as f64;
            record.metric(step, "clipped", clipped / count);
            record.metric(step, "threshold", pairs().map(|(_, delta)| delta).sum::<f64>() / count);
        }
    }

    /// A look into the first layer's memory on a sequence of the examination.
    pub(super) fn look_inside(&mut self, sequence: usize) -> Inside {
        let ([tokens, questions], width) = (self.settings.lengths(&self.trained), self.settings.network.width);
        let faulty = self.is_faulty();
        let inputs = given("inside", 1, [tokens, questions, width], faulty);
        let learner = &mut self.learner;
        let pass = self.inside.get_or_insert_with(|| plan_inside(learner, &inputs, questions));
        hand(learner, pass, &self.examined, sequence % self.examined.count.max(1), 1, faulty);
        pass.run(&mut learner.store);
        let outputs: Vec<Vec<f32>> = (0..OUTPUTS).map(|i| pass.output(&learner.store, i)).collect();
        let at = sequence % self.examined.count.max(1);
        let of = |values: &[f32], each: usize| values[at * each..(at + 1) * each].to_vec();
        let targets: Vec<usize> = of(&self.examined.targets, questions).iter().map(|x| *x as usize).collect();
        let classes = outputs[0].len() / questions;
        let probabilities = outputs[0].chunks(classes).zip(&targets);
        let head = width / self.settings.network.heads;
        let (memories, errors) = of_first_head(&outputs, tokens, head);
        let heads = self.settings.network.heads;
        Inside {
            tokens: of(&self.examined.tokens, tokens).iter().map(|x| *x as usize).collect(),
            faulty: of(&self.examined.faulty, tokens).iter().map(|x| *x > 0.0).collect(),
            right: probabilities.map(|(row, target)| f64::from(row[*target])).collect(),
            answers: outputs[0].chunks(classes).map(best).collect(),
            targets,
            eta: by_token(&outputs[1], tokens, 1),
            alpha: by_token(&outputs[2], tokens, 1),
            delta: by_token(&outputs[3], tokens, heads),
            memories,
            errors,
            attention: outputs[7].iter().take(tokens * tokens).copied().collect(),
        }
    }

    fn subject(&self) -> Subject {
        let [tokens, questions] = self.settings.lengths(&self.trained);
        let examples = |purpose: &str| {
            let drawn = self.drawn(self.settings.training.sequences, self.key.purpose(purpose));
            Examples::new(drawn.count, drawn.tokens, drawn.targets)
        };
        let learner = &self.learner;
        let seen = [examples("card.seen").of_stream(), examples("card.unseen")];
        let model = Asked(learner.model.clone(), questions);
        let subject = learner.subject(model, Objective::CrossEntropy, seen, self.key);
        let training =
            learner.trained_for(self.state.step, self.settings.training.batch, self.settings.training.learning_rate);
        let chance = match &self.source {
            Source::Recall(recall) => recall.known().chance_accuracy,
            Source::Pixels(strings) => strings.known().chance_accuracy,
        };
        Subject { row: vec![tokens], training, chance, ..subject }
    }
}

/// Outputs of the pass of [`RecallTrial::look_inside`]: probabilities, eta, alpha, delta, keys, values, memories,
/// attention; what a model lacks is empty.
const OUTPUTS: usize = 8;

fn plan_inside(learner: &mut Learner<MemoryNet>, inputs: &[(String, Shape)], questions: usize) -> Pass {
    learner.pass(&named(inputs), |net, values, given| {
        let nothing = || given[0].graph().constant([0], Vec::new());
        let logits = net.head(values, asked(net.representation(values, given[0], fault(given)), questions));
        let (memory, steered) = net.first_memory(values, given[0], fault(given));
        vec![
            logits.softmax(),
            steered.eta.unwrap_or_else(nothing),
            steered.alpha.unwrap_or_else(nothing),
            steered.delta.unwrap_or_else(nothing),
            steered.key,
            steered.value,
            memory.memories(values, steered).unwrap_or_else(nothing),
            memory.attention(steered).unwrap_or_else(nothing),
        ]
    })
}

/// The mean of a gate by token, over the channels of its first head where `heads` is more than 1.
fn by_token(values: &[f32], tokens: usize, heads: usize) -> Option<Vec<f64>> {
    let each = values.len() / tokens;
    let first = (each / heads).max(1);
    let mean = |row: &[f32]| row[..first].iter().map(|x| f64::from(*x)).sum::<f64>() / first as f64;
    (each > 0).then(|| values.chunks(each).map(mean).collect())
}

/// The first head's memory after each token, and the length of each token's error at the memory before it.
fn of_first_head(outputs: &[Vec<f32>], tokens: usize, head: usize) -> (Vec<Vec<f32>>, Vec<f64>) {
    let (keys, values, memories) = (&outputs[4], &outputs[5], &outputs[6]);
    if memories.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let width = keys.len() / tokens;
    let element = |t: usize, i: usize, j: usize| memories[(j * tokens + t) * width + i];
    let of_token = |t: usize| (0..head * head).map(|n| element(t, n / head, n % head)).collect::<Vec<f32>>();
    let frames: Vec<Vec<f32>> = (0..tokens).map(of_token).collect();
    let error = |t: usize| {
        let (key, value) = (&keys[t * width..][..head], &values[t * width..][..head]);
        let square = |i: usize| {
            let recalled = match t {
                0 => 0.0,
                _ => frames[t - 1][i * head..(i + 1) * head].iter().zip(key).map(|(m, k)| m * k).sum::<f32>(),
            };
            f64::from((recalled - value[i]).powi(2))
        };
        (0..head).map(square).sum::<f64>().sqrt()
    };
    let errors = (0..tokens).map(error).collect();
    (frames, errors)
}

impl Trial for RecallTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.trained.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        for _ in 0..burst(self.settings.step_flop(&self.trained)) {
            self.train()?;
            if self.state.step.is_multiple_of(self.settings.training.every) || self.state.step == self.trained.steps {
                self.look(record);
                break;
            }
        }
        Ok(if self.state.step >= self.trained.steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let inside = self.look_inside(0);
        panels::trained(self, &inside)
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject(), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.trained.steps)?;
        self.learner.keep(archive)
    }
}
