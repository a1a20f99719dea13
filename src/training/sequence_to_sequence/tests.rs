//! It learns, decodes alike one by one and together, and goes on after a checkpoint as it would have.

use super::*;
use crate::contract::Checkpoint;
use crate::nn::optimiser::{Method, Moments};

const NETWORK: TransformerSettings =
    TransformerSettings { width: 16, heads: 2, encoder_layers: 1, decoder_layers: 1, hidden: 32 };

/// Reversals of strings over three letters.
fn pairs() -> Vec<Pair> {
    let strings: [&[u32]; 8] = [&[3], &[4], &[5], &[3, 4], &[4, 5], &[5, 3], &[3, 4, 5], &[5, 5, 3, 4, 4, 3]];
    let pair = |source: &[u32]| Pair { source: source.to_vec(), target: source.iter().rev().copied().collect() };
    strings.iter().map(|source| pair(source)).collect()
}

fn form() -> Form {
    Form { network: NETWORK, vocabularies: [6, 6], longest: [6, 6], batch: 8 }
}

fn model(seed: u64, form: &Form) -> SequenceToSequence {
    let adam = Method::Adam(Moments { beta2: 0.99, ..Moments::default() });
    SequenceToSequence::new(Key::new(seed), Pool::serial(), adam, form)
}

fn losses(model: &mut SequenceToSequence, steps: std::ops::Range<u64>) -> Vec<u32> {
    let pairs = pairs();
    // Batches of short ones and of all: two padded lengths.
    let rows = |step: u64| pairs.iter().take(if step.is_multiple_of(3) { 5 } else { 8 }).collect::<Vec<_>>();
    steps.map(|step| model.train(&rows(step), step, 0.01).unwrap().loss.to_bits()).collect()
}

#[test]
fn it_learns_to_reverse_and_a_beam_finds_what_is_right_too() {
    let mut model = model(1, &form());
    let before = model.exact(&pairs(), 1);
    assert!(before.iter().any(|right| !right));
    let found = losses(&mut model, 0..300);
    assert!(f32::from_bits(found[299]) < 0.05, "{}", f32::from_bits(found[299]));
    for beam in [1, 3, 1] {
        assert!(model.exact(&pairs(), beam).iter().all(|right| *right), "beam {beam}");
    }
    assert_eq!(model.training.len(), 2, "one pass a padded length");
}

#[test]
fn a_beam_of_one_is_greedy_and_no_row_depends_on_its_neighbours() {
    let mut model = model(2, &form());
    losses(&mut model, 0..40);
    let pairs = pairs();
    let sources: Vec<&[u32]> = pairs.iter().map(|pair| pair.source.as_slice()).collect();
    let together = model.decode(&sources, 1);
    for (source, written) in sources.iter().zip(&together) {
        assert_eq!(model.decode(&[source], 1)[0], *written);
        assert!(written.len() <= form().shape().target_tokens);
    }
    let many: Vec<&[u32]> = sources.iter().copied().cycle().take(150).collect();
    assert_eq!(model.decode(&many, 1)[144..], together[..6]);
}

#[test]
fn the_likeliest_of_a_wide_beam_is_at_least_as_likely_as_the_greedy_one() {
    let mut model = model(3, &form());
    losses(&mut model, 0..25);
    let sources: Vec<Vec<u32>> = pairs().into_iter().map(|pair| pair.source).collect();
    let views: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
    let (greedy, wide) = (model.decode(&views, 1), model.decode(&views, 6));
    // The loss of one pair with learning rate 0 is minus its log likelihood a token.
    let mut likelihood = |source: &[u32], target: &[u32]| {
        let pair = Pair { source: source.to_vec(), target: target.to_vec() };
        -f64::from(model.train(&[&pair], 0, 0.0).unwrap().loss) * (target.len() + 1) as f64
    };
    for ((source, greedy), wide) in sources.iter().zip(&greedy).zip(&wide) {
        if greedy.len() <= 6 && wide.len() <= 6 {
            assert!(likelihood(source, wide) >= likelihood(source, greedy) - 1e-4, "{source:?} {greedy:?} {wide:?}");
        }
    }
}

#[test]
fn a_uniform_output_over_nine_symbols_costs_ln_9() {
    let form = Form { vocabularies: [6, 9], ..form() };
    let mut model = model(4, &form);
    let zeros: Vec<Vec<f32>> = model.learner.weight_values().iter().map(|weight| vec![0.0; weight.len()]).collect();
    model.learner.set_weight_values(&zeros);
    let pairs = pairs();
    let loss = model.train(&pairs.iter().collect::<Vec<_>>(), 0, 0.0).unwrap().loss;
    assert!((loss - 2.197_224_6).abs() < 1e-5, "{loss}");
}

