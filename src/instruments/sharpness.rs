//! Sharpness: the largest eigenvalues of a loss's Hessian, from products with vectors alone.
//!
//! Power iteration follows the top eigenvalue along a training (warm start); Lanczos (1950) with full
//! reorthogonalisation gives the top few at one point; Hutchinson (1990) estimates the trace. The product
//! is exact, by [`Graph::hessian_vector_product`], or by central differences of gradients.

use std::sync::Arc;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::statistics::{deviation, mean};
use crate::base::random::{Key, Stream};
use crate::base::threads::Pool;
use crate::engine::{Executor, GradientError, Graph, Output, Slot, Store, Var};
use crate::kernels::linalg::symmetric_eigen;
use crate::nn::weights::{Values, Weights};

/// A Rayleigh quotient below this share of `|H v|` says that negative curvature leads the iteration.
const LED: f64 = 0.5;
/// What is left of the shift from one call to the next, so that it fades once it is no longer needed.
const RELEASE: f64 = 0.9;
/// Shorter than this a product is zero.
const NOTHING: f64 = 1e-30;

/// Products `H v` at the weights in a store: exact, one plan.
#[derive(Debug)]
pub struct HessianVector {
    executor: Executor,
    directions: Vec<Slot>,
    outputs: Vec<Output>,
}

impl HessianVector {
    /// A plan for products with the Hessian of the number that `loss` records, by all weights. The
    /// directions are slots of the store under `given.direction.`, so that no checkpoint keeps them; several
    /// plans of one store share them.
    ///
    /// # Errors
    /// When an op on the way has no second derivative.
    pub fn new(
        store: &mut Store,
        weights: &Weights,
        pool: Pool,
        loss: impl for<'g> FnOnce(&'g Graph, &Store, &Values<'g>) -> Var<'g>,
    ) -> Result<Self, GradientError> {
        let slot = |(i, weight): (usize, &Slot)| {
            let (name, shape) = (format!("given.direction.{i}"), store.shape(*weight).clone());
            store.find(&name).unwrap_or_else(|| store.add(name, shape))
        };
        let directions: Vec<Slot> = weights.slots().iter().enumerate().map(slot).collect();
        let graph = Graph::new();
        let values = weights.read(&graph, store);
        let loss = loss(&graph, store, &values);
        let along: Vec<Var<'_>> = directions.iter().map(|slot| graph.read(store, *slot)).collect();
        let products = graph.hessian_vector_product(loss, values.vars(), &along)?;
        let outputs = products.into_iter().enumerate().map(|(i, p)| graph.output(i.to_string(), p)).collect();
        Ok(HessianVector { executor: Executor::new(Arc::new(graph.plan()), pool), directions, outputs })
    }

    /// `H v`; the weights stand one after the other, row-major.
    ///
    /// # Panics
    /// If `v` has not as many numbers as there are weights.
    pub fn apply(&mut self, store: &mut Store, v: &[f64]) -> Vec<f64> {
        let mut rest = v;
        for slot in &self.directions {
            let values = store.values_mut(*slot);
            let (here, after) = rest.split_at(values.len());
            values.iter_mut().zip(here).for_each(|(value, x)| *value = *x as f32);
            rest = after;
        }
        assert!(rest.is_empty(), "one number for each weight");
        self.executor.run(store);
        let mut found = Vec::new();
        let mut all = Vec::with_capacity(v.len());
        for output in &self.outputs {
            self.executor.output_into(*output, store, &mut found);
            all.extend(found.iter().map(|x| f64::from(*x)));
        }
        all
    }
}

/// `H v` by central differences, `(g(w + e v) - g(w - e v)) / 2 e` with `e = step / |v|`: for losses
/// whose ops have no second derivative. In f32 a step of about 1e-2 balances rounding and curvature, in f64
/// 1e-4. Only for smooth losses: a kink between the two points (a ReLU that switches) is a jump of the gradient
/// divided by `2 e`, many times any curvature; there the exact product is the one to use.
pub fn difference_product(
    mut gradient: impl FnMut(&[f64]) -> Vec<f64>,
    weights: &[f64],
    v: &[f64],
    step: f64,
) -> Vec<f64> {
    let length = norm(v);
    if length < NOTHING {
        return vec![0.0; v.len()];
    }
    let e = step / length;
    let mut at = |sign: f64| {
        let moved: Vec<f64> = weights.iter().zip(v).map(|(w, v)| w + sign * e * v).collect();
        gradient(&moved)
    };
    let (ahead, behind) = (at(1.0), at(-1.0));
    ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * e)).collect()
}

