//! The parser: a perceptron over the features of a state says which transition comes next (Chen and Manning 2014).

use rand::RngExt;
use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::transitions::{ACTIONS, Action, FEATURES, State, Transition};
use super::tree::Tree;
use super::value::Language;
use crate::base::random::{Key, Stream};
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::{Shape, Var};
use crate::nn::layers::{Embedding, Linear};
use crate::nn::optimiser::{Method, Moments};
use crate::nn::weights::{Builder, Values};
use crate::training::{Learner, Pass};

/// Added to the logit of an action that may not be taken.
const ILLEGAL: f32 = -1e4;

/// The network and how it learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParserSettings {
    /// Numbers that a symbol becomes.
    pub embedding: usize,
    /// Hidden units, with relu.
    pub hidden: usize,
    /// Share of hidden units that a training step leaves out.
    pub dropout: f32,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// Transitions in a batch.
    pub batch: usize,
    /// Passes over an epoch's transitions.
    pub passes: u64,
    /// Share of actions of sampled parses that are any legal one. Without it a parser that is sure of itself too soon
    /// never tries anything else: in two of three seeds it locks in `twice` over `and`.
    pub exploration: f32,
}

/// Embedding, hidden layer, a logit an action.
#[derive(Clone, Debug)]
struct Network {
    embedding: Embedding,
    hidden: Linear,
    output: Linear,
}

impl Network {
    fn new(b: &mut Builder<'_>, symbols: usize, settings: &ParserSettings) -> Self {
        Network {
            embedding: Embedding::new(b, "embedding", symbols + 1, settings.embedding, 1.0),
            hidden: Linear::uniform(b, "hidden", FEATURES * settings.embedding, settings.hidden, true),
            output: Linear::uniform(b, "output", settings.hidden, ACTIONS, true),
        }
    }

    /// Features `[rows, 18]` to hidden units `[rows, hidden]`.
    fn hidden<'g>(&self, values: &Values<'g>, features: Var<'g>) -> Var<'g> {
        let words = self.embedding.forward(values, features);
        let shape = words.shape();
        self.hidden.forward(values, words.reshape([shape[0], shape[1] * shape[2]])).relu()
    }

    /// What each symbol at each feature adds to the hidden units, `[symbols + 1, 18 x hidden]`: embeddings and
    /// hidden weights multiplied once, so that a state costs a sum of 18 rows.
    fn table<'g>(&self, values: &Values<'g>, symbols: Var<'g>) -> Var<'g> {
        let words = self.embedding.forward(values, symbols);
        let width = words.shape()[1];
        let weight = values[self.hidden.weight()];
        let hidden = weight.shape()[1];
        // [18 x width, hidden] to [width, 18 x hidden].
        let weight = weight.reshape([FEATURES, width, hidden]).permute(&[1, 0, 2]).reshape([width, FEATURES * hidden]);
        words.matmul(weight)
    }
}

/// The weights as parsing reads them.
#[derive(Clone, Debug, Default)]
struct Fast {
    table: Vec<f32>,
    bias: Vec<f32>,
    output: Vec<f32>,
    output_bias: Vec<f32>,
}

/// A parser that learns.
pub(super) struct Parser {
    settings: ParserSettings,
    key: Key,
    learner: Learner<Network>,
    training: Pass,
    reading: Pass,
    fast: Fast,
}

/// A parse that was completed.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// The tree, without values.
    pub(super) tree: Tree,
    /// The way there.
    pub(super) transitions: Vec<Transition>,
    /// The probability of the arc above each node; 1 at the root.
    pub(super) arcs: Vec<f32>,
}

/// How well the parser told the transitions that it learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Transitions seen.
    pub(super) seen: usize,
    /// Of them the most likely action.
    pub(super) right: usize,
}

impl Parser {
    /// A fresh parser for a language; streams are addressed below `key`.
    pub(super) fn new(language: &Language, settings: ParserSettings, key: Key, pool: Pool) -> Self {
        let symbols = usize::from(language.none());
        let build = move |b: &mut Builder<'_>| Network::new(b, symbols, &settings);
        let mut learner = Learner::new(key, pool, Method::Adam(Moments::default()), build);
        let rows = settings.batch;
        let given = [
            ("features", Shape::from([rows, FEATURES])),
            ("illegal", Shape::from([rows, ACTIONS])),
            ("action", Shape::from([rows])),
            ("each", Shape::from([1])),
            ("step", Shape::SCALAR),
        ];
        let seed = key.purpose("dropout").number();
        let training = learner.training(&given, |network, values, given| {
            let hidden = network.hidden(values, given[0]).dropout(settings.dropout, seed, given[4]);
            let logits = network.output.forward(values, hidden) + given[1];
            ((logits.cross_entropy(given[2]) * given[3]).sum(), vec![logits])
        });
        let reading = learner.pass(&[("symbols", Shape::from([symbols + 1]))], |network, values, given| {
            let graph = given[0].graph();
            let nothing = graph.constant([1, FEATURES], vec![-1.0; FEATURES]);
            // Without any word the hidden layer is its bias, and without hidden units the output is.
            let words = network.embedding.forward(values, nothing);
            let bias = network.hidden.forward(values, words.reshape([1, words.shape()[1] * words.shape()[2]]));
            let none = graph.constant([1, settings.hidden], vec![0.0; settings.hidden]);
            let output = values[network.output.weight()] * 1.0;
            vec![network.table(values, given[0]), bias, output, network.output.forward(values, none)]
        });
        let all: Vec<f32> = (0..=symbols).map(|symbol| symbol as f32).collect();
        reading.set(&mut learner.store, 0, &all);
        let mut parser = Parser { settings, key, learner, training, reading, fast: Fast::default() };
        parser.refresh();
        parser
    }

