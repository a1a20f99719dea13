//! Cases: what an op is tested on, with a plain f64 oracle.

use std::sync::Arc;

use ndarray::ArrayD;
use rand::RngExt;

use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Executor, GradientError, Graph, Shape, Slot, Store, Var};

/// An array of the oracle.
pub(super) type Array = ArrayD<f64>;
type Build = Box<dyn for<'g> Fn(&[Var<'g>]) -> Vec<Var<'g>>>;
type Oracle = Box<dyn Fn(&[Array]) -> Vec<Array>>;

/// One input of a case.
pub(super) struct Input {
    shape: Shape,
    low: f64,
    high: f64,
    /// Whole numbers without a gradient (class indices) instead of reals with one.
    index: bool,
}

/// A real input with values in -1.5..1.5.
pub(super) fn real(shape: impl Into<Shape>) -> Input {
    within(shape, -1.5, 1.5)
}

/// A real input with values in a range.
pub(super) fn within(shape: impl Into<Shape>, low: f64, high: f64) -> Input {
    Input { shape: shape.into(), low, high, index: false }
}

/// Class indices from `low` to below `high`.
pub(super) fn index(shape: impl Into<Shape>, low: i32, high: i32) -> Input {
    Input { shape: shape.into(), low: f64::from(low), high: f64::from(high), index: true }
}

/// How the second gradient is to behave.
#[derive(Clone, Copy, PartialEq)]
enum Second {
    /// It meets central differences of the first.
    Exact,
    /// The op says that it has none.
    Refused,
    /// The op has no gradient at all.
    NoGradient,
}

/// Shapes, the graph and the oracle.
pub(super) struct Case {
    label: String,
    inputs: Vec<Input>,
    build: Build,
    oracle: Oracle,
    second: Second,
    tolerance: f64,
}

