//! Sequences to sequences: an encoder-decoder Transformer (Vaswani et al. 2017) trained on pairs with teacher forcing,
//! decoded greedily, with a beam or by sampling, measured by exact match.
//!
//! ```text
//! let words = Vocabulary::new(pairs.iter().flat_map(|p| &p.command));          // one for each side
//! let pair = Pair { source: words.encode(&p.command)?, target: actions.encode(&p.actions)? };
//! let mut model = SequenceToSequence::new(key, pool, adam, &Form { network, vocabularies, longest, batch });
//! model.train(&rows, step, learning_rate)?;      // rows: at most `batch` pairs
//! model.exact(&pairs, 1);                        // greedy; more than 1 is a beam
//! model.sample(&sources, &keys, &sampling);      // many a source, each with its log probability
//! model.keep(archive)?;
//! ```

mod batches;
mod decoding;
mod sampling;
mod steps;
mod subject;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use batches::Pools;
pub use sampling::{Sample, Sampling};
pub use subject::next_tokens;
pub use vocabulary::{BEGIN, END, PADDING, SPECIALS, Vocabulary};

use super::{Learner, Pass, Trained};
use crate::base::checks::Checks;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::Shape;
use crate::nn::layers::{Activation, Derivatives, NormKind, Spread};
use crate::nn::optimiser::OptimiserSettings;
use crate::nn::zoo::block::{BlockSettings, FeedForwardKind, NormPlace};
use crate::nn::zoo::encoder_decoder::{EncoderDecoder, EncoderDecoderShape};
use decoding::Decoder;
use sampling::Sampler;

/// Lengths to which batches are padded; the longest sequence of a task is the last of its own.
const LENGTHS: [usize; 12] = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];

/// A source and its target, as numbers of tokens without the special ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// What is read.
    pub source: Vec<u32>,
    /// What is to be written.
    pub target: Vec<u32>,
}

/// The Transformer of a preset: norms before each half, sinusoidal positions, embeddings scaled by the root of the
/// width, relu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformerSettings {
    /// d: width of the residual stream.
    pub width: usize,
    /// Heads of an attention; must divide the width.
    pub heads: usize,
    /// Blocks of the encoder.
    pub encoder_layers: usize,
    /// Blocks of the decoder.
    pub decoder_layers: usize,
    /// Hidden units of the feed-forward half of a block.
    pub hidden: usize,
}

/// What a [`SequenceToSequence`] is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The network.
    pub network: TransformerSettings,
    /// Tokens of the source's vocabulary and of the target's, with the special ones.
    pub vocabularies: [usize; 2],
    /// Tokens of the longest source and of the longest target, without the special ones.
    pub longest: [usize; 2],
    /// Pairs in a training step, at most.
    pub batch: usize,
}

/// A model with its training and decoding.
#[derive(Debug)]
pub struct SequenceToSequence {
    /// The model, its weights and its optimiser.
    pub learner: Learner<EncoderDecoder>,
    form: Form,
    /// One pass for each padded length of source and target that a batch had.
    training: BTreeMap<[usize; 2], Pass>,
    /// One for each width of a beam that was asked for.
    decoders: BTreeMap<usize, Decoder>,
    /// One for each number of samples a source that was asked for.
    samplers: BTreeMap<usize, Sampler>,
}

impl TransformerSettings {
    /// What cannot be used.
    pub fn check(&self, checks: &mut Checks) {
        checks.range("width", self.width, 2..=1024);
        let fits = self.heads > 0 && self.width.is_multiple_of(self.heads);
        checks.holds("heads", fits, self.heads, format!("a divisor of the width, {}", self.width));
        checks.holds("width", self.width.is_multiple_of(2), self.width, "an even width, for sinusoidal positions");
        checks.range("encoder_layers", self.encoder_layers, 1..=12);
        checks.range("decoder_layers", self.decoder_layers, 1..=12);
        checks.range("hidden", self.hidden, 1..=8192);
    }

    /// Multiply-adds for a token of the source and for one of the target, whose vocabulary has so many.
    pub fn work(&self, target_vocabulary: usize) -> [f64; 2] {
        let (d, hidden) = (self.width as f64, self.hidden as f64);
        let feed_forward = 2.0 * d * hidden;
        // The decoder's maps of keys and values of the source are counted with the source's tokens.
        let encoder = self.encoder_layers as f64 * (4.0 * d * d + feed_forward);
        let crossed = self.decoder_layers as f64 * 2.0 * d * d;
        let decoder = self.decoder_layers as f64 * (6.0 * d * d + feed_forward) + d * target_vocabulary as f64;
        [encoder + crossed, decoder]
    }

