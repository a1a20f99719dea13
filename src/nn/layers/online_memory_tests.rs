//! Memories that learn while they read: causal, as wide as they say, and as their definition has it.

use super::*;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, Graph, Store};
use rand::RngExt;

const SETTINGS: MemorySettings = MemorySettings {
    width: 8,
    heads: 2,
    rank: 3,
    taps: 4,
    kind: MemoryKind::Attention,
    forgets: true,
    threshold: true,
    chunk: 1,
};

const UPDATES: [Update; 11] = [
    Update::Add,
    Update::GatedAdd,
    Update::Delta,
    Update::GatedDelta,
    Update::Titans,
    Update::Power { p: 3.0, q: 4.0 },
    Update::Power { p: 1.5, q: 2.0 },
    Update::Huber { sign: false },
    Update::Huber { sign: true },
    Update::Softmax,
    Update::Sigmoid,
];

fn kinds() -> Vec<MemoryKind> {
    let deep = [Update::Delta, Update::Huber { sign: false }, Update::Power { p: 3.0, q: 4.0 }, Update::Softmax];
    let elastic = MemoryKind::Matrix(Update::ElasticNet { threshold: 0.01 });
    let all = [MemoryKind::Attention, elastic].into_iter();
    all.chain(UPDATES.map(MemoryKind::Matrix)).chain(deep.map(MemoryKind::Deep)).collect()
}

fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut stream = Key::new(seed).stream();
    (0..len).map(|_| stream.random_range(-1.0..1.0)).collect()
}

/// Runs what `record` makes of a layer of these settings.
fn run(
    settings: &MemorySettings,
    record: impl for<'g> FnOnce(&OnlineMemory, &Values<'g>, &'g Graph) -> Vec<Var<'g>>,
) -> Vec<Vec<f32>> {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, Key::new(5));
    let layer = OnlineMemory::new(&mut builder, settings);
    let weights = builder.finish();
    let graph = Graph::new();
    let values = weights.read(&graph, &store);
    let outputs: Vec<_> = record(&layer, &values, &graph).into_iter().map(|var| graph.output("", var)).collect();
    let mut executor = Executor::new(graph.plan().into(), Pool::serial());
    executor.run(&mut store);
    outputs.into_iter().map(|output| executor.output(output, &store)).collect()
}

#[test]
fn what_is_read_does_not_know_later_tokens() {
    const TOKENS: usize = 7;
    for (kind, chunk) in kinds().into_iter().flat_map(|kind| [(kind, 1), (kind, 3)]) {
        let normalised = matches!(kind, MemoryKind::Deep(Update::Softmax));
        if normalised && chunk > 1 {
            continue;
        }
        let settings = MemorySettings { kind, chunk, ..SETTINGS };
        let read = |later: f32| {
            let mut x = noise(2 * TOKENS * 8, 1);
            // The last two tokens of both sequences.
            x.chunks_mut(TOKENS * 8).for_each(|row| row[5 * 8..].iter_mut().for_each(|x| *x *= later));
            let faulty = (0..2 * TOKENS).map(|t| f32::from(t % 3 == 0)).collect::<Vec<_>>();
            let noise: Vec<f32> = noise(2 * TOKENS * 8, 2)
                .chunks(8)
                .zip(&faulty)
                .flat_map(|(row, is)| row.iter().map(move |x| 5.0 * x * is).collect::<Vec<_>>())
                .collect();
            run(&settings, |layer, values, graph| {
                let fault = Fault {
                    faulty: graph.constant([2, TOKENS, 1], faulty),
                    noise: graph.constant([2, TOKENS, 8], noise),
                };
                vec![layer.forward(values, graph.constant([2, TOKENS, 8], x), Some(fault))]
            })
            .remove(0)
        };
        let (first, second) = (read(1.0), read(-0.5));
        for (a, b) in first.chunks(TOKENS * 8).zip(second.chunks(TOKENS * 8)) {
            assert_eq!(a[..5 * 8], b[..5 * 8], "{kind:?} in chunks of {chunk}");
            assert!(a[5 * 8..] != b[5 * 8..] && a.iter().all(|x| x.is_finite()), "{kind:?}");
        }
    }
}

