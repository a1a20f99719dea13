//! What every model must be: causal, of the stated size, even-handed before training.

use std::sync::Arc;

use super::{ALL, Kind, Shape};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, Graph, Store, Var};
use crate::nn::weights::{Builder, Values, Weights};
use rand::RngExt;

const QUICK: Shape = Shape { inputs: 37, outputs: 5, tokens: 32, width: 64, layers: 2, heads: 2, window: 32 };
const SMALL: Shape = Shape { inputs: 7, outputs: 3, tokens: 9, width: 12, layers: 2, heads: 2, window: 9 };

fn built(kind: Kind, shape: &Shape) -> (Box<dyn super::SequenceModel>, Weights, Store) {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, Key::new(5));
    let model = (kind.entry().build)(&mut builder, shape);
    let weights = builder.finish();
    (model, weights, store)
}

fn tokens(shape: &Shape, batch: usize) -> Vec<f32> {
    let mut stream = Key::new(6).stream();
    (0..batch * shape.tokens * shape.inputs).map(|_| stream.random_range(-1.0..1.0)).collect()
}

fn run(
    store: &mut Store,
    shape: &Shape,
    input: &[f32],
    record: impl for<'g> Fn(Var<'g>, &Store) -> Var<'g>,
) -> Vec<f32> {
    let batch = input.len() / (shape.tokens * shape.inputs);
    let graph = Graph::new();
    let read = graph.constant([batch, shape.tokens, shape.inputs], input.to_vec());
    let output = graph.output("logits", record(read, store));
    let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
    executor.run(store);
    executor.output(output, store)
}

fn logits(kind: Kind, shape: &Shape, input: &[f32]) -> Vec<f32> {
    let (model, weights, mut store) = built(kind, shape);
    run(&mut store, shape, input, |x, store| model.forward(&weights.read(x.graph(), store), x))
}

#[test]
fn every_kind_has_a_row() {
    let kinds = [Kind::Transformer, Kind::Lstm, Kind::Gru, Kind::LinearAttention, Kind::DeltaNet, Kind::WindowMlp];
    assert_eq!(kinds.len(), ALL.len());
    for kind in kinds {
        assert_eq!(kind.entry().kind, kind);
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.entry().name);
    }
}

#[test]
fn parameters_are_as_many_as_the_sheet_says() {
    let count = |kind, shape: &Shape| {
        let (_, weights, store) = built(kind, shape);
        weights.parameters(&store)
    };
    for window in [1, 2, 32, 100] {
        assert_eq!(count(Kind::Transformer, &Shape { window, ..QUICK }), 104_000);
    }
    assert_eq!(count(Kind::Lstm, &Shape { layers: 1, ..QUICK }), 26_432);
}

#[test]
fn states_are_as_large_as_the_sheet_says() {
    let state = |kind, shape: &Shape| built(kind, shape).0.state_size();
    assert_eq!(state(Kind::Transformer, &QUICK), 2 * 2 * 32 * 64);
    assert_eq!(state(Kind::Transformer, &Shape { window: 2, ..QUICK }), 2 * 2 * 2 * 64);
    assert_eq!(state(Kind::Lstm, &Shape { layers: 1, ..QUICK }), 2 * 64);
    assert_eq!(state(Kind::Gru, &QUICK), 2 * 64);
    assert_eq!(state(Kind::DeltaNet, &QUICK), 2 * 2 * 32 * 32);
    assert_eq!(state(Kind::LinearAttention, &QUICK), 2 * 2 * 32 * 32);
}

#[test]
fn a_later_token_never_changes_an_earlier_answer() {
    let input = tokens(&SMALL, 2);
    for entry in ALL {
        let before = logits(entry.kind, &SMALL, &input);
        for j in 1..SMALL.tokens {
            let mut changed = input.clone();
            changed[j * SMALL.inputs..(j + 1) * SMALL.inputs].iter_mut().for_each(|x| *x = 3.0 - *x);
            let after = logits(entry.kind, &SMALL, &changed);
            let row = j * SMALL.outputs;
            assert_eq!(before[..row], after[..row], "{} at {j}", entry.name);
            assert_ne!(before[row..][..3], after[row..][..3], "{} at {j} does not read its token", entry.name);
        }
    }
}

#[test]
fn a_window_of_all_tokens_is_full_attention() {
    let input = tokens(&SMALL, 2);
    let full = logits(Kind::Transformer, &SMALL, &input);
    assert_eq!(full, logits(Kind::Transformer, &Shape { window: 1000, ..SMALL }, &input));
    assert_ne!(full, logits(Kind::Transformer, &Shape { window: 8, ..SMALL }, &input));
}

