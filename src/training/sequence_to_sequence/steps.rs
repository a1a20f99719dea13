//! One token more of many sequences at a time, over a cache of keys and values: what beams and samples are decoded with.

use std::sync::Arc;

use super::{BEGIN, fill_sources};
use crate::engine::{Executor, Graph, Output, Slot, Store};
use crate::nn::layers::Cache;
use crate::nn::zoo::encoder_decoder::{EncoderDecoder, EncoderDecoderShape};
use crate::training::{Learner, Pass};

/// Plans for encoding sources and for the next token of what is written for them. Every source is encoded once,
/// however many sequences are written for it.
#[derive(Debug)]
pub(super) struct Steps {
    /// Sources at a time.
    pub(super) sources: usize,
    /// Sequences that are written for each.
    pub(super) each: usize,
    shape: EncoderDecoderShape,
    encoding: Pass,
    encoded: Slot,
    tokens: Slot,
    cache: Cache,
    step: Executor,
    scores: Output,
}

impl Steps {
    pub(super) fn new(
        learner: &mut Learner<EncoderDecoder>,
        shape: &EncoderDecoderShape,
        sources: usize,
        each: usize,
    ) -> Self {
        let rows = sources * each;
        let [given, memories, written, kept] =
            ["sources", "encoded", "tokens", "cache"].map(|what| format!("decoding.{sources}.{each}.{what}"));
        let tokens = shape.source_tokens;
        let encoding = learner.pass(&[(&*given, [sources, tokens].into())], |model, values, given| {
            vec![model.encode(values, given[0], given[0])]
        });
        let inputs = [(&*memories, [sources, tokens, shape.block.width].into()), (&*written, [rows, 1].into())];
        let [encoded, tokens] = learner.input_slots(&inputs)[..] else { unreachable!("a slot for each input") };
        let cache = learner.cache(&kept, &shape.cache(rows));
        let graph = Graph::new();
        let values = learner.weights.read(&graph, &learner.store);
        let [memory, padding, next] = [encoded, encoding.slot(0), tokens].map(|slot| graph.read(&learner.store, slot));
        let logits = learner.model.step(&values, &graph, &learner.store, &cache, memory, padding, next);
        let scores = graph.output("scores", logits.log_softmax());
        let step = Executor::new(Arc::new(graph.plan()), learner.pool.clone());
        Steps { sources, each, shape: *shape, encoding, encoded, tokens, cache, step, scores }
    }

    /// Different tokens of a target.
    pub(super) const fn classes(&self) -> usize {
        self.shape.target_vocabulary
    }

    /// Most tokens of a target.
    pub(super) const fn longest(&self) -> usize {
        self.shape.target_tokens
    }

    /// Encodes sources, at most as many as there is room for, and begins their sequences.
    pub(super) fn begin(&mut self, store: &mut Store, sources: &[&[u32]]) {
        fill_sources(self.encoding.input(store, 0), self.shape.source_tokens, sources.iter().copied());
        self.encoding.run(store);
        let encoded = self.encoding.output(store, 0);
        store.values_mut(self.encoded).copy_from_slice(&encoded);
        self.cache.truncate(store, 0);
        store.values_mut(self.tokens).fill(BEGIN as f32);
    }

    /// Sequence i goes on from what sequence `rows[i]` has written.
    pub(super) fn pick(&self, store: &mut Store, rows: &[usize]) {
        self.cache.pick(store, rows);
    }

    /// Log probabilities of the next token of every sequence, row by row, after its `last` one.
    pub(super) fn next(&mut self, store: &mut Store, last: impl Iterator<Item = u32>) -> Vec<f32> {
        store.values_mut(self.tokens).iter_mut().zip(last).for_each(|(to, token)| *to = token as f32);
        self.step.run(store);
        self.step.output(self.scores, store)
    }
}