    /// Reads the weights anew.
    fn refresh(&mut self) {
        self.reading.run(&mut self.learner.store);
        let [table, bias, output, output_bias] = [0, 1, 2, 3].map(|i| self.reading.output(&self.learner.store, i));
        self.fast = Fast { table, bias, output, output_bias };
    }

    /// Probabilities of the actions, of which some may be taken.
    fn probabilities(&self, features: &[u8; FEATURES], legal: [bool; ACTIONS]) -> [f32; ACTIONS] {
        let width = self.settings.hidden;
        let mut hidden = self.fast.bias.clone();
        for (i, symbol) in features.iter().enumerate() {
            let row = &self.fast.table[(usize::from(*symbol) * FEATURES + i) * width..][..width];
            hidden.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let mut logits = [0.0; ACTIONS];
        logits.copy_from_slice(&self.fast.output_bias);
        for (h, weights) in hidden.iter().zip(self.fast.output.chunks_exact(ACTIONS)) {
            let h = h.max(0.0);
            logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit += h * weight);
        }
        let most = (0..ACTIONS).filter(|i| legal[*i]).map(|i| logits[i]).fold(f32::NEG_INFINITY, f32::max);
        let weight = |i: usize| if legal[i] { (logits[i] - most).exp() } else { 0.0 };
        let weights = [weight(0), weight(1), weight(2)];
        weights.map(|weight| weight / weights.iter().sum::<f32>())
    }

    /// The probabilities with a share of any legal action.
    fn explored(&self, p: [f32; ACTIONS], legal: [bool; ACTIONS]) -> [f32; ACTIONS] {
        let share = self.settings.exploration;
        let any = share / legal.iter().filter(|legal| **legal).count().max(1) as f32;
        std::array::from_fn(|i| if legal[i] { (1.0 - share) * p[i] + any } else { 0.0 })
    }

    /// Parses a sentence, by sampled actions or by the most likely ones; none where it ends without a tree.
    pub(super) fn parse(&self, symbols: &[u8], language: &Language, mut stream: Option<&mut Stream>) -> Option<Parsed> {
        let mut state = State::new(symbols, language);
        let (mut transitions, mut arcs) = (Vec::with_capacity(2 * symbols.len()), Vec::new());
        while !state.done() {
            let legal = state.legal();
            if legal == [false; ACTIONS] {
                return None;
            }
            let features = state.features();
            let p = self.probabilities(&features, legal);
            let chosen = match stream.as_deref_mut() {
                Some(stream) => sampled(&self.explored(p, legal), &legal, stream.random()),
                None => (0..ACTIONS).fold(0, |best, i| if p[i] > p[best] { i } else { best }),
            };
            let action = Action::ALL[chosen];
            arcs.extend(state.dependent(action).map(|of| (of, p[chosen])));
            state.take(action);
            transitions.push(Transition { features, legal, action });
        }
        let mut above = vec![1.0; symbols.len()];
        arcs.into_iter().for_each(|(of, p)| above[of] = p);
        Some(Parsed { tree: state.tree(), transitions, arcs: above })
    }

    /// One pass over transitions in an order of its own.
    ///
    /// # Errors
    /// When the loss or a gradient is not finite.
    pub(super) fn learn(&mut self, transitions: &[Transition], pass: u64, steps: &mut u64) -> Result<Told, TrialError> {
        let mut order: Vec<usize> = (0..transitions.len()).collect();
        order.shuffle(&mut self.key.purpose("order").index(pass).stream());
        let mut told = Told::default();
        for part in order.chunks(self.settings.batch) {
            self.fill(transitions, part, *steps);
            self.learner.train(&mut self.training, *steps, self.settings.learning_rate)?;
            *steps += 1;
            let logits = self.training.output(&self.learner.store, 2);
            told.seen += part.len();
            told.right += part
                .iter()
                .zip(logits.chunks_exact(ACTIONS))
                .filter(|(at, logits)| {
                    let best = (0..ACTIONS).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
                    best == transitions[**at].action as usize
                })
                .count();
        }
        self.refresh();
        Ok(told)
    }

