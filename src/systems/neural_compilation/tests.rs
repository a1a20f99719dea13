//! The system through the contract; the compiled networks and the oracles of the sheet; a judge that can say no.

use serde_json::Value;

use super::NeuralCompilation;
use super::machine::{Example, Machine};
use super::network::NetworkShape;
use super::score::{Reference, Score, faithfulness, means, scores};
use super::settings::{Arm, COMPILED, Condition};
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
            let graphs = Example::some(machine.shape, nodes, 200, key);
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
    let graphs = Example::some(machine.shape, 6, 50, Key::new(13));
    let found = scores(&mut machine, Reference::Itself, &graphs, 1.0, false);
    assert!(found.iter().filter(|score| score.is_exact()).count() < 25);
}

#[test]
fn forced_attention_leaves_no_gap_to_measure() {
    let shape = shape(Algorithm::Bfs);
    let (mut fresh, mut compiled) =
        (Machine::fresh(shape, Key::new(14), Pool::serial()), Machine::compiled(shape, Pool::serial()));
    let graphs = Example::some(shape, 8, 20, Key::new(15));
    let mut f = |force| {
        let found = scores(&mut fresh, Reference::Compiled(&mut compiled), &graphs, 1.0, force);
        faithfulness(&found).unwrap()
    };
    let own = f(false);
    assert!((own.best - own.uniform).abs() < 0.25 && own.best < 0.7, "a fresh network attends anywhere: {own:?}");
    assert_eq!(f(true).best, 1.0);
}

#[test]
fn a_network_learns_to_search() {
    let shape = NetworkShape { algorithm: Algorithm::Bfs, hidden: 24 };
    let mut machine = Machine::fresh(shape, Key::new(16), Pool::serial());
    let graphs = Example::some(shape, 4, 60, Key::new(17));
    let before = means(&scores(&mut machine, Reference::Nothing, &graphs, 1.0, false)).0;
    let mut losses = Vec::new();
    for step in 0..60 {
        let key = Key::new(18).index(step);
        let batch = Example::some(shape, 4, 16, key);
        let trained = machine.train(&batch, (0.5, &mut key.stream()), 1.0, (step, 0.003)).unwrap();
        losses.push(trained.loss);
    }
    let after = means(&scores(&mut machine, Reference::Nothing, &graphs, 1.0, false)).0;
    assert!(losses[59] < 0.5 * losses[0], "{losses:?}");
    assert!(after > before + 0.2 && after > 0.75, "{before} {after}");
}

#[test]
fn the_ablation_forces_attention_and_changes_nothing_else() {
    takes_away_only::<NeuralCompilation>(|settings| settings["attention"] = "compiled".into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        assert_eq!(results.len(), if name == "full" { 7 } else { 5 });
        for result in &results {
            let own: &[&str] = match result.spec.condition.as_str() {
                "compiled" => &["exact.bfs", "exact.bellman_ford", "exact.dfs", "faithful.dfs"],
                "sequential BFS" => &["accuracy.inside", "accuracy.beyond", "trace.beyond"],
                _ => {
                    &["accuracy.inside", "accuracy.beyond", "faithful.inside", "uniform.beyond", "guess_lowest.inside"]
                }
            };
            own.iter().for_each(|metric| assert!(result.last(metric).is_some(), "{} {metric}", result.spec.name));
            if result.spec.condition == "compiled" {
                assert_eq!((result.last("exact.dfs"), result.last("graphs")), (Some(5.0), Some(5.0)));
            }
            let forced = result.spec.condition == "BFS" && name == "ablated";
            assert!(!forced || result.last("faithful.inside") == Some(1.0));
        }
        assert_eq!(outcome, Outcome::Undecided, "nothing is learnt in three steps");
        assert_eq!(panels, ["sizes", "gap", "curves", "seeds"]);
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let study = shrunk("full");
    let all = study.trials();
    let twins = &["learning", "twins", "attention", "trace"][..];
    for (name, own) in [
        ("BFS.s0", twins),
        ("DFS.s0", twins),
        ("sequential-BFS.s0", &["learning", "runs", "trace"]),
        ("BFS-annealed.s0", twins),
        ("BFS-from-compiled-weights.s0", twins),
        ("compiled.s0", &["exact", "runs-bfs", "runs-bellman-ford", "runs-dfs"]),
    ] {
        let spec = all.iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("no {name} in {all:?}"));
        let ended = contract(study.as_ref(), spec);
        assert_eq!(ended.panels, own, "{name}");
        assert_eq!(ended.unread.is_some(), name == "compiled.s0", "{name}");
    }
    let spec = all.iter().find(|spec| spec.name == "BFS.s0").unwrap();
    assert!(measured(study.as_ref(), spec).contains(&"fit".to_owned()));
}

