//! What a memory of outer products can do with the tokens: oracles that need no training.

use std::sync::Arc;

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, Graph, Store};
use crate::tasks::base_set::Standardise;
use crate::tasks::digits;
use crate::tasks::gpicl::{Config, Evaluation, Gpicl};

/// The vectors made orthonormal in their order (Gram and Schmidt): what each has beyond those before it.
fn orthonormal(vectors: &[&[f32]]) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for vector in vectors {
        let mut rest: Vec<f64> = vector.iter().map(|x| f64::from(*x)).collect();
        for known in &basis {
            let along: f64 = rest.iter().zip(known).map(|(x, k)| x * k).sum();
            rest.iter_mut().zip(known).for_each(|(x, k)| *x -= along * k);
        }
        let norm = rest.iter().map(|x| x * x).sum::<f64>().sqrt();
        basis.push(rest.iter().map(|x| x / norm).collect());
    }
    basis
}

/// On random pairs, keys made orthonormal, the delta rule with full writes answers every repeat; the newest pair alone
/// answers a repeat of the vector just before and no other.
#[test]
fn the_delta_rule_over_orthonormal_keys_remembers_every_random_pair() {
    let (sequences, width) = (40, 16);
    let base = Arc::new(digits::base_set(Standardise::MeanImage));
    let family = Gpicl::new(Config::default(), base, Key::new(3)).unwrap();
    let batch = family.evaluation(&Evaluation::RandomPairs, sequences).unwrap();
    let (tokens, classes) = (batch.config().tokens, batch.config().classes);
    let (mut queries, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for b in 0..sequences {
        let mut distinct: Vec<&[f32]> = Vec::new();
        for t in 0..tokens {
            let x = batch.query(b * tokens + t);
            distinct.extend((!distinct.contains(&x)).then_some(x));
        }
        let basis = orthonormal(&distinct);
        let key = |x: &[f32]| {
            let i = distinct.iter().position(|d| *d == x).unwrap();
            basis[i].iter().map(|x| *x as f32).collect::<Vec<f32>>()
        };
        for token in batch.tokens[b * tokens * (2 * width + classes)..].chunks(2 * width + classes).take(tokens) {
            queries.extend(key(&token[..width]));
            // The first token shows no pair.
            let before = &token[width..2 * width];
            keys.extend(if before.iter().all(|x| *x == 0.0) { vec![0.0; width] } else { key(before) });
            values.extend_from_slice(&token[2 * width..]);
            values.extend(std::iter::repeat_n(0.0, width - classes));
        }
    }
    let graph = Graph::new();
    let shape = [sequences, tokens, width];
    let [q, k, v] = [queries, keys, values.clone()].map(|x| graph.constant(shape, x));
    let beta = graph.constant([sequences, tokens, 1], vec![1.0; sequences * tokens]);
    let output = graph.output("read", q.delta_rule(k, v, beta, 1));
    let (mut executor, mut store) = (Executor::new(graph.plan().into(), Pool::serial()), Store::new());
    executor.run(&mut store);
    let read = executor.output(output, &store);
    let best = |answer: &[f32]| (0..classes).max_by(|&a, &c| answer[a].total_cmp(&answer[c])).unwrap() as f32;
    let (mut repeats, mut near) = (0, 0);
    for i in 0..sequences * tokens {
        let t = i % tokens;
        let before = |s: usize| batch.query(i - t + s) == batch.query(i);
        if (0..t).any(before) {
            assert_eq!(best(&read[i * width..][..classes]), batch.targets[i], "position {t}");
            repeats += 1;
            let newest = best(&values[i * width..][..classes]) == batch.targets[i];
            assert!(newest || !before(t - 1));
            near += usize::from(before(t - 1));
        }
    }
    // Of 32 draws among 8 vectors about 24 repeat one, an eighth of them the one just before.
    assert!(repeats > 20 * sequences && near * 4 < repeats && near * 20 > repeats, "{near} of {repeats}");
}
