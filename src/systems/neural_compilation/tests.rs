use serde_json::Value;

use super::machine::{Example, Machine};
use super::network::NetworkShape;
use super::score::{Reference, Score, faithfulness, means, scores};
use super::settings::{Arm, COMPILED, Condition};
use super::{NeuralCompilation, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Body, Event, Outcome, Study, TrialResult, TrialSpec, Verdict};
use crate::tasks::algorithms::{Algorithm, Sample};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, settings_of, takes_away_only, to_its_verdict,
};

/// A preset with everything small.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<NeuralCompilation>(name, |value: &mut Value| {
        value["seeds"] = 1.into();
        let settings = &mut value["settings"];
        settings["hidden"] = 20.into();
        settings["trained"] = serde_json::json!([3, 4]);
        settings["inside"] = 4.into();
        settings["beyond"] = 5.into();
        settings["sizes"] = serde_json::json!([3, 5]);
        settings["sized"] = 2.into();
        settings["batch"] = 3.into();
        settings["tests"] = 6.into();
        settings["every"] = 2.into();
        for algorithm in ["bfs", "bellman_ford", "dfs", "sequential", "fine_tuned"] {
            if !settings[algorithm].is_null() {
                settings[algorithm]["steps"] = 3.into();
            }
        }
        let compiled = serde_json::json!({ "graphs": 5, "small": [3, 4], "sizes": [5], "sized": 2 });
        settings["compiled"] = compiled;
    })
}

fn shape(algorithm: Algorithm) -> NetworkShape {
    NetworkShape { algorithm, hidden: 32 }
}

#[test]
fn compiled_networks_are_the_textbook_on_a_thousand_graphs() {
    for algorithm in COMPILED {
        let mut machine = Machine::compiled(shape(algorithm), Pool::serial());
        let mut exact = 0;
        for nodes in 4..=8 {
            let key = Key::new(11).purpose(algorithm.name()).index(nodes as u64);
            let graphs: Vec<Example> =
                (0..200).map(|i| Example::draw(machine.shape, nodes, &mut key.index(i).stream())).collect();
            let found = scores(&mut machine, Reference::Itself, &graphs, 1.0, false);
            exact += found.iter().filter(|score| score.is_exact()).count();
            assert_eq!(means(&found), (1.0, 1.0), "{algorithm:?} {nodes}");
            assert_eq!(faithfulness(&found).map(|found| found.best), Some(1.0), "{algorithm:?} {nodes}");
        }
        assert_eq!(exact, 1000, "{algorithm:?}");
    }
}

#[test]
fn compiled_networks_are_exact_on_graphs_of_any_size_and_on_directed_ones() {
    for (algorithm, nodes) in [(Algorithm::Bfs, 64), (Algorithm::BellmanFord, 64), (Algorithm::Dfs, 23)] {
        let mut machine = Machine::compiled(shape(algorithm), Pool::serial());
        let graphs = vec![Example::draw(machine.shape, nodes, &mut Key::new(12).stream())];
        let found = scores(&mut machine, Reference::Itself, &graphs, 1.0, false);
        assert!(found.iter().all(Score::is_exact), "{algorithm:?}");
    }
    // D6 of the CLRS tests: whoever looks along edges in the wrong direction fails here.
    let d6 = [(0, 1), (0, 3), (1, 4), (2, 4), (2, 5), (3, 1), (4, 3), (5, 5)].map(|(a, b)| (a, b, 1.0));
    let weighted =
        [(0, 1, 9.0), (0, 2, 3.0), (1, 2, 6.0), (1, 4, 2.0), (2, 1, 2.0), (2, 3, 1.0), (3, 2, 2.0), (3, 4, 2.0)];
    for (algorithm, sample) in [
        (Algorithm::Bfs, Sample::of_edges(6, 0, d6, true)),
        (Algorithm::Dfs, Sample::of_edges(6, 0, d6, true)),
        (Algorithm::BellmanFord, Sample::of_edges(5, 0, weighted, true)),
    ] {
        let mut machine = Machine::compiled(shape(algorithm), Pool::serial());
        let example = vec![Example::of(machine.shape, sample)];
        assert!(scores(&mut machine, Reference::Itself, &example, 1.0, false)[0].is_exact(), "{algorithm:?}");
    }
}

#[test]
fn a_compiled_network_that_is_damaged_is_found_out() {
    let mut machine = Machine::compiled(shape(Algorithm::Bfs), Pool::serial());
    let slot = machine.learner.store.find("rounds.0.layers.0.bias").unwrap();
    machine.learner.store.values_mut(slot)[0] = -1.0;
    let graphs: Vec<Example> =
        (0..50).map(|i| Example::draw(machine.shape, 6, &mut Key::new(13).index(i).stream())).collect();
    let found = scores(&mut machine, Reference::Itself, &graphs, 1.0, false);
    assert!(found.iter().filter(|score| score.is_exact()).count() < 25);
}

#[test]
fn forced_attention_leaves_no_gap_to_measure() {
    let shape = shape(Algorithm::Bfs);
    let (mut fresh, mut compiled) =
        (Machine::fresh(shape, Key::new(14), Pool::serial()), Machine::compiled(shape, Pool::serial()));
    let graphs: Vec<Example> =
        (0..20).map(|i| Example::draw(shape, 8, &mut Key::new(15).index(i).stream())).collect();
    let mut f = |force| {
        let found = scores(&mut fresh, Reference::Compiled(&mut compiled), &graphs, 1.0, force);
        faithfulness(&found).unwrap()
    };
    let own = f(false);
    assert!((own.best - own.uniform).abs() < 0.25 && own.best < 0.7, "a fresh network attends anywhere: {own:?}");
    assert_eq!(f(true).best, 1.0);
}