/// The largest eigenvalue as it is followed through a training. What it holds is all that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracker {
    /// The last vector, of length one.
    vector: Vec<f64>,
    /// The iteration is with `H + shift`, so that a large negative eigenvalue does not lead it.
    shift: f64,
}

/// An eigenvalue as an iteration found it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The Rayleigh quotient `v^T H v`: never above the largest eigenvalue.
    pub value: f64,
    /// `|H v - value v|`: an eigenvalue is at most so far away.
    pub residual: f64,
}

impl Tracker {
    /// Begins with a random vector.
    pub fn new(dimension: usize, key: Key) -> Self {
        let vector = normal(dimension, &mut key.stream());
        Tracker { vector: unit(vector), shift: 0.0 }
    }

    /// Begins with a vector that is already near the one sought.
    pub fn from_vector(vector: Vec<f64>) -> Self {
        Tracker { vector: unit(vector), shift: 0.0 }
    }

    /// The last vector, of length one.
    pub fn vector(&self) -> &[f64] {
        &self.vector
    }

    /// Goes on from the last vector for so many products and gives the largest (signed) eigenvalue.
    ///
    /// Plain power iteration finds the largest magnitude. Where `v^T H v` stays well below `|H v|`, negative
    /// curvature leads: the iteration then is with `H + |H v|`, whose largest magnitude belongs to the
    /// largest eigenvalue, and the shift is let go slowly. As no quotient is above the largest eigenvalue, the
    /// largest of the call is given, and the next call starts from there.
    pub fn follow(&mut self, mut product: impl FnMut(&[f64]) -> Vec<f64>, iterations: usize) -> Found {
        let mut best: Option<(Found, Vec<f64>)> = None;
        let mut last_is_best = true;
        for _ in 0..iterations.max(1) {
            let image = product(&self.vector);
            let value = dot(&self.vector, &image);
            let length = norm(&image);
            let off: f64 = image.iter().zip(&self.vector).map(|(h, v)| (h - value * v).powi(2)).sum();
            if value < LED * length {
                self.shift = self.shift.max(length);
            }
            let next: Vec<f64> = image.iter().zip(&self.vector).map(|(h, v)| h + self.shift * v).collect();
            // Of a zero Hessian every vector is as good.
            let next = if norm(&next) > NOTHING { unit(next) } else { self.vector.clone() };
            if best.as_ref().is_none_or(|(found, _)| value >= found.value) {
                best = Some((Found { value, residual: off.sqrt() }, self.vector.clone()));
                last_is_best = true;
            } else {
                last_is_best = false;
            }
            self.vector = next;
        }
        self.shift *= RELEASE;
        let (found, vector) = best.expect("there was an iteration");
        if !last_is_best {
            self.vector = vector;
        }
        found
    }
}

/// Eigenvalues at one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// The largest, descending, with multiplicities only as far as rounding tells them apart.
    pub values: Vec<f64>,
    /// Their vectors, of length one.
    pub vectors: Vec<Vec<f64>>,
    /// The least eigenvalue that was met.
    pub lowest: f64,
}

