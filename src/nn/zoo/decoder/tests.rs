//! Decoders: as many weights as the formulas say, causal, the same with a cache and with every
//! derivative, packed rows, readable routes and heads.

use super::super::check::{Built, assert_learned, assert_near, given, tokens};
use super::*;
use crate::base::threads::Pool;
use crate::engine::Executor;
use crate::nn::layers::document_mask;

const VOCABULARY: usize = 13;
const TOKENS: usize = 7;

fn llama() -> DecoderShape {
    DecoderShape::llama(VOCABULARY, TOKENS, 16, 2, 4, 24)
}

fn mixture() -> DecoderShape {
    let feed_forward = FeedForwardKind::Experts {
        experts: 4,
        chosen: 2,
        activation: Activation::Silu,
        gated: true,
        renormalise: true,
    };
    DecoderShape { block: BlockSettings { feed_forward, hidden: 10, ..llama().block }, ..llama() }
}

/// Both layouts, grouped heads with a head of its own, other positions, a mixture of experts.
fn shapes() -> [(&'static str, DecoderShape); 6] {
    let grouped = DecoderShape { block: BlockSettings { key_heads: 2, ..llama().block }, tied: false, ..llama() };
    let gpt2 = DecoderShape::gpt2(VOCABULARY, TOKENS, 16, 2, 2);
    let sinusoidal = DecoderShape {
        block: BlockSettings { norm_place: NormPlace::After, norm: NormKind::Layer, ..gpt2.block },
        positions: Positions::Sinusoidal,
        ..gpt2
    };
    let none = DecoderShape { positions: Positions::None, ..llama() };
    [
        ("llama", llama()),
        ("gpt2", gpt2),
        ("grouped", grouped),
        ("sinusoidal", sinusoidal),
        ("none", none),
        ("mixture", mixture()),
    ]
}

fn built(shape: &DecoderShape) -> Built<Decoder> {
    Built::new(|b| Decoder::new(b, shape))
}

fn read<'g>(model: &Decoder, values: &Values<'g>, graph: &'g Graph, ids: &[f32]) -> Var<'g> {
    model.forward(values, given(graph, [ids.len() / TOKENS, TOKENS], ids))
}

fn logits(built: &mut Built<Decoder>, ids: &[f32]) -> Vec<f32> {
    built.run(|model, values, graph| vec![read(model, values, graph, ids)]).remove(0)
}

#[test]
fn weights_are_as_many_as_the_formulas_say() {
    // V d + L (4 d^2 + 3 d f + 2 d) + d.
    let micro = DecoderShape::llama(100, 64, 96, 4, 4, 256);
    assert_eq!(built(&micro).parameters(), 100 * 96 + 443_136 + 96);
    assert_eq!(built(&DecoderShape::llama(100, 64, 64, 2, 4, 176)).parameters(), 100 * 64 + 100_608 + 64);
    // V d + T d + L (12 d^2 + 13 d) + 2 d.
    let gpt2 = DecoderShape::gpt2(50, 32, 24, 3, 2);
    assert_eq!(built(&gpt2).parameters(), 50 * 24 + 32 * 24 + 3 * (12 * 24 * 24 + 13 * 24) + 2 * 24);
    // Grouped keys are narrower, a head of its own is V d more.
    let grouped = DecoderShape { block: BlockSettings { key_heads: 2, ..llama().block }, tied: false, ..llama() };
    let narrower = 2 * 2 * 16 * 8;
    assert_eq!(built(&grouped).parameters(), built(&llama()).parameters() - narrower + VOCABULARY * 16);
}

#[test]
fn an_untrained_decoder_predicts_evenly() {
    let ids = tokens(1, 20 * TOKENS, VOCABULARY);
    for (name, shape) in shapes() {
        let loss = built(&shape).run(|model, values, graph| {
            let targets = given(graph, [20, TOKENS], &tokens(2, 20 * TOKENS, VOCABULARY));
            vec![read(model, values, graph, &ids).cross_entropy(targets).mean()]
        });
        assert!((loss[0][0] - (VOCABULARY as f32).ln()).abs() < 0.03, "{name}: {}", loss[0][0]);
    }
}

#[test]
fn a_later_token_never_changes_an_earlier_logit() {
    let ids = tokens(1, 2 * TOKENS, VOCABULARY);
    for (name, shape) in shapes() {
        let mut built = built(&shape);
        let before = logits(&mut built, &ids);
        for t in 0..TOKENS {
            let mut changed = ids.clone();
            changed[t] = (changed[t] + 1.0) % VOCABULARY as f32;
            let after = logits(&mut built, &changed);
            let at = t * VOCABULARY;
            assert_eq!(before[..at], after[..at], "{name} at {t}");
            assert_ne!(before[at..at + VOCABULARY], after[at..at + VOCABULARY], "{name} at {t}");
            assert_eq!(before[TOKENS * VOCABULARY..], after[TOKENS * VOCABULARY..], "{name}: another sequence");
        }
    }
}

#[test]
fn one_hot_weights_are_tokens() {
    let ids = tokens(1, 2 * TOKENS, VOCABULARY);
    let one_hot: Vec<f32> =
        ids.iter().flat_map(|id| (0..VOCABULARY).map(move |v| f32::from(*id == v as f32))).collect();
    for (name, shape) in shapes() {
        let mut built = built(&shape);
        let want = logits(&mut built, &ids);
        let found = built.run(|model, values, graph| {
            let weights = given(graph, [2, TOKENS, VOCABULARY], &one_hot);
            vec![model.read_mixed(values, weights, &DecoderReading::default()).logits]
        });
        assert!(found[0].iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-6), "{name}");
    }
}