#[test]
fn the_memory_that_is_shown_is_the_one_that_is_read() {
    const TOKENS: usize = 6;
    for update in UPDATES {
        let settings = MemorySettings { kind: MemoryKind::Matrix(update), ..SETTINGS };
        let found = run(&settings, |layer, values, graph| {
            let steered = layer.steer(values, graph.constant([1, TOKENS, 8], noise(TOKENS * 8, 3)), None);
            let memories = layer.memories(values, steered).expect("a matrix has one");
            vec![memories, steered.query, layer.read(values, steered)]
        });
        let (memories, query, read) = (&found[0], &found[1], &found[2]);
        for (t, i) in (0..TOKENS).flat_map(|t| (0..8).map(move |i| (t, i))) {
            let head = i / 4;
            let row = (0..4).map(|j| memories[(j * TOKENS + t) * 8 + i] * query[t * 8 + head * 4 + j]);
            let got: f32 = row.sum();
            // Memora asks with queries that are as long as its row sums: those begin at 1.
            assert!((got - read[t * 8 + i]).abs() < 1e-4, "{update:?}: {got} {}", read[t * 8 + i]);
        }
    }
}

/// A deep memory of one head of two channels, token by token, in f64, for squared errors and Huber's.
fn deep_by_definition(given: [&[f32]; 6], [first, second]: [&[f32]; 2], huber: bool) -> Vec<f64> {
    const D: usize = 2;
    const F: usize = 8;
    let [query, key, value, eta, alpha, delta] = given;
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    let (mut w2, mut w1) = (wide(first), wide(second));
    let gelu = |x: f64| 0.5 * x * (1.0 + (0.797_884_6 * (x + 0.044_715 * x.powi(3))).tanh());
    let layer = |w2: &[f64], w1: &[f64], x: &[f64]| {
        let hidden: Vec<f64> = (0..F).map(|f| (0..D).map(|d| w2[f * D + d] * x[d]).sum()).collect();
        let z: Vec<f64> = (0..D).map(|d| (0..F).map(|f| w1[d * F + f] * gelu(hidden[f])).sum()).collect();
        let mean = z.iter().sum::<f64>() / D as f64;
        let deviation = (z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / D as f64 + 1e-5).sqrt();
        (0..D).map(|d| x[d] + (z[d] - mean) / deviation).collect::<Vec<f64>>()
    };
    let mut out = Vec::new();
    for t in 0..eta.len() {
        let [q, k, v] = [query, key, value].map(|x| wide(&x[t * D..][..D]));
        let (eta, alpha, delta) = (f64::from(eta[t]), f64::from(alpha[t]), f64::from(delta[t]));
        let loss = |w2: &[f64], w1: &[f64]| {
            let error: f64 = layer(w2, w1, &k).iter().zip(&v).map(|(m, v)| (m - v).powi(2)).sum::<f64>().sqrt();
            if huber && error > delta { delta * (error - delta / 2.0) } else { error * error / 2.0 }
        };
        let slope = |i: usize, of_first: bool| {
            let at = |step: f64| {
                let (mut a, mut b) = (w2.clone(), w1.clone());
                if of_first {
                    a[i] += step
                } else {
                    b[i] += step
                };
                loss(&a, &b)
            };
            (at(1e-5) - at(-1e-5)) / 2e-5
        };
        let slopes: [Vec<f64>; 2] = [true, false].map(|of| (0..D * F).map(|i| slope(i, of)).collect());
        w2.iter_mut().zip(&slopes[0]).for_each(|(w, s)| *w = alpha * *w - eta * s);
        w1.iter_mut().zip(&slopes[1]).for_each(|(w, s)| *w = alpha * *w - eta * s);
        out.extend(layer(&w2, &w1, &q));
    }
    out
}

