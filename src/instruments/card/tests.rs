//! The instruments on models whose numbers have closed forms.

use super::*;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::Quantity;
use crate::engine::{Store, Var};
use crate::instruments::statistics::chi_square::ChiSquare;
use crate::instruments::subject::{Examples, Feature, Forward, Model, Objective, Training};
use crate::kernels::linalg::symmetric_eigen;
use crate::nn::optimiser::{Method, OptimiserSettings, Sgd};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// y = x W, with the inputs as the hidden layer.
struct Map(Weight);

impl Model for Map {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        Forward { outputs: inputs.matmul(values[self.0]), hidden: vec![("inputs".into(), inputs)] }
    }
}

/// Orthogonal columns: row i of a Hadamard matrix of order 2^k.
fn hadamard(order: usize) -> Vec<f32> {
    let entry = |i: usize, j: usize| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..order * order).map(|at| entry(at / order, at % order)).collect()
}

fn subject(inputs: usize, outputs: usize, objective: Objective, weights: &[f32], examples: Examples) -> Subject {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, Key::new(1));
    let map = Map(builder.weight("map", [inputs, outputs], Init::Constant(0.0)));
    let list = builder.finish();
    store.values_mut(list.slots()[0]).copy_from_slice(weights);
    let fresh = move |key: Key| {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, key);
        builder.weight("map", [inputs, outputs], Init::Normal(0.5));
        vec![store.values(store.find("map").expect("it was just made")).to_vec()]
    };
    let target = if objective == Objective::CrossEntropy { vec![] } else { vec![outputs] };
    Subject {
        model: Box::new(map),
        initial: Some(vec![vec![0.0; inputs * outputs]]),
        reinitialise: Some(Box::new(fresh)),
        objective,
        row: vec![inputs],
        target,
        train: examples.clone(),
        test: examples,
        features: Vec::new(),
        training: Some(Training {
            optimiser: OptimiserSettings::from(Method::Sgd(Sgd { momentum: 0.0, nesterov: false })),
            learning_rate: 0.1,
            batch: 32,
            steps: 10,
        }),
        chance: None,
        key: Key::new(5),
        pool: Pool::serial(),
        store,
        weights: list,
    }
}

fn quantity(found: &Found, name: &str) -> Quantity {
    let Found::Measured { quantities, .. } = found else { panic!("{found:?}") };
    quantities.iter().find(|q| q.name == name).unwrap_or_else(|| panic!("no {name} in {quantities:?}")).clone()
}

#[test]
fn the_hessian_of_a_linear_model_is_its_inputs_covariance() {
    let x: Vec<f32> = (0..60 * 4).map(|i| ((i * i) as f32 * 0.37).sin() * (1 + i % 4) as f32).collect();
    let y: Vec<f32> = (0..60).map(|i| (i as f32 * 0.7).cos()).collect();
    let found = (sharpness::SHARPNESS.read)(&subject(
        4,
        1,
        Objective::SquaredError,
        &[0.3, -1.0, 0.5, 2.0],
        Examples::new(60, x.clone(), y),
    ));
    let covariance: Vec<f64> = (0..16)
        .map(|at| (0..60).map(|n| f64::from(x[n * 4 + at / 4] * x[n * 4 + at % 4])).sum::<f64>() / 60.0)
        .collect();
    let eigen = symmetric_eigen(4, &covariance).unwrap();
    let (largest, sum) = (eigen.values[3], eigen.values.iter().sum::<f64>());
    let close = |found: f64, right: f64| assert!((found - right).abs() < 1e-4 * right, "{found} {right}");
    close(quantity(&found, "largest eigenvalue").value, largest);
    close(quantity(&found, "edge").value, largest * 0.1 / 2.0);
    let trace = quantity(&found, "trace");
    let (low, high) = trace.interval.unwrap();
    let error = (high - low) / 2.0;
    assert!((trace.value - sum).abs() <= 2.0 * error, "{trace:?} {sum}");
}

