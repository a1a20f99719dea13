//! The engine as a whole: plans, lifetimes, updates, gradients of gradients.

use std::sync::Arc;

use super::ops::copy::Copy;
use super::{Executor, Graph, Plan, Store, Var};
use crate::base::threads::Pool;

fn store(values: &[(&str, &[f32])]) -> Store {
    let mut store = Store::new();
    for (name, values) in values {
        let slot = store.add(*name, [values.len()]);
        store.values_mut(slot).copy_from_slice(values);
    }
    store
}

fn read<'g>(graph: &'g Graph, store: &Store, name: &str) -> Var<'g> {
    graph.read(store, store.find(name).unwrap())
}

fn executor(graph: &Graph) -> Executor {
    Executor::new(Arc::new(graph.plan()), Pool::serial())
}

#[test]
fn dead_nodes_do_not_run() {
    let store = store(&[("x", &[1.0, 2.0])]);
    let graph = Graph::new();
    let x = read(&graph, &store, "x");
    let _dead = (x * x).exp().sum();
    graph.output("kept", x.tanh());
    assert_eq!(graph.plan().len(), 1);
}

#[test]
fn updates_see_the_values_of_before() {
    let mut store = store(&[("a", &[1.0]), ("b", &[2.0])]);
    let graph = Graph::new();
    let (a, b) = (read(&graph, &store, "a"), read(&graph, &store, "b"));
    let [slot_a, slot_b] = ["a", "b"].map(|name| store.find(name).unwrap());
    graph.update(&store, Copy, &[b], &[slot_a]);
    graph.update(&store, Copy, &[a], &[slot_b]);
    let mut executor = executor(&graph);
    executor.run(&mut store);
    assert_eq!((store.values(slot_a), store.values(slot_b)), (&[2.0][..], &[1.0][..]));
    executor.run(&mut store);
    assert_eq!((store.values(slot_a), store.values(slot_b)), (&[1.0][..], &[2.0][..]));
}

#[test]
#[should_panic(expected = "a is updated twice")]
fn a_slot_is_updated_once() {
    let store = store(&[("a", &[1.0])]);
    let graph = Graph::new();
    let a = read(&graph, &store, "a");
    let slot = store.find("a").unwrap();
    graph.update(&store, Copy, &[a], &[slot]);
    graph.update(&store, Copy, &[a], &[slot]);
}

#[test]
#[should_panic(expected = "matmul cannot take [2] and [3]")]
fn shapes_that_do_not_fit_are_named() {
    let store = store(&[("a", &[1.0, 2.0]), ("b", &[1.0, 2.0, 3.0])]);
    let graph = Graph::new();
    read(&graph, &store, "a").matmul(read(&graph, &store, "b"));
}

#[test]
fn memory_is_used_again_when_a_value_has_ended() {
    let x = vec![0.1f32; 256];
    let mut store = store(&[("x", &x)]);
    let graph = Graph::new();
    let deep = (0..50).fold(read(&graph, &store, "x"), |x, _| x.tanh());
    let output = graph.output("deep", deep);
    let mut executor = executor(&graph);
    assert_eq!((executor.plan().len(), executor.plan().arena()), (50, 2 * 256));
    executor.run(&mut store);
    let expected = (0..50).fold(0.1f64, |x, _| x.tanh());
    assert!((f64::from(executor.output(output, &store)[7]) - expected).abs() < 1e-5);
}

#[test]
fn outputs_may_be_views_slots_and_constants() {
    let mut store = store(&[("x", &[1.0, 2.0, 3.0, 4.0])]);
    let graph = Graph::new();
    let x = read(&graph, &store, "x");
    let outputs = [x.reshape([2, 2]), (x * 2.0).reshape([4, 1]), graph.scalar(7.0)].map(|v| graph.output("", v));
    let mut executor = executor(&graph);
    executor.run(&mut store);
    let values = outputs.map(|output| executor.output(output, &store));
    assert_eq!(values, [vec![1.0, 2.0, 3.0, 4.0], vec![2.0, 4.0, 6.0, 8.0], vec![7.0]]);
    assert_eq!(executor.number(outputs[2], &store), 7.0);
}

#[test]
fn executors_share_a_plan_and_nothing_else() {
    let first = store(&[("x", &[1.0])]);
    let graph = Graph::new();
    let output = graph.output("y", read(&graph, &first, "x") + 1.0);
    let plan = Arc::new(graph.plan());
    let runs: Vec<_> = [3.0, 5.0]
        .into_iter()
        .map(|value| {
            let mut store = first.clone();
            store.values_mut(store.find("x").unwrap())[0] = value;
            let mut executor = Executor::new(Arc::clone(&plan), Pool::serial());
            std::thread::spawn(move || {
                executor.run(&mut store);
                executor.number(output, &store)
            })
        })
        .collect();
    assert_eq!(runs.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>(), [4.0, 6.0]);
}

/// A small perceptron with a loss that is not quadratic.
fn perceptron<'g>(graph: &'g Graph, weights: &[Var<'g>]) -> Var<'g> {
    let input: Vec<f32> = (0..12).map(|i| (i as f32 * 0.7).sin()).collect();
    let targets = graph.constant([4], vec![0.0, 2.0, 1.0, 2.0]);
    let hidden = (graph.constant([4, 3], input).matmul(weights[0].reshape([3, 5]))).tanh();
    hidden.matmul(weights[1].reshape([5, 3])).cross_entropy(targets).mean()
}

fn perceptron_store(shift: f32) -> Store {
    let values = |n: usize| (0..n).map(|i| (i as f32 * 1.3).cos() + shift * (i as f32).sin()).collect::<Vec<_>>();
    store(&[("first", &values(15)), ("second", &values(15))])
}

fn weights<'g>(graph: &'g Graph, store: &Store) -> Vec<Var<'g>> {
    ["first", "second"].iter().map(|name| read(graph, store, name)).collect()
}

