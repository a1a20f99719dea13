//! Derivatives of derivatives through whole models, against plain f64 code.

use std::sync::Arc;

use ansatz::base::random::Key;
use ansatz::base::threads::Pool;
use ansatz::engine::{Executor, GradientError, Graph, Slot, Store, Var};
use ansatz::nn::weights::Values;
use ndarray::Array2;
use rand::RngExt;

type Matrix = Array2<f64>;

fn noise(purpose: &str, rows: usize, columns: usize) -> Matrix {
    let mut stream = Key::new(12).purpose(purpose).stream();
    // The plain code sees just what the engine sees: values of f32.
    Array2::from_shape_fn((rows, columns), |_| f64::from(stream.random_range(-1.0f32..1.0)))
}

fn constant<'g>(graph: &'g Graph, x: &Matrix) -> Var<'g> {
    graph.constant([x.nrows(), x.ncols()], x.iter().map(|x| *x as f32).collect())
}

/// Stores the values, records, runs once and gives what was asked for.
fn evaluate(
    inputs: &[Matrix],
    record: impl for<'g> FnOnce(&'g Graph, &[Var<'g>]) -> Result<Vec<Var<'g>>, GradientError>,
) -> Result<Vec<Matrix>, GradientError> {
    let mut store = Store::new();
    let slots: Vec<Slot> = inputs.iter().enumerate().map(|(i, x)| store.add(format!("{i}"), x.shape())).collect();
    for (slot, x) in slots.iter().zip(inputs) {
        store.values_mut(*slot).iter_mut().zip(x).for_each(|(to, from)| *to = *from as f32);
    }
    let graph = Graph::new();
    let vars: Vec<Var<'_>> = slots.iter().map(|slot| graph.read(&store, *slot)).collect();
    let asked = record(&graph, &vars)?;
    let outputs: Vec<_> = asked.iter().map(|var| (graph.output("", *var), var.shape())).collect();
    let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
    executor.run(&mut store);
    let matrix = |(output, shape): &(_, ansatz::engine::Shape)| {
        let values = executor.output(*output, &store).into_iter().map(f64::from).collect();
        Array2::from_shape_vec((shape.rows(), shape.last_extent()), values).unwrap()
    };
    Ok(outputs.iter().map(matrix).collect())
}

#[track_caller]
fn close(got: &Matrix, expected: &Matrix, tolerance: f64) {
    let size = expected.fold(1.0f64, |m, x| m.max(x.abs()));
    let off = (got - expected).mapv(f64::abs).fold(0.0f64, |m, x| m.max(*x));
    assert!(off < tolerance * size, "off by {off}: {got} where {expected} is right");
}

/// Where `x` is moved along `direction`.
fn moved(x: &[Matrix], direction: &[Matrix], by: f64) -> Vec<Matrix> {
    x.iter().zip(direction).map(|(x, d)| x + &(d * by)).collect()
}

/// The gradient of `f` by central differences.
fn differences(x: &[Matrix], f: impl Fn(&[Matrix]) -> f64) -> Vec<Matrix> {
    let step = 1e-4;
    let slope = |i: usize, at: (usize, usize)| {
        let mut x = x.to_vec();
        x[i][at] += step;
        let above = f(&x);
        x[i][at] -= 2.0 * step;
        (above - f(&x)) / (2.0 * step)
    };
    (0..x.len()).map(|i| Array2::from_shape_fn(x[i].dim(), |at| slope(i, at))).collect()
}

#[test]
fn the_hessian_of_a_quadratic_is_its_matrix() {
    let b = noise("quadratic", 7, 7);
    let a = &b + &b.t();
    let (w, v) = (noise("point", 7, 1), noise("direction", 7, 1));
    let got = evaluate(std::slice::from_ref(&w), |graph, vars| {
        let (a, v) = (constant(graph, &a), constant(graph, &v));
        let loss = (vars[0] * a.matmul(vars[0])).sum() * 0.5;
        let hv = graph.hessian_vector_product(loss, vars, &[v])?;
        // And the Jacobian of A w is A.
        Ok(vec![hv[0], graph.jacobian_vector_product(a.matmul(vars[0]), vars, &[v])?])
    });
    for got in got.unwrap() {
        close(&got, &a.dot(&v), 1e-5);
    }
}

const TARGETS: [usize; 4] = [0, 2, 1, 2];

/// Linear, tanh, linear, gelu, linear and cross-entropy.
fn classifier<'g>(graph: &'g Graph, w: &[Var<'g>]) -> Var<'g> {
    let hidden = (constant(graph, &noise("input", 4, 3)).matmul(w[0]) + w[1]).tanh();
    let logits = hidden.matmul(w[2]).gelu().matmul(w[3]);
    logits.cross_entropy(graph.constant([4], TARGETS.map(|target| target as f32).to_vec())).mean()
}

fn logits_in_f64(w: &[Matrix]) -> Matrix {
    let hidden = (noise("input", 4, 3).dot(&w[0]) + &w[1]).mapv(f64::tanh);
    let gelu = |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
    hidden.dot(&w[2]).mapv(gelu).dot(&w[3])
}

fn classifier_in_f64(w: &[Matrix]) -> f64 {
    let logits = logits_in_f64(w);
    let row = |i: usize| logits.row(i).mapv(f64::exp).sum().ln() - logits[[i, TARGETS[i]]];
    (0..4).map(row).sum::<f64>() / 4.0
}

fn classifier_weights(purpose: &str) -> Vec<Matrix> {
    let shapes = [(3, 5), (1, 5), (5, 6), (6, 3)];
    shapes.iter().enumerate().map(|(i, &(m, n))| noise(&format!("{purpose}{i}"), m, n)).collect()
}

#[test]
fn the_hessian_of_a_perceptron_meets_differences_of_gradients() {
    let (w, v) = (classifier_weights("weight"), classifier_weights("direction"));
    let got = evaluate(&w, |graph, vars| {
        let directions: Vec<Var<'_>> = v.iter().map(|v| constant(graph, v)).collect();
        graph.hessian_vector_product(classifier(graph, vars), vars, &directions)
    });
    // The gradient of the slope along v is the Hessian times v.
    let step = 1e-4;
    let along = |w: &[Matrix]| {
        (classifier_in_f64(&moved(w, &v, step)) - classifier_in_f64(&moved(w, &v, -step))) / (2.0 * step)
    };
    for (got, expected) in got.unwrap().iter().zip(differences(&w, along)) {
        close(got, &expected, 1e-4);
    }
}

#[test]
fn a_jacobian_along_a_direction_meets_differences() {
    let (w, v) = (classifier_weights("weight"), classifier_weights("direction"));
    let got = evaluate(&w, |graph, vars| {
        let directions: Vec<Var<'_>> = v.iter().map(|v| constant(graph, v)).collect();
        let hidden = (constant(graph, &noise("input", 4, 3)).matmul(vars[0]) + vars[1]).tanh();
        let logits = hidden.matmul(vars[2]).gelu().matmul(vars[3]);
        let along = graph.jacobian_vector_product(logits, vars, &directions)?;
        // Nothing depends on the last weight before the last product.
        Ok(vec![along, graph.jacobian_vector_product(hidden, &vars[3..], &directions[3..])?])
    });
    let got = got.unwrap();
    let step = 1e-5;
    let expected = (logits_in_f64(&moved(&w, &v, step)) - logits_in_f64(&moved(&w, &v, -step))) / (2.0 * step);
    close(&got[0], &expected, 1e-5);
    assert!(got[1].iter().all(|x| *x == 0.0));
}

#[test]
fn layers_of_plain_ops_differentiate_twice_and_fused_ones_refuse() {
    type Layer = for<'g> fn(Var<'g>) -> Var<'g>;
    let twice: [(&str, Layer); 11] = [
        ("linear", |x| x.matmul(x.transpose())),
        ("tanh", |x| x.tanh()),
        ("gelu", |x| x.gelu()),
        ("relu", |x| x.relu() * x),
        ("sigmoid", |x| x.sigmoid()),
        ("silu", |x| x.silu()),
        ("softmax", |x| x.softmax()),
        ("log_softmax", |x| x.log_softmax() * x),
        ("cross_entropy", |x| x.cross_entropy(x.graph().constant([3], vec![0.0, -1.0, 2.0]))),
        ("cosine_similarities", |x| x.cosine_similarities(x, 1e-8)),
        ("squared_distances", |x| x.squared_distances(x.tanh())),
    ];
    let x = noise("layer", 3, 4);
    for (name, layer) in twice {
        let got = evaluate(std::slice::from_ref(&x), |graph, vars| {
            let y = layer(vars[0]);
            graph.hessian_vector_product((y * y).sum(), vars, &[constant(graph, &noise("v", 3, 4))])
        });
        let got = got.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(got[0].iter().all(|x| x.is_finite()) && got[0].iter().any(|x| *x != 0.0), "{name}");
    }
    let refused = evaluate(&[x], |graph, vars| {
        let gain = graph.constant([4], vec![1.0; 4]);
        let y = vars[0].layer_norm(gain, None, 1e-5);
        graph.hessian_vector_product((y * y).sum(), vars, &[vars[0]])
    });
    assert!(matches!(refused, Err(GradientError::NoRule { op: "layer_norm_backward", .. })));
}

/// A regressor of two tanh layers, as in MAML's sinusoids, with its mean squared error.
mod regressor {
    use super::*;

    pub(super) const SHAPES: [(usize, usize); 6] = [(1, 8), (1, 8), (8, 8), (1, 8), (8, 1), (1, 1)];

    /// Ten points of a sinusoid.
    pub(super) fn points(set: &str) -> (Matrix, Matrix) {
        let x = noise(set, 10, 1) * 3.0;
        let y = x.mapv(|x| f64::from((1.7 * (x + 0.6).sin()) as f32));
        (x.mapv(|x| f64::from(x as f32)), y)
    }

    pub(super) fn loss<'g>(graph: &'g Graph, w: &Values<'g>, set: &str) -> Var<'g> {
        let (x, y) = points(set);
        let w = w.vars();
        let first = (constant(graph, &x).matmul(w[0]) + w[1]).tanh();
        let second = (first.matmul(w[2]) + w[3]).tanh();
        let off = second.matmul(w[4]) + w[5] - constant(graph, &y);
        (off * off).mean()
    }

    /// Loss and gradient in f64, by hand.
    pub(super) fn by_hand(w: &[Matrix], set: &str) -> (f64, Vec<Matrix>) {
        let (x, y) = points(set);
        let first = (x.dot(&w[0]) + &w[1]).mapv(f64::tanh);
        let second = (first.dot(&w[2]) + &w[3]).mapv(f64::tanh);
        let off = second.dot(&w[4]) + &w[5] - &y;
        let d_out = &off * (2.0 / off.len() as f64);
        let sum = |d: &Matrix| d.sum_axis(ndarray::Axis(0)).insert_axis(ndarray::Axis(0));
        let d_second = d_out.dot(&w[4].t()) * second.mapv(|y| 1.0 - y * y);
        let d_first = d_second.dot(&w[2].t()) * first.mapv(|y| 1.0 - y * y);
        let gradient = vec![
            x.t().dot(&d_first),
            sum(&d_first),
            first.t().dot(&d_second),
            sum(&d_second),
            second.t().dot(&d_out),
            sum(&d_out),
        ];
        (off.mapv(|x| x * x).mean().unwrap(), gradient)
    }
}

const INNER_STEPS: usize = 3;
const INNER_RATE: f64 = 0.05;

/// The weights after the inner steps on the support set.
fn adapted<'g>(graph: &'g Graph, w: &[Var<'g>], first_order: bool) -> Result<Values<'g>, GradientError> {
    let mut fast = Values::from_vars(w.to_vec());
    for _ in 0..INNER_STEPS {
        let gradient = graph.gradient(regressor::loss(graph, &fast, "support"), fast.vars())?;
        let step = |(w, g): (&Var<'g>, Var<'g>)| {
            let g = if first_order { g.stop_gradient() } else { g };
            *w - g * INNER_RATE as f32
        };
        fast = Values::from_vars(fast.vars().iter().zip(gradient).map(step).collect());
    }
    Ok(fast)
}

fn adapted_by_hand(w: &[Matrix]) -> Vec<Matrix> {
    let mut fast = w.to_vec();
    for _ in 0..INNER_STEPS {
        let (_, gradient) = regressor::by_hand(&fast, "support");
        fast = moved(&fast, &gradient, -INNER_RATE);
    }
    fast
}

/// Finn, Abbeel and Levine 2017, algorithm 2, one task.
#[test]
fn an_outer_gradient_goes_through_the_inner_steps() {
    let shapes = regressor::SHAPES.iter().enumerate();
    let w: Vec<Matrix> = shapes.map(|(i, &(m, n))| noise(&format!("regressor{i}"), m, n)).collect();
    let outer = |first_order: bool| {
        let got = evaluate(&w, |graph, vars| {
            let loss = regressor::loss(graph, &adapted(graph, vars, first_order)?, "query");
            let mut asked = vec![loss.reshape([1, 1])];
            asked.extend(graph.gradient(loss, vars)?);
            Ok(asked)
        });
        got.unwrap()
    };
    let (exact, first_order) = (outer(false), outer(true));
    let outer_loss = |w: &[Matrix]| regressor::by_hand(&adapted_by_hand(w), "query").0;
    assert!((exact[0][[0, 0]] - outer_loss(&w)).abs() < 1e-5);
    assert_eq!(exact[0], first_order[0]);
    let (mut off, mut size) = (0.0, 0.0);
    let at_the_end = regressor::by_hand(&adapted_by_hand(&w), "query").1;
    for (i, expected) in differences(&w, outer_loss).iter().enumerate() {
        close(&exact[i + 1], expected, 1e-4);
        // The first-order gradient is the one at the adapted weights.
        close(&first_order[i + 1], &at_the_end[i], 1e-4);
        off += (&first_order[i + 1] - expected).mapv(|x| x * x).sum();
        size += expected.mapv(|x| x * x).sum();
    }
    assert!(off > 0.01 * size, "the second-order part is {off} of {size}");
}
