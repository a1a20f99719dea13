//! Transformer neural process (Nguyen and Grover 2022; as in Maraval et al. 2023): a set of observed
//! points and a set of queries in, an answer a query out. Nothing has a position: observed points see the
//! observed, a query sees the observed and itself, so the answer depends on no order and on no other
//! query.

use serde::{Deserialize, Serialize};

use super::block::{Block, BlockSettings};
use crate::engine::Var;
use crate::engine::ops::masked_attention::Seen;
use crate::nn::layers::{Activation, Linear, Norm, Perceptron, PerceptronSettings, Reading, Sight};
use crate::nn::weights::{Builder, Values};

/// What a [`NeuralProcess`] is set to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeuralProcessShape {
    /// Numbers of a point x.
    pub inputs: usize,
    /// Numbers of an observation y.
    pub observations: usize,
    /// Numbers of an answer: bins of a distribution, or a mean and a deviation.
    pub outputs: usize,
    /// Blocks.
    pub layers: usize,
    /// What a block is.
    pub block: BlockSettings,
    /// Hidden units of the head.
    pub head_hidden: usize,
}

/// A Transformer over observed points and queries.
#[derive(Clone, Debug)]
pub struct NeuralProcess {
    point: Linear,
    observation: Linear,
    blocks: Vec<Block>,
    norm: Option<Norm>,
    head: Perceptron,
}

/// What a neural process computed for N queries.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'g> {
    /// `[batch, N, outputs]`.
    pub outputs: Var<'g>,
    /// What the queries were embedded as, `[batch, N, width]`.
    pub embedded: Var<'g>,
    /// What the blocks gave for them, `[batch, N, width]`.
    pub hidden: Var<'g>,
}

impl NeuralProcess {
    /// `point`, `observation`, `layers.I`, perhaps `norm`, `head`.
    ///
    /// # Panics
    /// If the heads do not fit.
    pub fn new(b: &mut Builder<'_>, shape: &NeuralProcessShape) -> Self {
        let NeuralProcessShape { inputs, observations, outputs, layers, block, head_hidden } = *shape;
        let linear = |b: &mut Builder<'_>, name: &str, inputs: usize| {
            let linear = Linear::new(b, name, inputs, block.width, 1.0);
            linear.with_bias(b, name, block.width, 0.0)
        };
        let head = PerceptronSettings {
            inputs: block.width,
            hidden: head_hidden,
            outputs,
            activation: Activation::Gelu,
            bias: true,
            spread: block.spread,
            output_scale: 1.0,
        };
        NeuralProcess {
            point: linear(b, "point", inputs),
            observation: linear(b, "observation", observations),
            blocks: Block::stack(b, &block, layers, None),
            norm: block.last_norm(b),
            head: Perceptron::new(b, "head", &head),
        }
    }

    /// Answers to the queries `[batch, N, inputs]`, given `points` `[batch, C, inputs]` with `observations`
    /// `[batch, C, observations]`, of which those count whose `observed` `[batch, C]` is above 0.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward<'g>(
        &self,
        values: &Values<'g>,
        points: Var<'g>,
        observations: Var<'g>,
        observed: Var<'g>,
        queries: Var<'g>,
    ) -> Answers<'g> {
        let (context, count) = (points.shape()[1], queries.shape()[1]);
        let embedded = self.point.forward(values, queries);
        let pairs = self.point.forward(values, points) + self.observation.forward(values, observations);
        let reading = Reading::new(Sight::Seen(Seen::masked(mask(observed, count))));
        let h = queries.graph().concat(1, &[pairs, embedded]);
        let h = self.blocks.iter().fold(h, |h, block| block.forward(values, h, &reading, None).0);
        let h = h.slice(1, context, count);
        let hidden = self.norm.as_ref().map_or(h, |norm| norm.forward(values, h));
        Answers { outputs: self.head.forward(values, hidden), embedded, hidden }
    }
}