    const fn block(&self) -> BlockSettings {
        BlockSettings {
            width: self.width,
            hidden: self.hidden,
            heads: self.heads,
            key_heads: self.heads,
            norm: NormKind::LayerBias,
            norm_place: NormPlace::Before,
            feed_forward: FeedForwardKind::Perceptron(Activation::Relu),
            bias: true,
            spread: Spread::FanIn(1.0),
            derivatives: Derivatives::First,
        }
    }
}

impl Form {
    /// The model's shape: a source ends with [`END`], a target begins with [`BEGIN`] and has room for one token more
    /// than the longest has with its [`END`], so that one that does not end is never right.
    pub fn shape(&self) -> EncoderDecoderShape {
        EncoderDecoderShape {
            source_vocabulary: self.vocabularies[0],
            source_tokens: self.longest[0] + 1,
            target_vocabulary: self.vocabularies[1],
            target_tokens: self.longest[1] + 2,
            encoder_layers: self.network.encoder_layers,
            decoder_layers: self.network.decoder_layers,
            block: self.network.block(),
            learned_positions: false,
        }
    }

    /// Floating-point operations of a training step on sources and targets of these mean lengths.
    pub fn step_flop(&self, lengths: [f64; 2]) -> f64 {
        let [source, target] = self.network.work(self.vocabularies[1]);
        6.0 * self.batch as f64 * (lengths[0] * source + lengths[1] * target)
    }

    /// To how many tokens sequences of so many, special ones included, are padded.
    fn padded(&self, side: usize, tokens: usize) -> usize {
        let most = self.longest[side] + 1;
        LENGTHS.into_iter().find(|length| *length >= tokens).unwrap_or(most).min(most)
    }
}

impl SequenceToSequence {
    /// A model with fresh weights, from streams below `key`.
    pub fn new(key: Key, pool: Pool, optimiser: impl Into<OptimiserSettings>, form: &Form) -> Self {
        let shape = form.shape();
        let learner = Learner::new(key, pool, optimiser, move |b| EncoderDecoder::new(b, &shape));
        SequenceToSequence {
            learner,
            form: *form,
            training: BTreeMap::new(),
            decoders: BTreeMap::new(),
            samplers: BTreeMap::new(),
        }
    }

    /// What it was made for.
    pub const fn form(&self) -> &Form {
        &self.form
    }

    /// A step of training with teacher forcing on at most as many pairs as a batch holds: the loss is the mean cross
    /// entropy of a target's tokens and its end, in nats a token.
    ///
    /// # Errors
    /// When loss or gradient is not finite.
    ///
    /// # Panics
    /// If there are no pairs, more than a batch holds, or longer ones than the model was made for.
    pub fn train(&mut self, rows: &[&Pair], step: u64, learning_rate: f32) -> Result<Trained, TrialError> {
        let batch = self.form.batch;
        assert!((1..=batch).contains(&rows.len()), "{} pairs for a batch of {batch}", rows.len());
        let longest = |of: fn(&Pair) -> usize| 1 + rows.iter().map(|pair| of(pair)).max().unwrap_or(0);
        let source = self.form.padded(0, longest(|pair| pair.source.len()));
        let target = self.form.padded(1, longest(|pair| pair.target.len()));
        let learner = &mut self.learner;
        let pass = self.training.entry([source, target]).or_insert_with(|| plan(learner, batch, [source, target]));
        fill_sources(pass.input(&mut learner.store, 0), source, rows.iter().map(|pair| pair.source.as_slice()));
        let inputs = pass.input(&mut learner.store, 1);
        inputs.fill(PADDING as f32);
        for (row, pair) in inputs.chunks_mut(target).zip(rows) {
            let tokens = [BEGIN].iter().chain(&pair.target);
            row.iter_mut().zip(tokens).for_each(|(to, token)| *to = *token as f32);
        }
        let answers = pass.input(&mut learner.store, 2);
        answers.fill(UNCOUNTED);
        for (row, pair) in answers.chunks_mut(target).zip(rows) {
            let tokens = pair.target.iter().chain(&[END]);
            row.iter_mut().zip(tokens).for_each(|(to, token)| *to = *token as f32);
        }
        let counted: usize = rows.iter().map(|pair| pair.target.len() + 1).sum();
        pass.set(&mut learner.store, 3, &[1.0 / counted as f32]);
        learner.train(pass, step, learning_rate)
    }

