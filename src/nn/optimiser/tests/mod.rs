//! Optimisers on a quadratic loss whose gradient is known, against their papers in f64.

mod matrices;

use std::f64::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

use ndarray::{Array2, array};
use rand::RngExt;

use super::*;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::Executor;
use crate::nn::weights::{Builder, Init};

type Matrix = Array2<f64>;

const SHAPES: [&[usize]; 4] = [&[5, 3], &[3, 4], &[4], &[2, 3, 2]];

fn noise(purpose: &str, shape: &[usize]) -> Vec<f32> {
    let mut stream = Key::new(9).purpose(purpose).stream();
    (0..shape.iter().product()).map(|_| stream.random_range(-1.0f32..1.0)).collect()
}

/// As the matrix methods see it: a vector is one row.
fn matrix(shape: &[usize], values: &[f32]) -> Matrix {
    let rows = if shape.len() > 1 { shape[0] } else { 1 };
    let values: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
    Array2::from_shape_vec((rows, values.len() / rows), values).unwrap()
}

/// Weights `w`, and the loss `sum c (w - t)^2 / 2` with the gradient `c (w - t)`.
struct Problem {
    store: Store,
    weights: Weights,
    optimiser: Optimiser,
    executor: Executor,
    norm: Output,
    shapes: Vec<Vec<usize>>,
}

fn loss<'g>(graph: &'g Graph, values: &Values<'g>) -> Var<'g> {
    let term = |(i, w): (usize, &Var<'g>)| {
        let shape = w.shape();
        let [c, t] = ["curvature", "target"].map(|purpose| noise(&format!("{purpose}{i}"), &shape));
        let c = graph.constant(shape.clone(), c.iter().map(|c| c.abs() + 0.5).collect());
        let off = *w - graph.constant(shape, t);
        (c * off * off).sum() * 0.5
    };
    values.vars().iter().enumerate().map(term).reduce(|a, b| a + b).unwrap()
}

/// The gradient of weight `i` by hand.
fn gradient(i: usize, shape: &[usize], w: &Matrix) -> Matrix {
    let [c, t] = ["curvature", "target"].map(|purpose| matrix(shape, &noise(&format!("{purpose}{i}"), shape)));
    c.mapv(|c| c.abs() + 0.5) * (w - &t)
}

fn weights(store: &mut Store, shapes: &[&[usize]]) -> Weights {
    let mut builder = Builder::new(store, Key::new(1));
    for (i, shape) in shapes.iter().enumerate() {
        builder.weight(&format!("w{i}"), *shape, Init::Normal(0.5));
    }
    builder.finish()
}

impl Problem {
    fn new(
        settings: impl Into<OptimiserSettings>,
        shapes: &[&[usize]],
        threads: usize,
        group: impl Fn(&str, &Shape) -> Group,
    ) -> Self {
        let mut store = Store::new();
        let weights = weights(&mut store, shapes);
        let optimiser = Optimiser::with_groups(&mut store, &weights, settings, group);
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let norm = optimiser.minimise(&graph, &store, &weights, &values, loss(&graph, &values)).unwrap();
        let executor = Executor::new(Arc::new(graph.plan()), Pool::new(threads));
        optimiser.set_learning_rate(&mut store, 0.05);
        let shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
        Problem { store, weights, optimiser, executor, norm, shapes }
    }

    fn plain(settings: impl Into<OptimiserSettings>) -> Self {
        Problem::new(settings, &SHAPES, 1, |_, _| Group::default())
    }

    fn run(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.executor.run(&mut self.store));
    }

    fn weight(&self, i: usize) -> Matrix {
        matrix(&self.shapes[i], self.store.values(self.weights.slots()[i]))
    }

    /// Three steps beside `reference`, which steps one weight; it is given the number of the weight.
    #[track_caller]
    fn check(mut self, mut reference: impl FnMut(usize, &mut Matrix, Matrix)) {
        let mut expected: Vec<Matrix> = (0..self.shapes.len()).map(|i| self.weight(i)).collect();
        for step in 0..4 {
            self.run(1);
            for (i, w) in expected.iter_mut().enumerate() {
                let g = gradient(i, &self.shapes[i], w);
                reference(i, w, g);
                let got = self.weight(i);
                let off = (&got - &*w).mapv(f64::abs).fold(0.0f64, |m, x| m.max(*x));
                assert!(off < 2e-5, "step {step}, weight {i}: {got} where {w} is right");
            }
        }
    }
}