    /// Hands a batch to the training pass; rows without a transition do not count.
    fn fill(&mut self, transitions: &[Transition], part: &[usize], step: u64) {
        let store = &mut self.learner.store;
        let features = self.training.input(store, 0);
        for (row, at) in features.chunks_exact_mut(FEATURES).zip(part) {
            row.iter_mut().zip(transitions[*at].features).for_each(|(x, symbol)| *x = f32::from(symbol));
        }
        let illegal = self.training.input(store, 1);
        for (row, at) in illegal.chunks_exact_mut(ACTIONS).zip(part) {
            row.iter_mut().zip(transitions[*at].legal).for_each(|(x, legal)| *x = if legal { 0.0 } else { ILLEGAL });
        }
        let action = self.training.input(store, 2);
        action.fill(-1.0);
        action.iter_mut().zip(part).for_each(|(x, at)| *x = transitions[*at].action as usize as f32);
        self.training.set(store, 3, &[1.0 / part.len() as f32]);
        self.training.set(store, 4, &[(step % (1 << 24)) as f32]);
    }

    /// Names weights and optimiser state to a checkpoint.
    ///
    /// # Errors
    /// When the checkpoint is of another parser.
    pub(super) fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        self.learner.keep(&mut archive.under("parser."))?;
        if archive.restores() {
            self.refresh();
        }
        Ok(())
    }
}

/// The action at a place between 0 and 1 of the probabilities.
fn sampled(p: &[f32; ACTIONS], legal: &[bool; ACTIONS], mut at: f32) -> usize {
    let mut last = 0;
    for i in (0..ACTIONS).filter(|i| legal[*i]) {
        last = i;
        at -= p[i];
        if at < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::super::value::Kind;
    use super::*;
    use crate::contract::Checkpoint;

    fn language() -> Language {
        let words = ["walk", "left", "and"].map(String::from).to_vec();
        Language {
            kind: Kind::Lists,
            words,
            arity: vec![0, 1, 2],
            classes: vec![0, 1, 2],
            given: vec![None; 3],
            tokens: vec!["W".into()],
            constants: 1,
        }
    }

    fn parser(seed: u64) -> Parser {
        let settings = ParserSettings {
            embedding: 4,
            hidden: 8,
            dropout: 0.2,
            learning_rate: 1e-2,
            batch: 8,
            passes: 1,
            exploration: 0.1,
        };
        Parser::new(&language(), settings, Key::new(seed), Pool::serial())
    }

    /// walk left and walk left.
    const SENTENCE: [u8; 5] = [0, 1, 2, 0, 1];

    #[test]
    fn the_fast_way_is_the_network() {
        let mut parser = parser(1);
        let pass = [("rows", Shape::from([2, FEATURES]))];
        let mut slow = parser.learner.pass(&pass, |network, values, given| {
            vec![network.output.forward(values, network.hidden(values, given[0]))]
        });
        let rows: Vec<[u8; FEATURES]> = vec![[3; FEATURES], std::array::from_fn(|i| (i % 4) as u8)];
        let flat: Vec<f32> = rows.iter().flatten().map(|symbol| f32::from(*symbol)).collect();
        slow.set(&mut parser.learner.store, 0, &flat);
        slow.run(&mut parser.learner.store);
        let logits = slow.output(&parser.learner.store, 0);
        for (features, logits) in rows.iter().zip(logits.chunks(ACTIONS)) {
            let weights: Vec<f32> = logits.iter().map(|logit| logit.exp()).collect();
            for (p, weight) in parser.probabilities(features, [true; 3]).iter().zip(&weights) {
                assert!((p - weight / weights.iter().sum::<f32>()).abs() < 1e-5, "{p}");
            }
        }
        assert_eq!(parser.probabilities(&rows[0], [false, true, false]), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn it_learns_the_parses_that_it_is_shown() {
        let (mut parser, language) = (parser(1), language());
        let mut stream = Key::new(2).stream();
        let shown = loop {
            if let Some(parsed) = parser.parse(&SENTENCE, &language, Some(&mut stream)) {
                break parsed;
            }
        };
        let mut steps = 0;
        for pass in 0..80 {
            parser.learn(&shown.transitions, pass, &mut steps).unwrap();
        }
        let read = parser.parse(&SENTENCE, &language, None).unwrap();
        assert_eq!((read.tree, read.transitions), (shown.tree, shown.transitions));
        assert!(read.arcs.iter().all(|p| (0.0..=1.0).contains(p)));
        let p = parser.explored([1.0, 0.0, 0.0], [true, true, false]);
        assert!((p[0] - 0.95).abs() < 1e-6 && (p[1] - 0.05).abs() < 1e-6 && p[2] == 0.0);
    }

    #[test]
    fn a_restored_parser_parses_alike() {
        let mut first = parser(1);
        let mut saved = Checkpoint::default();
        first.keep(&mut Archive::saving(&mut saved)).unwrap();
        let mut second = parser(7);
        let features = [1; FEATURES];
        assert_ne!(first.probabilities(&features, [true; 3]), second.probabilities(&features, [true; 3]));
        second.keep(&mut Archive::restoring(&saved)).unwrap();
        assert_eq!(first.probabilities(&features, [true; 3]), second.probabilities(&features, [true; 3]));
    }
}