#[test]
fn token_by_token_is_all_at_once() {
    let ids = tokens(1, 2 * TOKENS, VOCABULARY);
    for (name, shape) in shapes() {
        let mut built = built(&shape);
        let want = logits(&mut built, &ids);
        let cache = Cache::new(&mut built.store, "cache", &shape.cache(2, TOKENS));
        // Three tokens of a prompt at once, then one at a time.
        let mut executors = [3, 1].map(|n| {
            let next = built.store.add(format!("next.{n}"), [2, n]);
            let graph = Graph::new();
            let values = built.weights.read(&graph, &built.store);
            let token = graph.read(&built.store, next);
            let logits = built.model.step(&values, &graph, &built.store, &cache, token);
            let output = graph.output("logits", logits);
            (next, output, Executor::new(graph.plan().into(), Pool::serial()))
        });
        for _ in 0..2 {
            let mut t = 0;
            while t < TOKENS {
                let n = if t == 0 { 3 } else { 1 };
                let (next, output, executor) = &mut executors[usize::from(t > 0)];
                let tokens: Vec<f32> = ids[t..t + n].iter().chain(&ids[TOKENS + t..][..n]).copied().collect();
                built.store.values_mut(*next).copy_from_slice(&tokens);
                assert_eq!((cache.length(&built.store), cache.room(&built.store)), (t, TOKENS - t));
                executor.run(&mut built.store);
                let got = executor.output(*output, &built.store);
                let (first, second) = got.split_at(n * VOCABULARY);
                assert_near(first, &want[t * VOCABULARY..][..n * VOCABULARY], 1e-5);
                assert_near(second, &want[(TOKENS + t) * VOCABULARY..][..n * VOCABULARY], 1e-5);
                t += n;
            }
            assert_eq!(cache.room(&built.store), 0, "{name}");
            // A cache that forgot everything begins again, whatever it still holds.
            cache.truncate(&mut built.store, 0);
        }
    }
}

#[test]
fn every_layout_learns() {
    let ids = tokens(1, 4 * TOKENS, VOCABULARY);
    for (name, shape) in shapes() {
        let losses = built(&shape).train(0.01, 40, |model, values, graph| {
            let read = model.read(values, given(graph, [4, TOKENS], &ids), &DecoderReading::default());
            let targets = given(graph, [4, TOKENS], &tokens(1, 4 * TOKENS + 1, VOCABULARY)[1..]);
            let load = read.routes.iter().map(|routed| routed.load_loss * 0.01);
            load.fold(read.logits.cross_entropy(targets).mean(), |a, b| a + b)
        });
        println!("{name}: {} to {}", losses[0], losses[39]);
        assert_learned(&losses, 0.7);
    }
}

#[test]
fn with_every_derivative_it_computes_the_same() {
    let ids = tokens(1, 2 * TOKENS, VOCABULARY);
    for (name, shape) in shapes() {
        let block = BlockSettings { derivatives: Derivatives::All, ..shape.block };
        let all = DecoderShape { block, ..shape };
        assert_near(&logits(&mut built(&all), &ids), &logits(&mut built(&shape), &ids), 1e-5);
        let second = |shape: &DecoderShape| {
            built(shape).second(|model, values, graph| {
                let targets = given(graph, [2, TOKENS], &tokens(2, 2 * TOKENS, VOCABULARY));
                read(model, values, graph, &ids).cross_entropy(targets).mean()
            })
        };
        assert!(second(&all).unwrap() > 0.0, "{name}");
        assert!(second(&shape).is_err(), "{name}");
    }
}