/// The `top` largest eigenvalues of a symmetric matrix of `start.len()` rows, from `steps` products:
/// Lanczos with full reorthogonalisation. None if a product is not finite.
pub fn lanczos(
    mut product: impl FnMut(&[f64]) -> Vec<f64>,
    start: &[f64],
    steps: usize,
    top: usize,
) -> Option<Spectrum> {
    let mut basis: Vec<Vec<f64>> = vec![unit(start.to_vec())];
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..steps.clamp(1, start.len()) {
        let last = basis.last()?;
        let mut next = product(last);
        diagonal.push(dot(&next, last));
        // Twice: once leaves what rounding put back.
        for _ in 0..2 {
            for v in &basis {
                let along = dot(&next, v);
                next.iter_mut().zip(v).for_each(|(n, v)| *n -= along * v);
            }
        }
        let length = norm(&next);
        if length.is_nan() {
            return None;
        }
        // The space that the start reaches is exhausted.
        if length <= 1e-10 * diagonal.iter().fold(1e-20, |a: f64, d| a.max(d.abs())) {
            break;
        }
        beside.push(length);
        basis.push(next.into_iter().map(|x| x / length).collect());
    }
    let n = diagonal.len();
    let mut matrix = vec![0.0; n * n];
    for i in 0..n {
        matrix[i * n + i] = diagonal[i];
        if i + 1 < n {
            matrix[i * n + i + 1] = beside[i];
            matrix[(i + 1) * n + i] = beside[i];
        }
    }
    let eigen = symmetric_eigen(n, &matrix).ok()?;
    let chosen: Vec<usize> = (0..n).rev().take(top).collect();
    let vector = |&j: &usize| {
        let mut sum = vec![0.0; start.len()];
        for (i, v) in basis.iter().take(n).enumerate() {
            sum.iter_mut().zip(v).for_each(|(s, v)| *s += eigen.vectors[i * n + j] * v);
        }
        unit(sum)
    };
    Some(Spectrum {
        values: chosen.iter().map(|&j| eigen.values[j]).collect(),
        vectors: chosen.iter().map(vector).collect(),
        lowest: eigen.values[0],
    })
}

/// The trace by `probes` vectors of random signs, with its standard error (Hutchinson 1990). None for
/// fewer than two probes or a product that is not finite.
pub fn trace(
    mut product: impl FnMut(&[f64]) -> Vec<f64>,
    dimension: usize,
    probes: usize,
    key: Key,
) -> Option<(f64, f64)> {
    let mut probe = |i: usize| {
        let mut stream = key.index(i as u64).stream();
        let signs: Vec<f64> = (0..dimension).map(|_| if stream.random::<bool>() { 1.0 } else { -1.0 }).collect();
        dot(&signs, &product(&signs))
    };
    let found: Vec<f64> = (0..probes).map(&mut probe).collect();
    Some((mean(&found)?, deviation(&found)? / (probes as f64).sqrt()))
}

/// A direction of independent normal numbers, to start from.
pub fn random_direction(dimension: usize, key: Key) -> Vec<f64> {
    normal(dimension, &mut key.stream())
}

