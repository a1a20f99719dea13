//! Closed forms that every reading of a layer must meet.

use super::*;
use crate::base::random::Key;
use crate::tasks::bits::{Formula, rows};
use rand::RngExt;

/// All inputs of three independent bits, several times: `[inputs]` of each.
fn bits() -> [Vec<f32>; 3] {
    let inputs: Vec<u16> = (0..64u16).collect();
    [1, 2, 3].map(|i| inputs.iter().map(|input| Formula::Bit(i).value(*input)).collect())
}

/// A layer from its units.
fn layer(units: &[&[f32]]) -> Vec<f32> {
    (0..units[0].len()).flat_map(|i| units.iter().map(move |unit| unit[i])).collect()
}

fn share(layer: &[f32], feature: &[f32]) -> f64 {
    let on = Observed { layer, feature };
    explained(on, on, layer.len() / feature.len()).share
}

fn scaled(values: &[f32], by: f32) -> Vec<f32> {
    values.iter().map(|x| x * by).collect()
}

#[test]
fn the_share_has_its_closed_forms() {
    let [a, b, c] = bits();
    let diagonal = layer(&[&scaled(&a, 3.0), &b]);
    assert!((share(&diagonal, &a) - 0.9).abs() < 1e-6 && (share(&diagonal, &b) - 0.1).abs() < 1e-6);
    let doubled = layer(&[&a, &a, &b]);
    assert!((share(&doubled, &a) - 2.0 / 3.0).abs() < 1e-6 && (share(&doubled, &b) - 1.0 / 3.0).abs() < 1e-6);
    // phi = M b: |M_j|^2 / |M|^2, whatever constant is added.
    let m = [[1.0f32, -2.0, 0.5], [0.3, 0.7, -1.1], [2.0, 0.0, 0.4], [0.0, 1.5, 0.2]];
    let units: Vec<Vec<f32>> =
        m.iter().map(|r| (0..64).map(|i| 5.0 + r[0] * a[i] + r[1] * b[i] + r[2] * c[i]).collect()).collect();
    let mixed = layer(&units.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let norm = |j: usize| m.iter().map(|r| f64::from(r[j]).powi(2)).sum::<f64>();
    let all = norm(0) + norm(1) + norm(2);
    for (j, feature) in [&a, &b, &c].into_iter().enumerate() {
        assert!((share(&mixed, feature) - norm(j) / all).abs() < 1e-5, "{j}");
    }
    // A feature given as 0 and 1 says the same.
    let zero_one: Vec<f32> = a.iter().map(|x| (x + 1.0) / 2.0).collect();
    assert!((share(&mixed, &zero_one) - share(&mixed, &a)).abs() < 1e-6);
}

#[test]
fn nothing_varies_nothing_is_explained() {
    let [a, b, _] = bits();
    let constant = vec![2.0; 64 * 3];
    let on = Observed { layer: &constant, feature: &a };
    let found = explained(on, on, 3);
    assert_eq!((found.share, found.per_input, found.standardised(), found.density()), (0.0, 0.0, 0.0, 0.0));
    assert_eq!(found.units, [None; 3]);
    assert!(share(&layer(&[&b, &b]), &a).abs() < 1e-9);
}

#[test]
fn rotation_and_scale_leave_it_and_a_stretched_unit_does_not() {
    let [a, b, c] = bits();
    let plain = layer(&[&scaled(&a, 2.0), &b, &c]);
    let (sin, cos) = 0.7f32.sin_cos();
    let turned: Vec<f32> = plain
        .chunks(3)
        .flat_map(|x| [4.0 * (cos * x[0] - sin * x[1]), 4.0 * (sin * x[0] + cos * x[1]), 4.0 * x[2]])
        .collect();
    let stretched: Vec<f32> = plain.chunks(3).flat_map(|x| [x[0], x[1], 2.0 * x[2]]).collect();
    for feature in [&a, &b, &c] {
        assert!((share(&plain, feature) - share(&turned, feature)).abs() < 1e-5);
        assert!((share(&plain, feature) - share(&stretched, feature)).abs() > 0.05);
    }
}

#[test]
fn the_slope_of_a_balanced_feature_is_a_mean() {
    let [a, ..] = bits();
    let mut stream = Key::new(2).stream();
    let values: Vec<f32> = (0..64 * 4).map(|_| stream.random_range(-1.0f32..1.0)).collect();
    let line = Line::fit(Observed { layer: &values, feature: &a }, 4);
    for unit in 0..4 {
        let expected = (0..64).map(|i| f64::from(values[4 * i + unit] * a[i])).sum::<f64>() / 64.0;
        assert!((line.slope[unit] - expected).abs() < 1e-6);
    }
}

#[test]
fn what_is_scored_was_not_fitted() {
    let [a, b, _] = bits();
    let (first, second) = (layer(&[&a, &b]), layer(&[&scaled(&a, -1.0), &b]));
    let found = explained(Observed { layer: &first, feature: &a }, Observed { layer: &second, feature: &a }, 2);
    // Predicted +a, found -a: 1 - (4 + 1) / 2.
    assert!((found.share + 1.5).abs() < 1e-9 && (found.variance - 2.0).abs() < 1e-9);
    assert!((found.explained - found.share * found.variance).abs() < 1e-9);
}

#[test]
fn single_inputs_and_units() {
    let [a, b, _] = bits();
    let constant = vec![1.0; 64];
    let values = layer(&[&scaled(&a, 10.0), &a, &b, &constant]);
    let on = Observed { layer: &values, feature: &a };
    let found = explained(on, on, 4);
    assert_eq!(found.units, [Some(1.0), Some(1.0), Some(0.0), None]);
    assert!((found.density() - 2.0 / 3.0).abs() < 1e-12 && (found.standardised() - 2.0 / 3.0).abs() < 1e-12);
    assert!((found.share - 101.0 / 102.0).abs() < 1e-9 && (found.per_input - found.share).abs() < 1e-9);
}

#[test]
fn moving_against_a_feature_turns_it() {
    let [a, b, _] = bits();
    let values = layer(&[&a, &a, &b]);
    let direction = class_direction(Observed { layer: &values, feature: &a }, 3).unwrap();
    assert_eq!(direction, [2.0, 2.0, 0.0]);
    for (row, f) in values.chunks(3).zip(&a).filter(|(_, f)| **f > 0.0) {
        let moved: Vec<f64> = row.iter().zip(&direction).map(|(x, v)| f64::from(*x) - v).collect();
        assert_eq!(moved[..2], [f64::from(-f); 2]);
    }
    assert_eq!(class_direction(Observed { layer: &values, feature: &vec![1.0; 64] }, 3), None);
    // An output that is the first unit turns after half of the direction; one that is the third stays.
    let found = flips(&a, &a, direction[0], &b, direction[2]);
    assert!(found.steps.iter().all(|step| (step - 0.5).abs() < 1e-12) && found.other_kept == 1.0);
    let dragged = flips(&a, &a, 2.0, &scaled(&a, 0.5), 2.0);
    assert_eq!(dragged.other_kept, 0.0);
    assert!(flips(&a, &a, 0.0, &b, 0.0).steps.iter().all(|step| step.is_infinite()));
    assert!(flips(&a, &scaled(&a, -1.0), 1.0, &b, 0.0).steps.iter().all(|step| *step == 0.0));
}

#[test]
fn components_are_the_axes_of_variance() {
    let [a, b, c] = bits();
    let (sin, cos) = 0.4f32.sin_cos();
    let values: Vec<f32> = (0..64)
        .flat_map(|i| {
            let (x, y) = (3.0 * a[i], b[i]);
            [cos * x - sin * y + 7.0, sin * x + cos * y, 0.5 * c[i]]
        })
        .collect();
    let components = Components::of(&values, 3).unwrap();
    let expected = [9.0 / 10.25, 1.0 / 10.25, 0.25 / 10.25];
    assert!(components.shares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{:?}", components.shares);
    let scores = components.scores(&values, 2);
    let on = Observed { layer: &scores, feature: &a };
    let units = explained(on, on, 2).units;
    assert!(units[0].unwrap() > 0.9999 && units[1].unwrap() < 1e-4, "{units:?}");
    assert!(Components::of(&[f32::NAN; 4], 2).is_err());
}

#[test]
fn similar_distances_correlate() {
    let [a, b, c] = bits();
    let (first, turned) = (layer(&[&scaled(&a, 3.0), &b]), layer(&[&scaled(&b, -2.0), &scaled(&a, 6.0)]));
    let of = |values: &[f32]| distances(values, 2);
    assert_eq!(distances(&[0.0, 0.0, 3.0, 4.0, 0.0, 1.0], 2), [5.0, 1.0, 18f64.sqrt()]);
    assert!((similarity(&of(&first), &of(&turned)).unwrap() - 1.0).abs() < 1e-9);
    let other = similarity(&of(&first), &of(&layer(&[&c, &c]))).unwrap();
    assert!(other.abs() < 0.2, "{other}");
    assert_eq!(similarity(&[1.0, 1.0], &[1.0, 2.0]), None);
    assert_eq!(similarity(&[1.0], &[1.0, 2.0]), None);
}

#[test]
fn a_readout_follows_the_larger_of_two_features_that_agree() {
    let [a, b, _] = bits();
    let agree: Vec<usize> = (0..64).filter(|i| a[*i] == b[*i]).collect();
    let pick = |values: &[f32]| agree.iter().map(|i| values[*i]).collect::<Vec<f32>>();
    let (big, small) = (scaled(&a, 3.0), b.clone());
    let training = layer(&[&pick(&big), &pick(&small)]);
    let readout = Readout::fit(Observed { layer: &training, feature: &pick(&a) }, 2, 1e-3, 12).unwrap();
    let scores = readout.scores(&layer(&[&big, &small]));
    assert!(scores.iter().zip(&a).all(|(score, a)| (*score > 0.0) == (*a > 0.0)));
    // Where only one is there, it finds the label by it.
    let alone = layer(&[&vec![0.0; 64], &small]);
    let readout = Readout::fit(Observed { layer: &alone, feature: &b }, 2, 1e-3, 12).unwrap();
    assert!(readout.scores(&alone).iter().zip(&b).all(|(score, b)| (*score > 0.0) == (*b > 0.0)));
}

#[test]
fn bits_of_whole_inputs_share_a_layer_of_bits_evenly() {
    let inputs: Vec<u16> = (0..=u16::MAX).step_by(1).collect();
    let values = rows(&inputs);
    for formula in [Formula::Bit(1), Formula::Parity(vec![2, 3, 4])] {
        let feature: Vec<f32> = inputs.iter().map(|input| formula.value(*input)).collect();
        let expected = if formula == Formula::Bit(1) { 1.0 / 16.0 } else { 0.0 };
        assert!((share(&values, &feature) - expected).abs() < 1e-9, "{formula}");
    }
}