#[test]
fn packed_documents_do_not_see_each_other() {
    let (first, second) = (tokens(1, 4, VOCABULARY), tokens(2, 3, VOCABULARY));
    for (name, shape) in shapes() {
        if shape.positions == Positions::None {
            continue;
        }
        let mut built = built(&shape);
        let packed = |built: &mut Built<Decoder>, first: &[f32]| {
            let found = built.run(|model, values, graph| {
                let ids = given(graph, [1, TOKENS], &[first, &second].concat());
                let how = DecoderReading {
                    mask: Some(document_mask(given(graph, [1, TOKENS], &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))),
                    positions: Some(given(graph, [1, TOKENS], &[0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0])),
                    ..DecoderReading::default()
                };
                vec![model.read(values, ids, &how).logits]
            });
            found[0].split_at(4 * VOCABULARY).1.to_vec()
        };
        let got = packed(&mut built, &first);
        let other: Vec<f32> = first.iter().map(|id| (id + 1.0) % VOCABULARY as f32).collect();
        assert_eq!(got, packed(&mut built, &other), "{name}");
        let alone = built.run(|model, values, graph| vec![model.forward(values, given(graph, [1, 3], &second))]);
        assert_near(&got, &alone[0], 1e-5);
    }
}

#[test]
fn heads_can_be_read_and_taken_out() {
    let ids = tokens(1, TOKENS, VOCABULARY);
    for (name, shape) in shapes() {
        let heads = shape.block.heads;
        let mut built = built(&shape);
        let mut with = |factors: &[f32]| {
            built.run(|model, values, graph| {
                let tokens = given(graph, [1, TOKENS], &ids);
                let factors = given(graph, [heads], factors);
                let how = DecoderReading { head_factors: vec![factors; 2], ..DecoderReading::default() };
                let mut asked = model.attention(values, tokens, &how);
                asked.push(model.read(values, tokens, &how).logits);
                asked
            })
        };
        let ones = with(&vec![1.0; heads]);
        for p in &ones[..2] {
            assert_eq!(p.len(), heads * TOKENS * TOKENS, "{name}");
            for (row, p) in p.chunks(TOKENS).enumerate() {
                assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                assert!(p[row % TOKENS + 1..].iter().all(|&p| p == 0.0) && p[..=row % TOKENS].iter().all(|&p| p > 0.0));
            }
        }
        let mut one_out = vec![1.0; heads];
        one_out[0] = 0.0;
        let zeroed = with(&one_out);
        assert_ne!(ones[2], zeroed[2], "{name}");
        assert_eq!(ones[0], zeroed[0], "{name}: the first layer attends as before");
        assert_eq!(ones[2], logits(&mut built, &ids), "{name}");
    }
}

#[test]
fn routes_are_readable_and_every_token_counts() {
    let ids = tokens(1, 3 * TOKENS, VOCABULARY);
    let found = built(&mixture()).run(|model, values, graph| {
        let read = model.read(values, given(graph, [3, TOKENS], &ids), &DecoderReading::default());
        assert_eq!((read.routes.len(), read.hidden.len()), (2, 3));
        let routed = read.routes[1];
        vec![routed.chosen, routed.counts, routed.probabilities, routed.load_loss]
    });
    let [chosen, counts, probabilities, load] = &found[..] else { panic!("four outputs") };
    assert_eq!((chosen.len(), counts.len()), (3 * TOKENS * 2, 4));
    assert_eq!(counts.iter().sum::<f32>(), (3 * TOKENS * 2) as f32);
    for (chosen, p) in chosen.chunks(2).zip(probabilities.chunks(4)) {
        let [first, second] = [chosen[0], chosen[1]].map(|e| p[e as usize]);
        assert!(first >= second && p.iter().filter(|&&p| p > second).count() <= 1);
    }
    let expected: f32 = (0..4)
        .map(|e| {
            let mean: f32 = probabilities.iter().skip(e).step_by(4).sum::<f32>() / (3 * TOKENS) as f32;
            4.0 * counts[e] / (3 * TOKENS * 2) as f32 * mean
        })
        .sum();
    assert!((load[0] - expected).abs() < 1e-5, "{} {expected}", load[0]);
}