fn normal(dimension: usize, stream: &mut Stream) -> Vec<f64> {
    (0..dimension).map(|_| StandardNormal.sample(stream)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn unit(mut a: Vec<f64>) -> Vec<f64> {
    let length = norm(&a);
    if length > 0.0 {
        a.iter_mut().for_each(|x| *x /= length);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::weights::{Builder, Init};

    fn diagonal(values: &[f64]) -> impl FnMut(&[f64]) -> Vec<f64> + '_ {
        move |v| v.iter().zip(values).map(|(v, d)| v * d).collect()
    }

    #[test]
    fn power_iteration_finds_the_largest() {
        let mut tracker = Tracker::new(2, Key::new(1));
        let found = tracker.follow(diagonal(&[3.0, 1.0]), 60);
        assert!((found.value - 3.0).abs() < 1e-12 && found.residual < 1e-6, "{found:?}");
        assert_eq!(Tracker::new(2, Key::new(1)).follow(diagonal(&[0.0, 0.0]), 5).value, 0.0);
    }

    #[test]
    fn a_larger_negative_eigenvalue_does_not_lead_it_astray() {
        // Also -3 and 3, whose plain power iteration goes round for ever, and all negative.
        for (values, largest) in [([-75.0, 7.6, 2.0], 7.6), ([-3.0, 3.0, 1.0], 3.0), ([-5.0, -1.0, -2.0], -1.0)] {
            let mut tracker = Tracker::new(3, Key::new(2));
            let found = (0..60).map(|_| tracker.follow(diagonal(&values), 8).value).collect::<Vec<_>>();
            assert!((found[59] - largest).abs() < 1e-3 * largest.abs(), "{values:?}: {found:?}");
            assert!(found.iter().all(|value| *value <= largest + 1e-9), "a quotient is a lower bound");
        }
    }

    #[test]
    fn a_warm_start_follows_a_growing_eigenvalue() {
        let mut tracker = Tracker::new(3, Key::new(3));
        tracker.follow(diagonal(&[5.0, 4.0, -1.0]), 60);
        for i in 0..30 {
            let top = 5.0 + f64::from(i) * 0.3;
            let found = tracker.follow(diagonal(&[top, 4.0, -1.0]), 8).value;
            assert!((found - top).abs() < 1e-6, "{found} {top}");
        }
    }

    #[test]
    fn lanczos_finds_the_top_few() {
        let values: Vec<f64> = (0..40).map(|i| if i == 0 { -90.0 } else { f64::from(i) }).collect();
        let spectrum = lanczos(diagonal(&values), &random_direction(40, Key::new(4)), 40, 3).unwrap();
        for (found, right) in spectrum.values.iter().zip([39.0, 38.0, 37.0]) {
            assert!((found - right).abs() < 1e-8, "{spectrum:?}");
        }
        assert!((spectrum.lowest + 90.0).abs() < 1e-8);
        assert!((spectrum.vectors[0][39].abs() - 1.0).abs() < 1e-6);
        // A start that is an eigenvector ends at once.
        assert_eq!(lanczos(diagonal(&[3.0, 1.0]), &[1.0, 0.0], 9, 2).unwrap().values, [3.0]);
        assert_eq!(lanczos(diagonal(&[f64::NAN, 1.0]), &[1.0, 1.0], 9, 2), None);
    }

    #[test]
    fn the_trace_lies_within_its_error() {
        // Of a diagonal matrix every probe is exact; off-diagonal 1s add noise of variance 2.
        let (exact, error) = trace(diagonal(&[3.0, 1.0, -2.0]), 3, 8, Key::new(5)).unwrap();
        assert!((exact - 2.0).abs() < 1e-12 && error < 1e-12);
        let coupled = |v: &[f64]| vec![3.0 * v[0] + v[1], v[0] + v[1]];
        let (found, error) = trace(coupled, 2, 400, Key::new(6)).unwrap();
        assert!((error - 0.1).abs() < 0.02 && (found - 4.0).abs() < 4.0 * error, "{found} {error}");
        assert_eq!(trace(coupled, 2, 1, Key::new(6)), None);
    }

    /// Weights of shapes and values, in a store.
    fn stored(shapes: &[(&str, [usize; 2], &[f32])]) -> (Store, Weights) {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(0));
        for (name, shape, _) in shapes {
            builder.weight(name, *shape, Init::Constant(0.0));
        }
        let weights = builder.finish();
        for (slot, (_, _, values)) in weights.slots().iter().zip(shapes) {
            store.values_mut(*slot).copy_from_slice(values);
        }
        (store, weights)
    }

    #[test]
    fn the_hessian_of_a_quadratic_form_is_its_matrix() {
        let (mut store, weights) = stored(&[("w", [2, 1], &[0.3, -0.7])]);
        let a = [3.0, 1.0, 1.0, -2.0];
        let mut product = HessianVector::new(&mut store, &weights, Pool::serial(), |graph, _, values| {
            let w = values.vars()[0];
            (w * graph.constant([2, 2], a.to_vec()).matmul(w)).sum() * 0.5
        })
        .unwrap();
        assert_eq!(product.apply(&mut store, &[1.0, 0.0]), [3.0, 1.0]);
        assert_eq!(product.apply(&mut store, &[0.0, 2.0]), [2.0, -4.0]);
    }

    #[test]
    fn two_scalars_in_a_row() {
        // f = c w x, y = b x, E x^2 = 1, at c w = b: eigenvalues 0 and c^2 + w^2; balanced 2 |b|.
        let b = 1.69f32;
        for c in [1.3f32, 2.0] {
            let w = b / c;
            let (mut store, weights) = stored(&[("c", [1, 1], &[c]), ("w", [1, 1], &[w])]);
            let mut product = HessianVector::new(&mut store, &weights, Pool::serial(), |_, _, values| {
                let off = values.vars()[0] * values.vars()[1] - b;
                (off * off).sum() * 0.5
            })
            .unwrap();
            let start = random_direction(2, Key::new(7));
            let spectrum = lanczos(|v| product.apply(&mut store, v), &start, 2, 2).unwrap();
            let (top, low) = (f64::from(c * c + w * w), spectrum.values[1]);
            assert!((spectrum.values[0] - top).abs() < 1e-5 && low.abs() < 1e-5, "{spectrum:?}");
            assert!(c != 1.3 || (spectrum.values[0] - f64::from(2.0 * b)).abs() < 1e-5);
        }
    }

    /// Gradient in f64 of `sum_i (c . tanh(W x_i) - y_i)^2 / 2`, W `[2, 3]` (inputs, units) before c `[3]`.
    fn smooth_gradient(w: &[f64], x: &[[f64; 2]], y: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; 9];
        for (x, y) in x.iter().zip(y) {
            let h: Vec<f64> = (0..3).map(|j| (x[0] * w[j] + x[1] * w[3 + j]).tanh()).collect();
            let off = (0..3).map(|j| w[6 + j] * h[j]).sum::<f64>() - y;
            for j in 0..3 {
                gradient[6 + j] += off * h[j];
                for (i, x) in x.iter().enumerate() {
                    gradient[3 * i + j] += off * w[6 + j] * (1.0 - h[j] * h[j]) * x;
                }
            }
        }
        gradient
    }

    #[test]
    fn differences_agree_with_the_exact_product_on_a_smooth_net() {
        let x = [[0.4, -1.0], [1.2, 0.3], [-0.6, 0.8]];
        let y = [0.5, -0.2, 1.0];
        let w: Vec<f32> = (0..9).map(|i| (i as f32 * 1.7).sin()).collect();
        let (mut store, weights) = stored(&[("W", [2, 3], &w[..6]), ("c", [3, 1], &w[6..])]);
        let mut product = HessianVector::new(&mut store, &weights, Pool::serial(), |graph, _, values| {
            let given = x.iter().flatten().map(|x| *x as f32).collect();
            let hidden = graph.constant([3, 2], given).matmul(values.vars()[0]).tanh();
            let off = hidden.matmul(values.vars()[1]) - graph.constant([3, 1], y.map(|y| y as f32).to_vec());
            (off * off).sum() * 0.5
        })
        .unwrap();
        let w: Vec<f64> = w.into_iter().map(f64::from).collect();
        let v = random_direction(9, Key::new(8));
        let exact = product.apply(&mut store, &v);
        let differences = difference_product(|w| smooth_gradient(w, &x, &y), &w, &v, 1e-4);
        let scale = exact.iter().fold(0.0f64, |a, e| a.max(e.abs()));
        for (exact, found) in exact.iter().zip(&differences) {
            assert!((exact - found).abs() < 1e-5 * scale.max(1.0), "{exact} {found}");
        }
        assert_eq!(difference_product(|w| w.to_vec(), &w, &[0.0; 9], 1e-4), [0.0; 9]);
    }

    #[test]
    fn differences_across_a_kink_are_no_curvature() {
        // |w| at w = 1e-6: flat on either side, yet the differences see a jump of 2 over 2e-4.
        let slope = |w: &[f64]| vec![w[0].signum()];
        assert!((difference_product(slope, &[1e-6], &[1.0], 1e-4)[0] - 1e4).abs() < 1e-6);
        let (mut store, weights) = stored(&[("w", [1, 1], &[1e-6])]);
        let exact = HessianVector::new(&mut store, &weights, Pool::serial(), |_, _, values| {
            let w = values.vars()[0];
            (w.relu() + (w * -1.0).relu()).sum()
        });
        assert_eq!(exact.unwrap().apply(&mut store, &[1.0]), [0.0]);
    }

    #[test]
    fn gradient_descent_on_a_parabola_turns_at_the_edge() {
        // w <- (1 - eta s) w: grows iff s > 2 / eta; at eta s = 2 it changes sign for ever.
        let end = |eta: f64, s: f64| (0..100).fold(1.0, |w: f64, _| w - eta * s * w);
        assert!(end(0.5, 3.9).abs() < 0.1 && end(0.5, 4.1).abs() > 10.0);
        assert_eq!(end(0.5, 4.0), 1.0);
        assert_eq!((0..99).fold(1.0, |w: f64, _| w - 0.5 * 4.0 * w), -1.0);
    }
}