#[test]
fn random_features_need_as_many_bits_as_chi_square_says() {
    // Orthogonal features, targets 0, weights normal of deviation 1/2: n e / (n / 4) is chi-square of 8.
    let examples = Examples::new(8, hadamard(8), vec![0.0; 8]);
    let trained: Vec<f32> = vec![0.35; 8];
    let found = (bits::BITS.read)(&subject(8, 1, Objective::SquaredError, &trained, examples));
    let error = quantity(&found, "test squared error").value;
    // |X w|^2 / n = |w|^2 for orthogonal X.
    assert!((error - 8.0 * 0.35f64.powi(2)).abs() < 1e-5);
    let law = ChiSquare { freedom: 8.0, noncentrality: 0.0 };
    let right = -law.ln_cdf(error / 0.25) / std::f64::consts::LN_2;
    let bits = quantity(&found, "bits");
    let (low, high) = bits.interval.unwrap();
    assert!((bits.value - right).abs() < 0.15 && low < high, "{bits:?} {right}");
    assert!(quantity(&found, "misfit of the law").value < 0.03);
}

#[test]
fn a_planted_feature_is_the_one_that_counts() {
    // Two classes by the sign of the first of four features; the second agrees with it and is not used.
    let mut x: Vec<f32> = hadamard(64).chunks(64).flat_map(|row| [row[1], row[1], row[2], row[4]]).collect();
    x.iter_mut().enumerate().for_each(|(i, x)| *x += (i as f32).sin() * 0.1);
    let y: Vec<f32> = x.chunks(4).map(|row| f32::from(u8::from(row[0] > 0.0))).collect();
    let weights = [-2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let mut subject = subject(4, 2, Objective::CrossEntropy, &weights, Examples::new(64, x, y));
    subject.features = (0..4).map(|i| Feature::coordinates(format!("x{i}"), 4, vec![i])).collect();
    subject.chance = Some(0.5);
    let found = (reliance::RELIANCE.read)(&subject);
    let at = |name: &str| quantity(&found, name).value;
    assert!((at("AUC, x0 exchanged") - 0.5).abs() < 0.15, "{found:?}");
    assert_eq!(at("AUC, x1 exchanged"), 1.0);
    assert_eq!(at("AUC, all but x0 exchanged"), 1.0);
    assert!(at("AUC, all but x1 exchanged") < 0.7);
    let fit = (fit::FIT.read)(&subject);
    assert_eq!(quantity(&fit, "test accuracy").value, 1.0);
    assert!((quantity(&(regime::REGIME.read)(&subject), "kept on what it never saw").value - 1.0).abs() < 1e-9);
}

#[test]
fn every_instrument_answers_or_says_why_not() {
    let x: Vec<f32> = (0..64 * 3).map(|i| ((i * 7) as f32).sin()).collect();
    let y: Vec<f32> = x.chunks(3).map(|row| f32::from(u8::from(row[0] > row[1]))).collect();
    let classes = subject(3, 2, Objective::CrossEntropy, &[1.0, -1.0, -1.0, 1.0, 0.1, 0.2], Examples::new(64, x, y));
    let numbers = subject(2, 1, Objective::SquaredError, &[1.0, 0.5], Examples::default());
    for subject in [classes, numbers] {
        let mut told = Vec::new();
        let readings = read(&subject, &NAMES, &mut |done, of, name| told.push((done, of, name.to_owned())));
        assert_eq!((readings.len(), told.len()), (ALL.len(), ALL.len()));
        assert_eq!(read(&subject, &NAMES, &mut |_, _, _| ()), readings, "the same card twice");
        for reading in readings {
            match reading.found {
                Found::Refused { why } => assert!(!why.is_empty() && !why.ends_with('.'), "{why}"),
                Found::Measured { quantities, .. } => assert!(!quantities.is_empty(), "{}", reading.instrument),
            }
        }
    }
}

#[test]
fn names_are_unique_and_meanings_are_told() {
    for (i, instrument) in ALL.iter().enumerate() {
        assert!(ALL[..i].iter().all(|other| other.name != instrument.name));
        assert!(instrument.question.ends_with('?') && !instrument.meaning.ends_with('.'), "{}", instrument.name);
    }
}

#[test]
fn the_page_of_instruments_has_a_line_for_each() {
    let page = include_str!("../../../docs/instruments.md");
    for instrument in ALL {
        assert!(page.contains(&format!("| `{}` |", instrument.name)), "docs/instruments.md lacks {}", instrument.name);
    }
    let lines = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(lines, ALL.len(), "docs/instruments.md has lines for instruments that are not there");
}
