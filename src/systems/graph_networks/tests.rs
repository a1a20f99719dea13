//! The system through the contract: presets, trials, resume, and a judge that can say no.

use std::io::Write;

use super::settings::Arm;
use super::*;
use crate::contract::{Event, Outcome, Study, TrialResult, TrialSpec};
use crate::nn::layers::{GraphKind, Reduce};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, settings_of, takes_away_only, to_its_verdict,
};

/// A preset with small graphs and few steps, everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<GraphNetworks>(name, |value| {
        let links = serde_json::json!({
            "trained": [2, 3], "twice": [3, 4], "processing": 2, "steps": 4, "control_steps": 3, "batch": 2, "every": 2,
            "tests": 8,
        });
        let springs = serde_json::json!({
            "trained": [3, 4], "fewer": 3, "more": 5, "many": 6, "trajectories": 4, "steps": 4, "batch": 3, "every": 2,
            "rollouts": 4,
        });
        let set = |settings: &mut serde_json::Value, new: &serde_json::Value| {
            settings.as_object_mut().unwrap().extend(new.as_object().unwrap().clone());
        };
        let settings = &mut value["settings"];
        set(&mut settings["sort"], &links);
        set(&mut settings["springs"], &springs);
        settings["sort"]["four_times"] = serde_json::json!([4, 5]);
        (settings["model"]["width"], settings["flat"]["width"]) = (4.into(), 5.into());
        settings["flat"]["steps"] = 3.into();
        if !settings["path"].is_null() {
            set(&mut settings["path"]["task"], &links);
            settings["path"]["seeds"] = 1.into();
        }
        if !settings["variants"].is_null() {
            settings["variants"]["steps"] = 2.into();
        }
        value["seeds"] = 2.into();
    })
}

#[test]
fn the_ablation_takes_away_every_sum_and_nothing_else() {
    takes_away_only::<GraphNetworks>(|settings| settings["model"]["reduce"] = "nothing".into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        for result in &results {
            let springs = result.spec.condition.starts_with("springs");
            let own: &[&str] = if springs {
                &["ratio.fewer", "ratio.more", "ratio.many", "loss"]
            } else {
                &["f1.trained", "f1.twice", "solved.twice", "loss", "moved_by_relabelling"]
            };
            own.iter().for_each(|metric| assert!(result.last(metric).is_some(), "{} {metric}", result.spec.name));
            let lists = !springs && result.spec.condition != "shortest path";
            assert_eq!(result.last("gap_rule.twice").is_some(), lists);
        }
        let conditions: std::collections::HashSet<&str> = results.iter().map(|r| r.spec.condition.as_str()).collect();
        assert_eq!(conditions.len(), if name == "full" { 16 } else { 6 });
        assert_eq!(outcome, Outcome::Undecided, "nothing is learnt in four steps");
        assert_eq!(panels, ["sizes", "arms", "ratios", "drift", "seeds"]);
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let study = shrunk("full");
    let all = study.trials();
    for (name, own) in [
        ("sort.s0", &["learning", "links", "anatomy"][..]),
        ("sort-flat-perceptron.s0", &["learning", "links"]),
        ("shortest-path.s0", &["learning", "path", "anatomy"]),
        ("springs-no-edge-inputs.s0", &["learning", "rollout", "error"]),
        ("sort-self-attention.s0", &["learning", "links", "anatomy"]),
    ] {
        let spec = all.iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("no {name}"));
        let ended = contract(study.as_ref(), spec);
        assert_eq!(ended.panels, own, "{name}");
        assert_eq!(ended.unread.is_some(), name.starts_with("sh") || name.starts_with("springs"), "{name}");
    }
    for name in ["sort.s0", "sort-flat-perceptron.s0"] {
        let spec = all.iter().find(|spec| spec.name == name).unwrap();
        assert!(measured(study.as_ref(), spec).contains(&"fit".to_owned()), "{name}");
    }
}

#[test]
fn answers_follow_numbers_of_nodes_and_those_of_the_perceptron_do_not() {
    let study = shrunk("quick");
    let moved = |name: &str| {
        let spec = study.trials().into_iter().find(|spec| spec.name == name).unwrap();
        result(&spec, &crate::training::testing::run(study.as_ref(), &spec, 1)).last("moved_by_relabelling").unwrap()
    };
    assert!(moved("sort.s0") <= 1e-4);
    assert!(moved("sort-flat-perceptron.s0") > 1e-4);
}

#[test]
fn conditions_differ_in_what_they_are_named_after() {
    let settings = settings_of::<GraphNetworks>(preset::<GraphNetworks>("full").as_ref());
    let shape = |arm| settings.shape(Condition::Sort(arm));
    assert_eq!((shape(Arm::Main).kind, shape(Arm::Main).reduce), (GraphKind::Full, Reduce::Sum));
    assert_eq!(shape(Arm::NoMessages).reduce, Reduce::Nothing);
    assert_eq!(shape(Arm::Reduced(Reduce::Max)).reduce, Reduce::Max);
    assert_eq!(shape(Arm::Block(GraphKind::Relation)).kind, GraphKind::Relation);
    let names: Vec<String> = settings.cells(1).into_iter().map(|cell| cell.label).collect();
    assert!(names.iter().any(|name| name == "sort, interaction network"), "{names:?}");
}