    /// What the model writes for each source: of a beam of this width the likeliest whole sequence, without its end.
    /// A beam of 1 is greedy decoding.
    ///
    /// # Panics
    /// If the beam is empty, or a source is longer than the model was made for.
    pub fn decode(&mut self, sources: &[&[u32]], beam: usize) -> Vec<Vec<u32>> {
        let (learner, shape) = (&mut self.learner, self.form.shape());
        let decoder = self.decoders.entry(beam).or_insert_with(|| Decoder::new(learner, &shape, beam));
        decoder.decode(&mut self.learner.store, sources)
    }

    /// Sequences that the model draws for each source, all sources side by side. What is drawn for a source depends on
    /// its key, and on nothing that stands beside it.
    ///
    /// # Panics
    /// If there is not a key for each source, no samples, a share or a temperature that is not above 0, or a source is
    /// longer than the model was made for.
    pub fn sample(&mut self, sources: &[&[u32]], keys: &[Key], sampling: &Sampling) -> Vec<Vec<Sample>> {
        let (learner, shape) = (&mut self.learner, self.form.shape());
        let samples = sampling.samples;
        let sampler = self.samplers.entry(samples).or_insert_with(|| Sampler::new(learner, &shape, samples));
        sampler.sample(&mut self.learner.store, sources, keys, sampling)
    }

    /// Whether each target is written exactly.
    pub fn exact(&mut self, pairs: &[Pair], beam: usize) -> Vec<bool> {
        let sources: Vec<&[u32]> = pairs.iter().map(|pair| pair.source.as_slice()).collect();
        let written = self.decode(&sources, beam);
        written.iter().zip(pairs).map(|(written, pair)| *written == pair.target).collect()
    }

    /// The embeddings of the source's tokens, one row a token.
    ///
    /// # Panics
    /// Never: the encoder has an embedding.
    pub fn source_embeddings(&self) -> Vec<Vec<f32>> {
        let store = &self.learner.store;
        let slot = store.find("encoder.embedding.weight").expect("the encoder has an embedding");
        store.values(slot).chunks(self.form.network.width).map(<[f32]>::to_vec).collect()
    }

    /// Names weights and optimiser state to a checkpoint.
    ///
    /// # Errors
    /// When the checkpoint lacks a tensor or holds one of another shape.
    pub fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        self.learner.keep(archive)
    }
}

/// The share of answers that is right; 0 of none.
pub fn share(right: &[bool]) -> f64 {
    right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64
}

/// The target of a token that does not count.
const UNCOUNTED: f32 = -1.0;

fn plan(learner: &mut Learner<EncoderDecoder>, batch: usize, [source, target]: [usize; 2]) -> Pass {
    let name = |what: &str| format!("{what}.{source}.{target}");
    let names = ["source", "target", "answers", "share"].map(name);
    let shapes = [[batch, source].into(), [batch, target].into(), [batch, target].into(), Shape::SCALAR];
    let inputs: Vec<(&str, Shape)> = names.iter().map(String::as_str).zip(shapes).collect();
    learner.training(&inputs, |model, values, given| {
        // Padding is token 0: the tokens themselves are above 0 where they are real.
        let logits = model.forward(values, given[0], given[0], given[1]);
        (logits.cross_entropy(given[2]).sum() * given[3], Vec::new())
    })
}

/// Writes sources with their ends into rows of `tokens`. Rows without a source have an end alone, so that every row
/// sees something.
fn fill_sources<'a>(rows: &mut [f32], tokens: usize, sources: impl Iterator<Item = &'a [u32]>) {
    rows.fill(PADDING as f32);
    rows.chunks_mut(tokens).for_each(|row| row[0] = END as f32);
    for (row, source) in rows.chunks_mut(tokens).zip(sources) {
        assert!(source.len() < tokens, "a source of {} tokens where {tokens} with its end are most", source.len());
        row.iter_mut().zip(source.iter().chain(&[END])).for_each(|(to, token)| *to = *token as f32);
    }
}