/// `[batch, C + N, C + N]`: everyone sees the observed, and a query itself.
fn mask(observed: Var<'_>, queries: usize) -> Var<'_> {
    let (graph, shape) = (observed.graph(), observed.shape());
    let (batch, context) = (shape[0], shape[1]);
    let all = context + queries;
    let seen = observed.reshape([batch, 1, context]).broadcast_to([batch, all, context]);
    let own = |i: usize| if i / queries == context + i % queries { 1.0 } else { 0.0 };
    let own = graph.constant([1, all, queries], (0..all * queries).map(own).collect());
    graph.concat(2, &[seen, own.broadcast_to([batch, all, queries])])
}

#[cfg(test)]
mod tests {
    use super::super::check::{BLOCK, Built, assert_learned, assert_near, given, reals};
    use super::*;

    const SHAPE: NeuralProcessShape =
        NeuralProcessShape { inputs: 2, observations: 1, outputs: 3, layers: 2, block: BLOCK, head_hidden: 16 };
    /// The second sequence has observed one point of four.
    const OBSERVED: [f32; 8] = [1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0];

    struct Sets {
        points: Vec<f32>,
        values: Vec<f32>,
        observed: Vec<f32>,
        queries: Vec<f32>,
    }

    fn sets() -> Sets {
        Sets { points: reals(1, 16), values: reals(2, 8), observed: OBSERVED.to_vec(), queries: reals(3, 20) }
    }

    fn run(built: &mut Built<NeuralProcess>, sets: &Sets) -> Vec<f32> {
        let mut found = built.run(|model, values, graph| {
            let (points, y) = (given(graph, [2, 4, 2], &sets.points), given(graph, [2, 4, 1], &sets.values));
            let (observed, queries) = (given(graph, [2, 4], &sets.observed), given(graph, [2, 5, 2], &sets.queries));
            let answers = model.forward(values, points, y, observed, queries);
            assert_eq!(answers.hidden.shape(), answers.embedded.shape());
            vec![answers.outputs]
        });
        found.remove(0)
    }

    #[test]
    fn what_was_not_observed_changes_no_bit() {
        let mut built = Built::new(|b| NeuralProcess::new(b, &SHAPE));
        let want = run(&mut built, &sets());
        let mut other = sets();
        for i in [3, 5, 6, 7] {
            other.values[i] = 9.0;
            other.points[2 * i] = -7.0;
        }
        assert_eq!(want, run(&mut built, &other));
        other.values[4] += 0.5;
        let changed = run(&mut built, &other);
        assert!(want[..15] == changed[..15] && want[15..] != changed[15..]);
        // Nothing observed at all is an answer too.
        let blank = run(&mut built, &Sets { observed: vec![0.0; 8], ..sets() });
        assert!(blank.iter().all(|x| x.is_finite()) && blank != want);
    }

    #[test]
    fn queries_do_not_see_each_other() {
        let mut built = Built::new(|b| NeuralProcess::new(b, &SHAPE));
        let want = run(&mut built, &sets());
        let mut other = sets();
        other.queries[4] += 1.0;
        let changed = run(&mut built, &other);
        assert!(want[..6] == changed[..6] && want[9..] == changed[9..] && want[6..9] != changed[6..9]);
    }

    #[test]
    fn the_order_of_observations_does_not_matter() {
        let mut built = Built::new(|b| NeuralProcess::new(b, &SHAPE));
        let want = run(&mut built, &sets());
        let mut other = sets();
        other.values.swap(0, 2);
        (0..2).for_each(|i| other.points.swap(i, 4 + i));
        assert_near(&run(&mut built, &other), &want, 1e-5);
    }

    #[test]
    fn it_learns() {
        let losses = Built::new(|b| NeuralProcess::new(b, &SHAPE)).train(0.01, 60, |model, values, graph| {
            let Sets { points, values: y, observed, queries } = sets();
            let (points, y) = (given(graph, [2, 4, 2], &points), given(graph, [2, 4, 1], &y));
            let (observed, queries) = (given(graph, [2, 4], &observed), given(graph, [2, 5, 2], &queries));
            let bins = given(graph, [2, 5], &[0.0, 1.0, 2.0, 1.0, 0.0, 2.0, 2.0, 1.0, 0.0, 1.0]);
            model.forward(values, points, y, observed, queries).outputs.cross_entropy(bins).mean()
        });
        assert_learned(&losses, 0.3);
    }
}