#[test]
fn a_gradient_differentiates_again() {
    // Hessian times the direction sin(i) against the change of the gradient along it.
    let gradient_at = |shift: f32| {
        let mut store = perceptron_store(shift);
        let graph = Graph::new();
        let w = weights(&graph, &store);
        let g = graph.gradient(perceptron(&graph, &w), &w).unwrap();
        let output = graph.output("g", g[0]);
        let mut executor = executor(&graph);
        executor.run(&mut store);
        executor.output(output, &store)
    };
    let mut store = perceptron_store(0.0);
    let graph = Graph::new();
    let w = weights(&graph, &store);
    let direction = || graph.constant([15], (0..15).map(|i| (i as f32).sin()).collect());
    let g = graph.gradient(perceptron(&graph, &w), &w).unwrap();
    let along = (g[0] * direction()).sum() + (g[1] * direction()).sum();
    let product = graph.gradient(along, &w).unwrap()[0];
    let output = graph.output("Hv", product);
    let mut executor = executor(&graph);
    executor.run(&mut store);
    let step = 1e-2;
    let (above, below) = (gradient_at(step), gradient_at(-step));
    for (product, (above, below)) in executor.output(output, &store).iter().zip(above.iter().zip(&below)) {
        let difference = (above - below) / (2.0 * step);
        assert!((product - difference).abs() < 2e-4, "{product} {difference}");
    }
}

#[test]
fn a_gradient_goes_through_an_inner_step() {
    // d/dw loss(w - 0.5 grad loss(w)), as in MAML, against central differences.
    let outer = |shift: f32, wanted: bool| {
        let mut store = perceptron_store(shift);
        let graph = Graph::new();
        let w = weights(&graph, &store);
        let inner = graph.gradient(perceptron(&graph, &w), &w).unwrap();
        let fast: Vec<Var<'_>> = w.iter().zip(&inner).map(|(w, g)| *w - *g * 0.5).collect();
        let loss = perceptron(&graph, &fast);
        let direction = || graph.constant([15], (0..15).map(|i| (i as f32).sin()).collect());
        let value = match wanted {
            false => loss,
            true => {
                let g = graph.gradient(loss, &w).unwrap();
                (g[0] * direction()).sum() + (g[1] * direction()).sum()
            }
        };
        let output = graph.output("value", value);
        let mut executor = executor(&graph);
        executor.run(&mut store);
        executor.number(output, &store)
    };
    let difference = (outer(1e-2, false) - outer(-1e-2, false)) / 2e-2;
    let slope = outer(0.0, true);
    assert!((slope - difference).abs() < 1e-3, "{slope} {difference}");
}

fn small_plan() -> Plan {
    let store = perceptron_store(0.0);
    let graph = Graph::new();
    let w = weights(&graph, &store);
    let loss = perceptron(&graph, &w);
    let g = graph.gradient(loss, &w).unwrap();
    graph.output("loss", loss);
    let slots = ["first", "second"].map(|name| store.find(name).unwrap());
    for ((w, g), slot) in w.iter().zip(&g).zip(slots) {
        graph.update(&store, Copy, &[*w - *g * 0.1], &[slot]);
    }
    graph.plan()
}

#[test]
fn a_plan_prints_so_that_a_refactoring_shows_no_difference() {
    insta::assert_snapshot!(small_plan().to_string());
}

#[test]
fn the_first_value_that_is_not_finite_is_traced() {
    let mut store = store(&[("x", &[1.0, 4.0]), ("scale", &[1.0, 1.0])]);
    let graph = Graph::new();
    let (x, scale) = (read(&graph, &store, "x"), read(&graph, &store, "scale"));
    graph.output("y", (x * scale).sqrt().sum().exp());
    let mut executor = executor(&graph);
    assert_eq!(executor.first_not_finite(&mut store), None);
    let slot = store.find("scale").unwrap();
    store.values_mut(slot)[1] = f32::MAX;
    let found = executor.first_not_finite(&mut store).unwrap();
    assert_eq!(found.slots, ["x", "scale"]);
    assert!(found.op == "mul", "{found}");
    store.values_mut(slot)[1] = -1.0;
    let found = executor.first_not_finite(&mut store).unwrap();
    assert!(found.op.contains("sqrt") && found.slots.is_empty(), "{found}");
}

#[test]
fn every_way_of_running_checks_the_store() {
    let given = store(&[("x", &[1.0, 2.0, 3.0])]);
    let graph = Graph::new();
    let _ = graph.output("y", read(&graph, &given, "x").tanh());
    let plan = Arc::new(graph.plan());
    type Run = fn(&mut Executor, &mut Store);
    let ways: [Run; 3] = [
        |executor, store| executor.run(store),
        |executor, store| drop(executor.profile(store, 1)),
        |executor, store| drop(executor.first_not_finite(store)),
    ];
    for way in ways {
        let mut short = store(&[("x", &[1.0])]);
        let mut executor = Executor::new(Arc::clone(&plan), Pool::serial());
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| way(&mut executor, &mut short)));
        assert!(refused.is_err(), "a store of another shape was taken");
    }
}