#[test]
fn twins_show_both_networks_at_every_step() {
    let study = shrunk("quick");
    let spec = study.trials().into_iter().find(|spec| spec.name == "DFS.s0").unwrap();
    let panels = study.start(&spec, &Pool::serial()).unwrap().panels();
    let of = |id: &str| panels.iter().find(|panel| panel.id == id).unwrap().body.clone();
    let Body::Graphs(twins) = of("twins") else { panic!("graphs") };
    assert_eq!((twins.graphs.len(), twins.graphs[0].nodes.len()), (2, 4));
    assert_eq!(twins.graphs[0].frames.len(), twins.graphs[1].frames.len());
    assert!(twins.graphs[0].frames.iter().all(|frame| !frame.marked), "the compiled network is never wrong");
    assert!(twins.graphs[1].frames.iter().any(|frame| frame.marked), "a fresh one is");
    let Body::Heat(trace) = of("trace") else { panic!("heat") };
    assert_eq!(trace.rows, ["color", "u", "pi"]);
    assert!(trace.letters.iter().any(|letter| letter == "!"));
}

#[test]
fn arms_differ_in_what_they_are_named_after() {
    let settings = settings_of::<NeuralCompilation>(preset::<NeuralCompilation>("full").as_ref());
    assert_eq!(settings.temperature(Arm::Main, 700, 1000), 1.0);
    assert_eq!(settings.temperature(Arm::Annealed, 0, 1000), 1.0);
    assert!((settings.temperature(Arm::Annealed, 1000, 1000) - 0.1).abs() < 1e-6);
    let names: Vec<String> = settings.cells(1).into_iter().map(|cell| cell.label).collect();
    assert!(names.contains(&"BFS, from compiled weights".to_owned()), "{names:?}");
    let quick = settings_of::<NeuralCompilation>(preset::<NeuralCompilation>("quick").as_ref());
    let conditions: Vec<Condition> = quick.cells(1).into_iter().map(|cell| cell.condition).collect();
    let main = |algorithm| Condition::Trained(algorithm, Arm::Main);
    let trained = [Algorithm::Dfs, Algorithm::SequentialBfs, Algorithm::BellmanFord, Algorithm::Bfs].map(main);
    assert_eq!(conditions, [&trained[..], &[Condition::Compiled]].concat());
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<NeuralCompilation>(&[
        ("hidden: 32", "hidden: 12", "settings.hidden"),
        ("trained: [4, 5, 6, 7, 8]", "trained: []", "settings.trained"),
        ("inside: 8", "inside: 9", "settings.inside"),
        ("beyond: 16", "beyond: 8", "settings.beyond"),
        ("forcing: 0.5", "forcing: 1.5", "settings.forcing"),
        ("graphs: 1000", "graphs: 0", "settings.compiled.graphs"),
        ("sizes: [8, 16, 64]", "sizes: [8, 16, 65]", "settings.compiled.sizes"),
        ("learning_rate: 0.002", "learning_rate: 0.0", "settings.dfs.learning_rate"),
        ("attention: own", "attention: mine", "attention"),
    ]);
}

/// What the conditions of a made-up study reach.
#[derive(Clone, Copy)]
struct Reached {
    bfs: [f64; 2],
    dfs: [f64; 2],
    /// How much depth-first search rose at the end.
    rise: f64,
    faithful: f64,
    exact: f64,
    itself: f64,
    forced: f64,
    guess: f64,
    sequential: [f64; 2],
}

const CLAIMED: Reached = Reached {
    bfs: [0.99, 0.96],
    dfs: [0.6, 0.4],
    rise: 0.0,
    faithful: 0.8,
    exact: 1000.0,
    itself: 1.0,
    forced: 1.0,
    guess: 0.35,
    sequential: [0.95, 0.9],
};