impl Case {
    /// A case whose second gradient is exact.
    pub(super) fn new(
        label: impl Into<String>,
        inputs: impl Into<Vec<Input>>,
        build: impl for<'g> Fn(&[Var<'g>]) -> Vec<Var<'g>> + 'static,
        oracle: impl Fn(&[Array]) -> Vec<Array> + 'static,
    ) -> Self {
        let (build, oracle) = (Box::new(build), Box::new(oracle));
        Case { label: label.into(), inputs: inputs.into(), build, oracle, second: Second::Exact, tolerance: 2e-5 }
    }

    /// A case of one output.
    pub(super) fn one(
        label: impl Into<String>,
        inputs: impl Into<Vec<Input>>,
        build: impl for<'g> Fn(&[Var<'g>]) -> Var<'g> + 'static,
        oracle: impl Fn(&[Array]) -> Array + 'static,
    ) -> Self {
        Case::new(label, inputs, move |x| vec![build(x)], move |x| vec![oracle(x)])
    }

    /// The same case for an op that refuses a second gradient.
    pub(super) fn once(mut self) -> Self {
        self.second = Second::Refused;
        self
    }

    /// The same case for an op that refuses any gradient.
    pub(super) fn no_gradient(mut self) -> Self {
        self.second = Second::NoGradient;
        self
    }

    fn draw(&self, purpose: &str) -> Vec<Array> {
        let key = Key::new(20).purpose(purpose).purpose(&self.label);
        let fill = |(i, input): (usize, &Input)| {
            let mut stream = key.index(i as u64).stream();
            let values = (0..input.shape.size()).map(|_| {
                let value = stream.random_range(input.low..input.high);
                // The oracle sees just what the op sees: the value as f32.
                if input.index { value.floor() } else { f64::from(value as f32) }
            });
            Array::from_shape_vec(input.shape.to_vec(), values.collect()).expect("as many values as the shape holds")
        };
        self.inputs.iter().enumerate().map(fill).collect()
    }

    /// Cotangents for the outputs, fixed by the case.
    fn weights(&self, outputs: &[Array]) -> Vec<Array> {
        let mut stream = Key::new(21).purpose(&self.label).stream();
        outputs.iter().map(|out| out.mapv(|_| f64::from(stream.random_range(-1.0f32..1.0)))).collect()
    }

    /// `sum(weights * outputs)` by the oracle.
    fn oracle_loss(&self, inputs: &[Array], weights: &[Array]) -> f64 {
        (self.oracle)(inputs).iter().zip(weights).map(|(out, weight)| (out * weight).sum()).sum()
    }

    fn store(&self, inputs: &[Array]) -> (Store, Vec<Slot>) {
        let mut store = Store::new();
        let slots = inputs.iter().enumerate().map(|(i, values)| {
            let slot = store.add(format!("input{i}"), values.shape());
            store.values_mut(slot).iter_mut().zip(values).for_each(|(to, from)| *to = *from as f32);
            slot
        });
        let slots = slots.collect();
        (store, slots)
    }

    /// Records with `record`, runs once, and gives the values it asked for.
    fn evaluate(
        &self,
        inputs: &[Array],
        threads: usize,
        record: impl for<'g> Fn(&[Var<'g>]) -> Result<Vec<Var<'g>>, GradientError>,
    ) -> Result<Vec<Array>, GradientError> {
        let (mut store, slots) = self.store(inputs);
        let graph = Graph::new();
        let vars: Vec<Var<'_>> = slots.iter().map(|slot| graph.read(&store, *slot)).collect();
        let asked = record(&vars)?;
        let outputs: Vec<_> = asked.iter().map(|var| (graph.output("", *var), var.shape())).collect();
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::new(threads));
        executor.run(&mut store);
        let first: Vec<Vec<f32>> = outputs.iter().map(|(output, _)| executor.output(*output, &store)).collect();
        executor.run(&mut store);
        for ((output, _), first) in outputs.iter().zip(&first) {
            assert_eq!(&executor.output(*output, &store), first, "{}: a second run differs", self.label);
        }
        let array = |(values, (_, shape)): (Vec<f32>, &(_, Shape))| {
            let values = values.into_iter().map(f64::from).collect();
            Array::from_shape_vec(shape.to_vec(), values).expect("an output is as long as its shape says")
        };
        Ok(first.into_iter().zip(&outputs).map(array).collect())
    }

    fn differentiable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.inputs.len()).filter(|&i| !self.inputs[i].index)
    }

    /// The gradient of `sum(weights * outputs)` by every real input, as graph values.
    fn record_gradient<'g>(&self, x: &[Var<'g>], weights: &[Array]) -> Result<Vec<Var<'g>>, GradientError> {
        let graph = x[0].graph();
        let outputs = (self.build)(x);
        let loss = outputs
            .iter()
            .zip(weights)
            .map(|(out, weight)| {
                let weight = graph.constant(weight.shape(), weight.iter().map(|w| *w as f32).collect());
                (*out * weight).sum()
            })
            .reduce(|a, b| a + b);
        let by: Vec<Var<'g>> = self.differentiable().map(|i| x[i]).collect();
        graph.gradient(loss.expect("an op has an output"), &by)
    }

    /// Compares values with what is expected at some places.
    fn compare(&self, op: &str, what: &str, got: &Array, expected: &[(usize, f64)], tolerance: f64) {
        let size = expected.iter().fold(1.0f64, |m, (_, v)| m.max(v.abs()));
        let got: Vec<f64> = got.iter().copied().collect();
        assert!(got.iter().all(|got| got.is_finite()), "{op} {}: {what} is not finite", self.label);
        for (at, expected) in expected {
            let far = (got[*at] - expected).abs() > tolerance * size;
            assert!(!far, "{op} {}: {what}[{at}] is {}, expected {expected}", self.label, got[*at]);
        }
    }

    /// Forward against the oracle.
    pub(super) fn check_forward(&self, op: &str) {
        let inputs = self.draw("forward");
        let got = self.evaluate(&inputs, 1, |x| Ok((self.build)(x))).expect("the forward pass needs no gradient");
        let expected = (self.oracle)(&inputs);
        assert_eq!(got.len(), expected.len(), "{op} {}", self.label);
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got.shape(), expected.shape(), "{op} {}: the value has another shape", self.label);
            let all: Vec<(usize, f64)> = expected.iter().copied().enumerate().collect();
            self.compare(op, "the value", got, &all, self.tolerance);
        }
    }

    /// Gradient against central differences of the oracle.
    pub(super) fn check_gradient(&self, op: &str) {
        let inputs = self.draw("gradient");
        let weights = self.weights(&(self.oracle)(&inputs));
        let got = self.evaluate(&inputs, 1, |x| self.record_gradient(x, &weights));
        if self.second == Second::NoGradient {
            assert!(got.is_err(), "{op} {}: a gradient was to be refused", self.label);
            return;
        }
        let got = got.unwrap_or_else(|e| panic!("{op} {}: {e}", self.label));
        for (got, i) in got.iter().zip(self.differentiable()) {
            let expected = differences(&inputs, i, |x| self.oracle_loss(x, &weights));
            assert_eq!(got.shape(), inputs[i].shape(), "{op} {}: the gradient has another shape", self.label);
            self.compare(op, &format!("the gradient by input {i}"), got, &expected, 10.0 * self.tolerance);
        }
    }

    /// Gradient of a weighted sum of gradients against central differences of central differences.
    pub(super) fn check_second_gradient(&self, op: &str) {
        if self.second == Second::NoGradient {
            return;
        }
        let inputs = self.draw("second");
        let weights = self.weights(&(self.oracle)(&inputs));
        let directions = self.weights(&inputs);
        let record =
            |x: &[Var<'_>]| -> Result<(), GradientError> { self.record_second(x, &weights, &directions).map(drop) };
        if self.second == Second::Refused {
            let refused = self.evaluate(&inputs, 1, |x| record(x).map(|()| vec![x[0]]));
            assert!(matches!(refused, Err(GradientError::NoRule { .. })), "{op} {}: no refusal", self.label);
            return;
        }
        let got = self.evaluate(&inputs, 1, |x| self.record_second(x, &weights, &directions));
        let got = got.unwrap_or_else(|e| panic!("{op} {}: {e}", self.label));
        // d/dx of the directional derivative of the loss along `directions`.
        let along = |x: &[Array]| {
            let moved = |by: f64| -> Vec<Array> {
                let step = |i: usize| &x[i] + &(&directions[i] * if self.inputs[i].index { 0.0 } else { by });
                (0..x.len()).map(step).collect()
            };
            let step = 1e-4;
            (self.oracle_loss(&moved(step), &weights) - self.oracle_loss(&moved(-step), &weights)) / (2.0 * step)
        };
        for (got, i) in got.iter().zip(self.differentiable()) {
            let expected = differences(&inputs, i, along);
            self.compare(op, &format!("the second gradient by input {i}"), got, &expected, 100.0 * self.tolerance);
        }
    }

    fn record_second<'g>(
        &self,
        x: &[Var<'g>],
        weights: &[Array],
        directions: &[Array],
    ) -> Result<Vec<Var<'g>>, GradientError> {
        let graph = x[0].graph();
        let first = self.record_gradient(x, weights)?;
        let terms = first.iter().zip(self.differentiable()).map(|(gradient, i)| {
            let direction = directions[i].iter().map(|d| *d as f32).collect();
            (*gradient * graph.constant(directions[i].shape(), direction)).sum()
        });
        let along = terms.reduce(|a, b| a + b).expect("a case has a real input");
        let by: Vec<Var<'g>> = self.differentiable().map(|i| x[i]).collect();
        graph.gradient(along, &by)
    }

    /// The same bits at 1, 2 and 3 threads.
    pub(super) fn check_threads(&self, op: &str) {
        let inputs = self.draw("threads");
        let weights = self.weights(&(self.oracle)(&inputs));
        let run = |threads| {
            self.evaluate(&inputs, threads, |x| {
                let mut asked = (self.build)(x);
                if self.second != Second::NoGradient {
                    asked.extend(self.record_gradient(x, &weights)?);
                }
                Ok(asked)
            })
        };
        let serial = run(1).expect("the gradient exists");
        for threads in [2, 3] {
            assert_eq!(run(threads).expect("the gradient exists"), serial, "{op} {} at {threads} threads", self.label);
        }
    }
}

/// Places of an input at which its gradient is asked for: all of a small one, of a large one so many, spread by a prime.
const PROBED: usize = 64;

/// Central differences of `f` by some places of input `i`: place and slope.
fn differences(inputs: &[Array], i: usize, f: impl Fn(&[Array]) -> f64) -> Vec<(usize, f64)> {
    let (step, length) = (1e-4, inputs[i].len());
    let mut moved = inputs.to_vec();
    let mut slope = |at: usize| {
        let mut at_offset = |offset: f64| {
            let value = moved[i].iter_mut().nth(at).expect("a place of the input");
            let before = *value;
            *value = before + offset;
            let result = f(&moved);
            *moved[i].iter_mut().nth(at).expect("as above") = before;
            result
        };
        (at_offset(step) - at_offset(-step)) / (2.0 * step)
    };
    let places = (0..length.min(PROBED)).map(|k| if length <= PROBED { k } else { k * 7919 % length });
    places.map(|at| (at, slope(at))).collect()
}
