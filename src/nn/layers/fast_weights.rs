//! Fast weights: an outer-product memory written and read by every token. Keys and queries are
//! L2-normalised silu projections (Schlag, Irie and Schmidhuber 2021; Yang et al. 2024).

use super::Linear;
use crate::engine::Var;
use crate::nn::weights::{Builder, Values};

/// Added to the squared length before the root.
const EPSILON: f32 = 1e-6;

/// How a token writes into the memory S.
#[derive(Clone, Debug)]
enum Rule {
    /// S += v k^T.
    Add,
    /// S += beta (v - S k) k^T with beta = sigmoid(x W + b), one a head.
    Delta { beta: Linear },
}

/// Projections around a linear-attention or delta-rule scan.
#[derive(Clone, Debug)]
pub struct FastWeights {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    rule: Rule,
    heads: usize,
}

impl FastWeights {
    /// A memory that only adds. `heads` must divide `width`.
    pub fn adding(b: &mut Builder<'_>, width: usize, heads: usize, output_scale: f32) -> Self {
        b.within("linear_attention", |b| FastWeights::new(b, width, heads, output_scale, |_| Rule::Add))
    }

    /// A memory that corrects what a key recalls. `heads` must divide `width`.
    pub fn correcting(b: &mut Builder<'_>, width: usize, heads: usize, output_scale: f32) -> Self {
        let beta = |b: &mut Builder<'_>| {
            let beta = Linear::new(b, "beta", width, heads, 1.0).with_bias(b, "beta", heads, 0.0);
            Rule::Delta { beta }
        };
        b.within("delta_rule", |b| FastWeights::new(b, width, heads, output_scale, beta))
    }

    fn new(
        b: &mut Builder<'_>,
        width: usize,
        heads: usize,
        output_scale: f32,
        rule: impl FnOnce(&mut Builder<'_>) -> Rule,
    ) -> Self {
        FastWeights {
            query: Linear::new(b, "query", width, width, 1.0),
            key: Linear::new(b, "key", width, width, 1.0),
            value: Linear::new(b, "value", width, width, 1.0),
            output: Linear::new(b, "output", width, width, output_scale),
            rule: rule(b),
            heads,
        }
    }

    /// `[batch, tokens, width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Var<'g> {
        let [q, k, v] = self.projected(values, x);
        let read = match &self.rule {
            Rule::Add => q.linear_attention(k, v, self.heads),
            Rule::Delta { beta } => q.delta_rule(k, v, beta.forward(values, x).sigmoid(), self.heads),
        };
        self.output.forward(values, read)
    }

    /// What every token writes: keys and values `[batch, tokens, width]`, head by head. The memory of a head behind a
    /// token is the sum of the outer products value x key up to it. Has no gradient.
    pub fn writes<'g>(&self, values: &Values<'g>, x: Var<'g>) -> [Var<'g>; 2] {
        let [q, k, v] = self.projected(values, x);
        let Rule::Delta { beta } = &self.rule else { return [k, v] };
        let beta = beta.forward(values, x).sigmoid();
        let (shape, gates) = (v.shape(), beta.shape());
        let by_head = [&gates[..], &[shape.last_extent() / self.heads]].concat();
        let errors = q.delta_rule_errors(k, v, beta, self.heads).reshape(by_head);
        [k, (errors * beta.reshape([&gates[..], &[1]].concat())).reshape(shape)]
    }

    /// Queries, keys and values.
    fn projected<'g>(&self, values: &Values<'g>, x: Var<'g>) -> [Var<'g>; 3] {
        let unit = |projection: &Linear| self.normalise(projection.forward(values, x).silu());
        [unit(&self.query), unit(&self.key), self.value.forward(values, x)]
    }

    /// Every head's part of the last axis brought to length one.
    fn normalise<'g>(&self, x: Var<'g>) -> Var<'g> {
        let shape = x.shape();
        let mut by_head = shape.to_vec();
        let width = shape.last_extent() / self.heads;
        by_head.pop();
        by_head.extend([self.heads, width]);
        x.reshape(by_head).unit_length(EPSILON).reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};
    use rand::RngExt;

    /// Tokens, width and heads.
    const SIZES: (usize, usize, usize) = (7, 6, 2);

    /// What queries read from the sums of what was written.
    fn read_back(q: &[f32], k: &[f32], written: &[f32]) -> Vec<f64> {
        let (tokens, width, heads) = SIZES;
        let head = width / heads;
        let mut read = vec![0.0; tokens * width];
        for (t, s) in (0..tokens).flat_map(|t| (0..=t).map(move |s| (t, s))) {
            for h in 0..heads {
                let of = |x: &[f32], t: usize, i: usize| f64::from(x[t * width + h * head + i]);
                let alike: f64 = (0..head).map(|i| of(q, t, i) * of(k, s, i)).sum();
                (0..head).for_each(|i| read[t * width + h * head + i] += of(written, s, i) * alike);
            }
        }
        read
    }

    #[test]
    fn what_is_written_is_what_queries_read() {
        let (tokens, width, heads) = SIZES;
        type Build = fn(&mut Builder<'_>, usize, usize, f32) -> FastWeights;
        let layers: [Build; 2] = [FastWeights::adding, FastWeights::correcting];
        for build in layers {
            let mut store = Store::new();
            let mut b = Builder::new(&mut store, Key::new(3));
            let layer = build(&mut b, width, heads, 1.0);
            let weights = b.finish();
            let mut stream = Key::new(4).stream();
            let input = store.add("input", [1, tokens, width]);
            store.values_mut(input).fill_with(|| stream.random_range(-2.0..2.0));
            let graph = Graph::new();
            let values = weights.read(&graph, &store);
            let x = graph.read(&store, input);
            let [q, k, v] = layer.projected(&values, x);
            let read = match &layer.rule {
                Rule::Add => q.linear_attention(k, v, heads),
                Rule::Delta { beta } => q.delta_rule(k, v, beta.forward(&values, x).sigmoid(), heads),
            };
            let [keys, written] = layer.writes(&values, x);
            let outputs = [read, q, keys, written].map(|var| graph.output("", var));
            let mut executor = Executor::new(graph.plan().into(), Pool::serial());
            executor.run(&mut store);
            let shown = outputs.map(|output| executor.output(output, &store));
            assert!(shown[0].iter().any(|x| x.abs() > 0.1));
            for (a, b) in shown[0].iter().zip(read_back(&shown[1], &shown[2], &shown[3])) {
                assert!((f64::from(*a) - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }
}