fn result_of(spec: &TrialSpec, reached: &Reached) -> TrialResult {
    let at = |step: u64, name: &str, value: f64| Event::Metric { step, name: name.into(), value };
    let metric = |name: &str, value: f64| at(1000, name, value);
    let spread = |value: f64| (0..40).map(|i| value + 0.002 * f64::from(i % 5 - 2)).collect::<Vec<f64>>();
    if spec.condition == "compiled" {
        let mut events = vec![metric("graphs", 1000.0)];
        for name in ["bfs", "bellman_ford", "dfs"] {
            events.push(metric(&format!("exact.{name}"), reached.exact));
            events.push(metric(&format!("accuracy.{name}"), reached.exact / 1000.0));
            events.push(metric(&format!("faithful.{name}"), reached.itself));
        }
        return result(spec, &events);
    }
    let accuracy = match spec.condition.as_str() {
        "DFS" => reached.dfs,
        "sequential BFS" => reached.sequential,
        _ => reached.bfs,
    };
    let mut events = vec![at(800, "accuracy.inside", accuracy[0] - reached.rise)];
    for (judged, accuracy) in ["inside", "beyond"].into_iter().zip(accuracy) {
        events.push(metric(&format!("accuracy.{judged}"), accuracy));
        events.push(metric(&format!("guess_lowest.{judged}"), reached.guess));
        events.push(metric(&format!("faithful.{judged}"), reached.faithful));
        let values = spread(accuracy);
        events.push(Event::Vector { step: 1000, name: format!("each.{judged}"), values });
    }
    events.push(metric("forced_faithful.inside", reached.forced));
    result(spec, &events)
}

fn judged(name: &str, reached: Reached) -> Verdict {
    let study = preset::<NeuralCompilation>(name);
    let results: Vec<TrialResult> = study.trials().iter().map(|spec| result_of(spec, &reached)).collect();
    study.judge(&results)
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    for name in ["quick", "full"] {
        let verdict = judged(name, CLAIMED);
        assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
        assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed), "{verdict:#?}");
        assert!((verdict.effect.unwrap() - 0.56).abs() < 1e-9);
        assert_eq!(verdict.checks.iter().filter(|check| check.id == "length").count(), 2);
        let exact: Vec<Option<f64>> =
            verdict.controls.iter().filter(|check| check.id == "compiled").map(|check| check.effect).collect();
        assert_eq!(exact, [Some(1000.0); 3], "the counts are told");
    }
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Undecided};
    for (reached, outcome, told) in [
        // The pilot: depth-first search is learnt at the size trained on, and breadth-first search attends rightly.
        (Reached { dfs: [0.966, 0.72], faithful: 0.95, ..CLAIMED }, Partly, "at the size trained on, (iii) failed"),
        // (iii) asks for right answers too.
        (Reached { bfs: [0.9, 0.9], ..CLAIMED }, NotReproduced, "(i), (iii) failed"),
        // The ablation.
        (Reached { faithful: 1.0, ..CLAIMED }, Partly, "(iii) failed"),
        (Reached { dfs: [0.9, 0.9], ..CLAIMED }, NotReproduced, "beyond"),
        (Reached { dfs: [0.6, 0.93], ..CLAIMED }, NotReproduced, "which is nothing"),
        (Reached { itself: 0.99, ..CLAIMED }, NotReproduced, "no gap failed"),
        (Reached { forced: 0.99, ..CLAIMED }, NotReproduced, "forced failed"),
        (Reached { guess: 0.41, ..CLAIMED }, Partly, "guess failed"),
        (Reached { exact: 999.0, ..CLAIMED }, Undecided, "not exact: 999 of 1000"),
        (Reached { bfs: [0.84, 0.9], ..CLAIMED }, Undecided, "BFS was not learnt"),
        (Reached { rise: 0.05, ..CLAIMED }, Undecided, "DFS still rises"),
    ] {
        let verdict = judged("quick", reached);
        assert_eq!(verdict.outcome, outcome, "{}", verdict.sentence);
        assert!(verdict.sentence.contains(told), "{}", verdict.sentence);
    }
    for (sequential, passed) in [([0.8, 0.8], [false, false]), ([0.95, 0.8], [true, false])] {
        let short = judged("full", Reached { sequential, ..CLAIMED });
        assert!(short.sentence.contains("length failed") && short.outcome == Outcome::Reproduced, "{}", short.sentence);
        let asked = short.checks.iter().filter(|check| check.id == "length").map(|check| check.passed);
        assert_eq!(asked.collect::<Vec<bool>>(), passed);
    }
    assert_eq!(preset::<NeuralCompilation>("quick").judge(&[]).outcome, Undecided);
}