/// Layer by layer and place by place, as it is written on paper.
#[test]
fn a_perceptron_reads_its_window() {
    let shape = Shape { window: 3, layers: 2, ..SMALL };
    let (model, weights, mut store) = built(Kind::WindowMlp, &shape);
    let input = tokens(&shape, 1);
    let found = run(&mut store, &shape, &input, |x, store| model.forward(&weights.read(x.graph(), store), x));
    let values = |name: &str| store.values(store.find(name).expect("a weight of the model")).to_vec();
    let [first, first_bias, second, second_bias, head] =
        ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "head.weight"].map(values);
    let map = |x: &[f32], weight: &[f32], out: usize| -> Vec<f32> {
        (0..out).map(|o| x.iter().enumerate().map(|(i, x)| x * weight[i * out + o]).sum()).collect()
    };
    let relu = |x: Vec<f32>, bias: &[f32]| -> Vec<f32> { x.iter().zip(bias).map(|(x, b)| (x + b).max(0.0)).collect() };
    for t in 0..shape.tokens {
        let before = 2usize.saturating_sub(t);
        let mut seen = vec![0.0; before * shape.inputs];
        seen.extend_from_slice(&input[(t + before - 2) * shape.inputs..(t + 1) * shape.inputs]);
        let hidden = relu(map(&seen, &first, shape.width), &first_bias);
        let hidden = relu(map(&hidden, &second, shape.width), &second_bias);
        let expected = map(&hidden, &head, shape.outputs);
        let found = &found[t * shape.outputs..(t + 1) * shape.outputs];
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "token {t}: {found:?} {expected:?}");
    }
    assert_eq!(model.state_size(), 2 * shape.inputs);
}

#[test]
fn a_window_of_one_is_a_perceptron_on_its_token() {
    let shape = Shape { window: 1, ..SMALL };
    let (model, weights, mut store) = built(Kind::Transformer, &shape);
    let input = tokens(&shape, 2);
    let with_attention = run(&mut store, &shape, &input, |x, store| model.forward(&weights.read(x.graph(), store), x));
    // The same weights without any attention: what a lone token reads is its own value.
    let perceptron = run(&mut store, &shape, &input, |x, store| {
        let weight = |name: &str| x.graph().read(store, store.find(name).expect("a weight of the model"));
        let mut h = x.matmul(weight("embedding.weight")) + weight("positions");
        for i in 0..shape.layers {
            let of = |name: &str| format!("layers.{i}.{name}");
            let value = norm(h, store, &of("mixer_norm.gain")).matmul(weight(&of("attention.value.weight")));
            h = h + value.matmul(weight(&of("attention.output.weight")));
            let up = norm(h, store, &of("feed_forward_norm.gain")).matmul(weight(&of("feed_forward.up.weight")));
            let hidden = (up + weight(&of("feed_forward.up.bias"))).gelu();
            h = h + hidden.matmul(weight(&of("feed_forward.down.weight"))) + weight(&of("feed_forward.down.bias"));
        }
        norm(h, store, "norm.gain").matmul(weight("head.weight"))
    });
    assert!(with_attention.iter().zip(&perceptron).all(|(a, b)| (a - b).abs() < 1e-5));
}

fn norm<'g>(h: Var<'g>, store: &Store, gain: &str) -> Var<'g> {
    let gain = h.graph().read(store, store.find(gain).expect("a weight of the model"));
    h.layer_norm(gain, None, 1e-5)
}

#[test]
fn an_untrained_model_predicts_evenly() {
    for outputs in [5, 10] {
        let expected = (outputs as f32).ln();
        for entry in ALL {
            let shape = Shape { outputs, ..QUICK };
            let (model, weights, mut store) = built(entry.kind, &shape);
            let input = tokens(&shape, 64);
            let loss = run(&mut store, &shape, &input, |x, store| {
                let targets = (0..64 * shape.tokens).map(|i| (i % outputs) as f32).collect();
                let targets = x.graph().constant([64, shape.tokens], targets);
                model.forward(&weights.read(x.graph(), store), x).cross_entropy(targets).mean()
            });
            // Logits of standard deviation 0.02 sqrt(d) = 0.16 cost about 0.01 nats over ln C.
            assert!((loss[0] - expected).abs() < 0.02, "{}: {}", entry.name, loss[0]);
        }
    }
}

#[test]
fn computed_weights_serve_as_well_as_stored_ones() {
    let (model, weights, mut store) = built(Kind::Transformer, &SMALL);
    let input = tokens(&SMALL, 1);
    let stored = run(&mut store, &SMALL, &input, |x, store| model.forward(&weights.read(x.graph(), store), x));
    let computed = run(&mut store, &SMALL, &input, |x, store| {
        let values = weights.read(x.graph(), store);
        let doubled = values.vars().iter().map(|w| *w * 2.0 * 0.5).collect();
        model.forward(&Values::from_vars(doubled), x)
    });
    assert_eq!(stored, computed);
}