#[test]
fn a_graph_of_ones_own_is_shown_and_a_broken_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roads.txt");
    let with = |text: &str| {
        std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        let mut value = shrunk("full").to_json();
        value["settings"]["path"]["file"] = file.to_str().unwrap().into();
        (crate::contract::Entry::of::<GraphNetworks>().open_json)(value)
    };
    let study = with("a b 1\nb c 2\nc d 1.5 # the last\na d 9\n").unwrap_or_else(|error| panic!("{error:?}"));
    let spec = study.trials().into_iter().find(|spec| spec.name == "shortest-path.s0").unwrap();
    let mut trial = study.start(&spec, &crate::base::threads::Pool::serial()).unwrap();
    let panels: Vec<Panel> = trial.panels();
    let own = panels.iter().find(|panel| panel.id == "own-path").unwrap();
    let crate::contract::Body::Graphs(graphs) = &own.body else { panic!("graphs") };
    assert_eq!((&graphs.graphs[0].nodes[..], graphs.len()), (&["a", "b", "c", "d"].map(String::from)[..], 2));
    assert!(graphs.graphs[0].label.contains("from a to d"), "{}", graphs.graphs[0].label);
    let error = with("a b one\n").err().map(|error| format!("{error:?}")).unwrap();
    assert!(error.contains("settings.path.file") && error.contains("line 1"), "{error}");
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<GraphNetworks>(&[
        ("width: 16", "width: 0", "settings.model.width"),
        ("trained: (4, 8)", "trained: (8, 4)", "settings.sort.trained"),
        ("twice: (9, 16)", "twice: (9, 65)", "settings.sort.twice"),
        ("processing: 5", "processing: 0", "settings.sort.processing"),
        ("fewer: 4", "fewer: 2", "settings.springs.fewer"),
        ("learning_rate: 0.003", "learning_rate: 0.0", "settings.springs.learning_rate"),
        ("every: 500", "every: 5000", "settings.sort.every"),
        ("steps: 2000", "stepps: 2000", "stepps"),
    ]);
}

/// What the conditions of a made-up study reach.
#[derive(Clone, Copy)]
struct Reached {
    trained: f64,
    twice: f64,
    unheard: f64,
    flat: f64,
    ratio: f64,
    blind: f64,
    moved: f64,
}

const CLAIMED: Reached =
    Reached { trained: 0.99, twice: 0.92, unheard: 0.58, flat: 0.12, ratio: 0.2, blind: 0.7, moved: 1e-6 };

fn result_of(spec: &TrialSpec, reached: &Reached) -> TrialResult {
    let metric = |name: &str, value: f64| Event::Metric { step: 10, name: name.into(), value };
    let vector = |name: &str, values: Vec<f64>| Event::Vector { step: 10, name: name.into(), values };
    let spread = |value: f64| (0..40).map(|i| value + 0.002 * f64::from(i % 5 - 2)).collect::<Vec<f64>>();
    let (f1, moved) = match spec.condition.as_str() {
        "sort" => (reached.twice, reached.moved),
        "sort, no messages" => (reached.unheard, reached.moved),
        _ => (reached.flat, 0.3),
    };
    let trained = if spec.condition == "sort" { reached.trained } else { f1 };
    let ratio = match spec.condition.as_str() {
        "springs" => reached.ratio,
        "springs, no edge inputs" => reached.blind,
        _ => 1.5,
    };
    let mut events = vec![
        metric("f1.trained", trained),
        metric("f1.twice", f1),
        metric("gap_rule.trained", 0.697),
        metric("gap_rule.twice", 0.663),
        metric("moved_by_relabelling", moved),
        vector("each.twice", spread(f1)),
    ];
    for size in ["fewer", "more"] {
        events.push(metric(&format!("ratio.{size}"), ratio));
        events.push(vector(&format!("off.{size}"), spread(ratio)));
        events.push(vector(&format!("still.{size}"), vec![1.0; 40]));
    }
    result(spec, &events)
}

fn judged(reached: Reached) -> Verdict {
    let study = preset::<GraphNetworks>("quick");
    let results: Vec<TrialResult> = study.trials().iter().map(|spec| result_of(spec, &reached)).collect();
    study.judge(&results)
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    let verdict = judged(CLAIMED);
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed), "{verdict:#?}");
    assert_eq!(verdict.effect, Some(0.92));
    let ratio = verdict.checks.iter().find(|check| check.id == "springs").unwrap();
    assert!((ratio.effect.unwrap() - 0.2).abs() < 1e-9 && ratio.interval.unwrap().1 < 0.21);
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Undecided};
    for (reached, outcome, told) in [
        (Reached { ratio: 0.4, ..CLAIMED }, Partly, "springs failed"),
        (Reached { blind: 0.1, ..CLAIMED }, Partly, "no edge inputs failed"),
        (Reached { trained: 0.85, ..CLAIMED }, Partly, "sort failed"),
        (Reached { twice: 0.7, ..CLAIMED }, Partly, "sort failed"),
        (Reached { twice: 0.76, unheard: 0.68, ..CLAIMED }, Partly, "messages failed"),
        (Reached { unheard: 0.75, ..CLAIMED }, Partly, "no messages failed"),
        (Reached { flat: 0.35, ..CLAIMED }, Partly, "flat failed"),
        (Reached { moved: 1e-2, ..CLAIMED }, Partly, "permutation failed"),
        (Reached { twice: 0.7, ratio: 0.4, ..CLAIMED }, NotReproduced, "sort, springs failed"),
        (Reached { twice: 0.66, ..CLAIMED }, NotReproduced, "sort"),
        (Reached { trained: 0.79, ..CLAIMED }, Undecided, "did not learn to sort"),
        // The ablation, at the best that it could be.
        (Reached { trained: 0.697, twice: 0.663, unheard: 0.663, ..CLAIMED }, Undecided, "did not learn to sort"),
    ] {
        let verdict = judged(reached);
        assert_eq!(verdict.outcome, outcome, "{}", verdict.sentence);
        assert!(verdict.sentence.contains(told), "{}", verdict.sentence);
    }
    assert_eq!(preset::<GraphNetworks>("quick").judge(&[]).outcome, Undecided);
}