/// Steps with learning rate 1 of a linear loss, whose gradient is `g` at every step.
fn steps_along(method: Method, g: &Matrix, steps: usize) -> Vec<Matrix> {
    let (mut store, shape) = (Store::new(), [g.nrows(), g.ncols()]);
    let mut builder = Builder::new(&mut store, Key::new(1));
    builder.weight("w", shape, Init::Constant(0.0));
    let weights = builder.finish();
    let optimiser = Optimiser::new(&mut store, &weights, method);
    optimiser.set_learning_rate(&mut store, 1.0);
    let graph = Graph::new();
    let gradient = graph.constant(shape, g.iter().map(|x| *x as f32).collect());
    optimiser.apply(&graph, &store, &[gradient]);
    let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
    let mut before = g * 0.0;
    let mut taken = Vec::new();
    for _ in 0..steps {
        executor.run(&mut store);
        let after = matrix(&shape, store.values(weights.slots()[0]));
        taken.push(&before - &after);
        before = after;
    }
    taken
}

#[track_caller]
fn close(got: &Matrix, expected: &Matrix) {
    assert!((got - expected).mapv(f64::abs).sum() < 2e-4, "{got} where {expected} is right");
}

const METHODS: [Method; 13] = [
    Method::Sgd(Sgd { momentum: 0.0, nesterov: false }),
    Method::Sgd(Sgd { momentum: 0.9, nesterov: true }),
    Method::Adam(Moments { beta1: 0.9, beta2: 0.98, epsilon: 1e-8 }),
    Method::Lion(Lion { beta1: 0.9, beta2: 0.99 }),
    Method::Sign(Sign { momentum: 0.0 }),
    Method::Sign(Sign { momentum: 0.9 }),
    Method::RmsProp(RmsProp { decay: 0.9, epsilon: 1e-8, momentum: 0.0, centred: false }),
    Method::RmsProp(RmsProp { decay: 0.9, epsilon: 1e-4, momentum: 0.5, centred: true }),
    Method::Adagrad(Adagrad { epsilon: 1e-8 }),
    Method::Shampoo(SHAMPOO),
    Method::Shampoo(Shampoo { diagonal: true, grafting: Grafting::Sgd, ..SHAMPOO }),
    Method::Shampoo(Shampoo { beta: 0.9, momentum: 0.9, grafting: Grafting::Adagrad { epsilon: 1e-8 }, ..SHAMPOO }),
    Method::Muon(MUON),
];

const SHAMPOO: Shampoo = Shampoo {
    beta: 1.0,
    epsilon: 1e-4,
    every: 2,
    momentum: 0.0,
    grafting: Grafting::None,
    diagonal: false,
    largest: 1024,
};