#[test]
fn it_goes_on_after_a_checkpoint_as_it_would_have() {
    let mut whole = model(5, &form());
    let all = losses(&mut whole, 0..9);
    let mut first = model(5, &form());
    assert_eq!(losses(&mut first, 0..4), all[..4]);
    let untouched = first.exact(&pairs(), 1);
    let mut saved = Checkpoint::default();
    first.keep(&mut Archive::saving(&mut saved)).unwrap();
    let mut second = model(6, &form());
    second.keep(&mut Archive::restoring(&saved)).unwrap();
    assert_eq!(second.exact(&pairs(), 1), untouched);
    assert_eq!(losses(&mut second, 4..9), all[4..]);
    assert!(saved.tensors.iter().all(|tensor| !tensor.name.contains("decoding")));
}

#[test]
fn pools_go_through_the_set_and_hold_like_lengths() {
    let lengths: Vec<u16> = (0..40).map(|i| (i * 7) % 23).collect();
    let mut pools = Pools::new(lengths.clone(), 4, 5, Key::new(1));
    let mut epoch: Vec<u32> = (0..10).flat_map(|step| pools.batch(step).to_vec()).collect();
    let spread = |batch: &[u32]| {
        let of = |i: &u32| lengths[*i as usize];
        batch.iter().map(of).max().unwrap() - batch.iter().map(of).min().unwrap()
    };
    let sorted: u16 = (0..10).map(|step| spread(pools.batch(step))).sum();
    let mut plain = Pools::new(lengths.clone(), 4, 1, Key::new(1));
    let unsorted: u16 = (0..10).map(|step| spread(plain.batch(step))).sum();
    assert!(sorted * 2 < unsorted, "{sorted} {unsorted}");
    epoch.sort_unstable();
    assert_eq!(epoch, (0..40).collect::<Vec<u32>>());
    let seventh = pools.batch(7).to_vec();
    assert_eq!(Pools::new(lengths.clone(), 4, 5, Key::new(1)).batch(7), seventh);
}

#[test]
fn words_become_numbers_and_back() {
    let words = Vocabulary::new(["walk", "jump", "walk"]);
    assert_eq!((words.size(), words.number("jump"), words.number("run")), (5, Some(3), None));
    let numbers = words.encode(&["walk", "jump"]).unwrap();
    assert_eq!((numbers.as_slice(), words.decode(&numbers)), (&[4, 3][..], vec!["walk", "jump"]));
    assert!(words.encode(&["run"]).unwrap_err().contains("`run`"));
}

#[test]
fn samples_are_their_own_sources_and_tell_their_log_probability() {
    let mut model = model(7, &form());
    losses(&mut model, 0..20);
    let sources: Vec<Vec<u32>> = pairs().into_iter().map(|pair| pair.source).collect();
    let views: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
    let keys: Vec<Key> = (0..views.len() as u64).map(|i| Key::new(3).index(i)).collect();
    let sampling = Sampling { samples: 100, temperature: 1.0, top_p: 0.9 };
    let together = model.sample(&views, &keys, &sampling);
    assert_eq!(together.iter().map(Vec::len).collect::<Vec<_>>(), [100; 8]);
    // The same source with the same key gives the same, whatever stands beside it.
    assert_eq!(model.sample(&views[5..6], &keys[5..6], &sampling)[0], together[5]);
    assert_ne!(model.sample(&views[5..6], &keys[4..5], &sampling)[0], together[5]);
    // Minus the loss of one pair with learning rate 0 is its log likelihood a token.
    for (source, samples) in sources.iter().zip(&together) {
        for sample in samples.iter().take(3).filter(|sample| sample.tokens.len() <= 6) {
            let pair = Pair { source: source.clone(), target: sample.tokens.clone() };
            let mean = f64::from(model.train(&[&pair], 0, 0.0).unwrap().loss);
            let likelihood = -mean * (sample.tokens.len() + 1) as f64;
            assert!((likelihood - sample.log_probability).abs() < 1e-3, "{likelihood} {sample:?}");
        }
    }
    assert!(together.iter().flatten().all(|sample| sample.tokens.len() <= form().shape().target_tokens));
}