#[test]
fn a_deep_memory_descends_its_loss_by_differences() {
    const TOKENS: usize = 5;
    for huber in [false, true] {
        let update = if huber { Update::Huber { sign: false } } else { Update::ElasticNet { threshold: 0.0 } };
        let settings = MemorySettings { width: 2, heads: 1, kind: MemoryKind::Deep(update), ..SETTINGS };
        let found = run(&settings, |layer, values, graph| {
            let steered = layer.steer(values, graph.constant([1, TOKENS, 2], noise(TOKENS * 2, 4)), None);
            // A threshold that some errors pass.
            let delta = steered.delta.map(|delta| delta * 0.6);
            let steered = Steered { delta, ..steered };
            let deep = layer.deep.as_ref().expect("it is deep");
            let [first, second] = deep.weights().map(|weight| values[weight]);
            let Steered { query, key, value, eta, alpha, .. } = steered;
            let (eta, alpha) = (eta.expect("a step"), alpha.expect("a gate"));
            vec![query, key, value, eta, alpha, delta.unwrap_or(eta), first, second, layer.read(values, steered)]
        });
        let given = [0, 1, 2, 3, 4, 5].map(|i| found[i].as_slice());
        let want = deep_by_definition(given, [&found[6], &found[7]], huber);
        for (got, want) in found[8].iter().zip(&want) {
            assert!((f64::from(*got) - want).abs() < 1e-3, "huber {huber}: {got} {want}");
        }
    }
}

#[test]
fn a_deep_memory_that_does_not_step_knows_no_chunks() {
    let settings = MemorySettings { kind: MemoryKind::Deep(Update::Delta), ..SETTINGS };
    let read = |chunk: usize, step: f32| {
        run(&MemorySettings { chunk, ..settings }, |layer, values, graph| {
            let steered = layer.steer(values, graph.constant([2, 7, 8], noise(2 * 7 * 8, 6)), None);
            vec![layer.read(values, Steered { eta: steered.eta.map(|eta| eta * step), ..steered })]
        })
        .remove(0)
    };
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(near(&read(1, 0.0), &read(3, 0.0)));
    assert!(!near(&read(1, 1.0), &read(3, 1.0)), "within a chunk slopes are those of its beginning");
    // Slopes hardly move the memory: a chunk differs from the recurrence in second order alone.
    assert!(near(&read(1, 1e-3), &read(3, 1e-3)) && !near(&read(1, 1e-3), &read(1, 0.0)));
}

#[test]
fn gradients_of_every_kind_agree_with_differences() {
    for kind in kinds() {
        let settings = MemorySettings { kind, ..SETTINGS };
        let direction = noise(5 * 8, 8);
        let loss = |moved: f32| {
            let x: Vec<f32> = noise(5 * 8, 7).iter().zip(&direction).map(|(x, d)| x + moved * d).collect();
            let c = noise(5 * 8, 9);
            run(&settings, |layer, values, graph| {
                let x = graph.constant([1, 5, 8], x);
                let y = (layer.forward(values, x, None) * graph.constant([1, 5, 8], c)).sum();
                let slope = graph.gradient(y, &[x]).expect("it has a gradient")[0];
                vec![y, (slope * graph.constant([1, 5, 8], direction.clone())).sum()]
            })
        };
        let step = 2e-3;
        let (up, down, here) = (loss(step), loss(-step), loss(0.0));
        let (want, got) = ((up[0][0] - down[0][0]) / (2.0 * step), here[1][0]);
        assert!((want - got).abs() < 0.02 * (1.0 + want.abs()), "{kind:?}: {got} {want}");
    }
}

#[test]
fn state_is_told_in_numbers() {
    let of = |kind| MemorySettings { kind, ..SETTINGS }.state_size(10) - 3 * 3 * 8;
    assert_eq!(of(MemoryKind::Attention), 160);
    assert_eq!(of(MemoryKind::Matrix(Update::Delta)), 32);
    assert_eq!(of(MemoryKind::Matrix(Update::Titans)), 64);
    assert_eq!(of(MemoryKind::Deep(Update::Delta)), 2 * 4 * 32);
}