const MUON: Muon = Muon {
    momentum: 0.9,
    nesterov: true,
    orthogonalisation: Orthogonalisation::NewtonSchulz,
    scale: MuonScale::Spectral,
    others: Moments { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    others_learning_rate: 0.1,
};

#[test]
fn every_method_descends_and_is_plain_data() {
    for method in METHODS {
        let settings = OptimiserSettings::from(method);
        let text = ron::to_string(&settings).unwrap();
        assert_eq!(ron::from_str::<OptimiserSettings>(&text).unwrap(), settings);
        let mut problem = Problem::plain(settings);
        problem.run(1);
        let first = problem.executor.number(problem.norm, &problem.store);
        problem.run(60);
        let last = problem.executor.number(problem.norm, &problem.store);
        assert!(last < 0.8 * first, "{method:?}: from {first} to {last}");
        assert_eq!(problem.optimiser.steps(&problem.store), 61);
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    for method in METHODS {
        let run = |threads| {
            let mut problem = Problem::new(method, &[&[40, 37], &[300, 90], &[300]], threads, |_, _| Group::default());
            problem.run(3);
            let slots: Vec<Slot> = problem.store.slots().collect();
            slots.into_iter().map(|slot| problem.store.values(slot).to_vec()).collect::<Vec<_>>()
        };
        let serial = run(1);
        assert!(serial == run(2) && serial == run(3), "{method:?}");
    }
}

#[test]
fn state_lies_under_one_name_and_carries_a_run_on() {
    for method in METHODS {
        let mut whole = Problem::plain(method);
        whole.run(3);
        let mut resumed = Problem::plain(method);
        for slot in whole.store.slots() {
            let name = whole.store.name(slot);
            assert!(name.starts_with("optimiser.") || name.starts_with('w'), "{name}");
            resumed.store.values_mut(slot).copy_from_slice(whole.store.values(slot));
        }
        whole.run(3);
        resumed.run(3);
        assert!((0..SHAPES.len()).all(|i| whole.weight(i) == resumed.weight(i)), "{method:?}");
        whole.optimiser.reset(&mut whole.store);
        assert_eq!(whole.optimiser.steps(&whole.store), 0);
    }
}

/// AdamW with everything that goes around it: groups, both clips, decoupled decay.
#[test]
fn groups_clipping_and_decay() {
    let settings = OptimiserSettings {
        method: Method::Adam(Moments { beta1: 0.9, beta2: 0.98, epsilon: 1e-6 }),
        decay: Decay::Decoupled(0.3),
        clip_norm: Some(1.5),
        clip_value: Some(0.2),
    };
    let group = |name: &str, shape: &Shape| Group {
        learning_rate: if name == "w0" { 0.5 } else { 1.0 },
        decay: if shape.len() > 1 { 2.0 } else { 0.0 },
        frozen: name == "w3",
        elementwise: false,
    };
    let problem = Problem::new(settings, &SHAPES, 1, group);
    assert!(problem.store.find("optimiser.first.w3").is_none());
    let mut all: Vec<Matrix> = (0..4).map(|i| problem.weight(i)).collect();
    let mut state: Vec<(Matrix, Matrix)> = all.iter().map(|w| (w * 0.0, w * 0.0)).collect();
    let mut problem = problem;
    for t in 1..=4 {
        problem.run(1);
        let gradients: Vec<Matrix> = (0..4).map(|i| gradient(i, SHAPES[i], &all[i])).collect();
        let norm = gradients[..3].iter().map(|g| g.mapv(|x| x * x).sum()).sum::<f64>().sqrt();
        assert!((f64::from(problem.executor.number(problem.norm, &problem.store)) / norm - 1.0).abs() < 1e-5);
        for i in 0..3 {
            let g = gradients[i].mapv(|g| (g * (1.5 / norm).min(1.0)).clamp(-0.2, 0.2));
            let (m, v) = &mut state[i];
            *m = &*m * 0.9 + &g * 0.1;
            *v = &*v * 0.98 + &g * &g * 0.02;
            let (rate, decay) = (if i == 0 { 0.025 } else { 0.05 }, if i < 2 { 0.6 } else { 0.0 });
            let step = (&*m / (1.0 - 0.9f64.powi(t))) / ((&*v / (1.0 - 0.98f64.powi(t))).mapv(f64::sqrt) + 1e-6);
            all[i] = &all[i] * (1.0 - rate * decay) - step * rate;
        }
        for (i, expected) in all.iter().enumerate() {
            let off = (problem.weight(i) - expected).mapv(f64::abs).sum();
            assert!(off < 1e-4, "step {t}, weight {i}: {off}");
        }
    }
}

#[test]
fn coupled_decay_is_part_of_the_gradient() {
    let method = Method::Sgd(Sgd { momentum: 0.9, nesterov: false });
    let settings = OptimiserSettings { decay: Decay::Coupled(0.2), ..method.into() };
    let mut velocity: Vec<Option<Matrix>> = vec![None; 4];
    Problem::plain(settings).check(|i, w, g| {
        let g = g + &*w * 0.2;
        let v = velocity[i].take().map_or(g.clone(), |v| v * 0.9 + &g);
        *w -= &(&v * 0.05);
        velocity[i] = Some(v);
    });
}

#[test]
fn first_steps_by_hand() {
    let g = array![[0.5, -0.1], [0.0, 2.0]];
    let signs = array![[1.0, -1.0], [0.0, 1.0]];
    close(&steps_along(Method::Adam(Moments::default()), &g, 1)[0], &signs);
    close(&steps_along(Method::Sign(Sign::default()), &g, 1)[0], &signs);
    close(&steps_along(Method::Lion(Lion::default()), &g, 1)[0], &signs);
    close(&steps_along(Method::Adagrad(Adagrad::default()), &g, 1)[0], &signs);
    close(&steps_along(Method::Sgd(Sgd::default()), &g, 1)[0], &g);
}

#[test]
fn sam_takes_the_gradient_uphill() {
    for adaptive in [false, true] {
        let mut store = Store::new();
        let weights = weights(&mut store, &SHAPES);
        let graph = Graph::new();
        let values = weights.read(&graph, &store);
        let sam = Sam { radius: 0.3, adaptive };
        let (here, gradients) = sam.gradients(&values, |values| loss(&graph, values)).unwrap();
        let plain = graph.output("loss", loss(&graph, &values));
        let outputs: Vec<Output> = gradients.iter().map(|g| graph.output("g", *g)).collect();
        let here = graph.output("here", here);
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        assert_eq!(executor.number(here, &store), executor.number(plain, &store));
        let w: Vec<Matrix> =
            weights.slots().iter().zip(SHAPES).map(|(slot, shape)| matrix(shape, store.values(*slot))).collect();
        let g: Vec<Matrix> = (0..4).map(|i| gradient(i, SHAPES[i], &w[i])).collect();
        let scaled = |i: usize| if adaptive { &w[i] * &g[i] } else { g[i].clone() };
        let length = (0..4).map(|i| scaled(i).mapv(|x| x * x).sum()).sum::<f64>().sqrt();
        for i in 0..4 {
            let direction = if adaptive { &w[i] * &scaled(i) } else { scaled(i) };
            let uphill = &w[i] + &(direction * (0.3 / length));
            close(&matrix(SHAPES[i], &executor.output(outputs[i], &store)), &gradient(i, SHAPES[i], &uphill));
        }
    }
}

#[test]
fn accumulated_batches_step_as_one() {
    let method = Method::Adam(Moments::default());
    let mut store = Store::new();
    let weights = weights(&mut store, &SHAPES);
    let optimiser = Optimiser::new(&mut store, &weights, method);
    let accumulator = Accumulator::new(&mut store, &weights);
    let factor = store.add("batch.factor", Shape::SCALAR);
    optimiser.set_learning_rate(&mut store, 0.05);
    let executor = |graph: &Graph| Executor::new(Arc::new(graph.plan()), Pool::serial());
    let graph = Graph::new();
    let values = weights.read(&graph, &store);
    let gradients = graph.gradient(loss(&graph, &values) * graph.read(&store, factor), values.vars()).unwrap();
    accumulator.add(&graph, &store, &gradients);
    let mut add = executor(&graph);
    let graph = Graph::new();
    optimiser.apply(&graph, &store, &accumulator.take(&graph, &store));
    let mut step = executor(&graph);
    let mut whole = Problem::plain(method);
    for _ in 0..3 {
        // Three batches whose mean is the loss of the problem.
        for batch in [0.5, 2.0, 0.5] {
            store.values_mut(factor)[0] = batch;
            add.run(&mut store);
        }
        step.run(&mut store);
        whole.run(1);
        for (i, slot) in weights.slots().iter().enumerate() {
            close(&matrix(SHAPES[i], store.values(*slot)), &whole.weight(i));
        }
    }
}
