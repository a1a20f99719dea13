//! Presets, trials in small, the theory's eigenvalues, and a judge that can say no.

use super::OpposingSignals;
use super::settings::{Condition, Deletion, Leg, Settings};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Cell, Closing, Entry, Flow, Outcome, Study, TrialResult};
use crate::engine::Store;
use crate::instruments::sharpness::{HessianVector, lanczos, random_direction};
use crate::nn::weights::{Builder, Init};
use crate::tasks::opposing::Groups;
use crate::training::testing::{
    changed, contract, finish, judged, measured, preset, problems, result, run, settings_of, takes_away_only,
    to_its_verdict,
};

/// A preset shrunk to a few steps, with everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<OpposingSignals>(name, |value| {
        value["seeds"] = 1.into();
        let settings = &mut value["settings"];
        settings["sharpness"] = serde_json::json!({ "every": 4, "iterations": 3, "first": 6 });
        settings["linear"]["examples"] = 80.into();
        settings["linear"]["steps"] = 20.into();
        for (field, number) in [("width", 6), ("examples", 48), ("group", 3), ("steps", 32), ("causal_steps", 8)] {
            settings["network"][field] = number.into();
        }
        // A rate at which some runs cross the edge within so few steps.
        settings["network"]["height"] = 4.0.into();
        settings["network"]["causal_rate"] = 0.25.into();
        if settings["studies"].as_array().is_some_and(|studies| !studies.is_empty()) {
            settings["studies"][3]["batch"] = 10.into();
        }
        if settings["digits"].is_object() {
            settings["digits"]["examples"] = 200.into();
            settings["digits"]["group"] = 4.into();
            settings["digits"]["width"] = 6.into();
            settings["digits"]["steps"] = 16.into();
        }
    })
}

/// A file of so many random pictures, removed when dropped.
struct Pictures(std::path::PathBuf);

impl Pictures {
    fn new(count: usize) -> Self {
        let name = format!("opposing-{}-{count}.bin", std::process::id());
        let bytes = (0..count * 3073).map(|i| if i % 3073 == 0 { (i / 3073 % 10) as u8 } else { (i * i % 251) as u8 });
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes.collect::<Vec<u8>>()).unwrap();
        Pictures(path)
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_user_s_pictures_are_shown() {
    let file = Pictures::new(26);
    let mut value = shrunk("quick").to_json();
    value["settings"]["pictures"] = serde_json::json!({
        "file": file.0, "examples": 20, "unseen": 6, "listed": 4, "filters": [2, 3], "rate": 0.05, "steps": 6
    });
    let study = (Entry::of::<OpposingSignals>().open_json)(value.clone()).unwrap();
    let spec = study.trials().into_iter().find(|spec| spec.condition == "C pictures").unwrap();
    let unbroken = run(study.as_ref(), &spec, 1);
    let found = result(&spec, &unbroken);
    assert!(found.last("share").is_some() && found.last("peak_sharpness").unwrap() > 0.0);
    assert_eq!(found.vector("group_a").unwrap().len() + found.vector("group_b").unwrap().len(), 4);
    let (mut events, mut trial) = (Vec::new(), study.start(&spec, &Pool::new(2)).unwrap());
    (0..3).for_each(|_| assert_eq!(trial.step(&mut events).unwrap(), Flow::More));
    let checkpoint = trial.save();
    let mut trial = study.start(&spec, &Pool::serial()).unwrap();
    trial.restore(&checkpoint).unwrap();
    finish(trial.as_mut(), &mut events);
    assert_eq!(events, unbroken);
    assert!(trial.panels().iter().any(|panel| panel.id == "most-moved-pictures"));
    value["settings"]["pictures"]["examples"] = 100.into();
    assert!((Entry::of::<OpposingSignals>().open_json)(value).is_err(), "more than the file holds");
}

#[test]
fn the_ablation_takes_away_the_opposition_and_nothing_else() {
    takes_away_only::<OpposingSignals>(|settings| settings["opposition"] = false.into());
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    let good = settings_of::<OpposingSignals>(preset::<OpposingSignals>("full").as_ref());
    assert!(problems::<OpposingSignals>(&good).is_empty());
    type Spoil = fn(&mut Settings);
    let wrong: [(&str, Spoil); 7] = [
        ("network.group", |s| s.network.group = 200),
        ("linear.edge", |s| s.linear.edge = 0.9),
        ("network.rates", |s| s.network.rates = vec![0.1, 0.1]),
        ("linear.norms", |s| s.linear.norms.truncate(2)),
        ("sharpness.every", |s| s.sharpness.every = 0),
        ("studies[3].batch", |s| s.studies[3].batch = Some(1000)),
        ("digits.classes", |s| s.digits.as_mut().unwrap().classes = [3, 3]),
    ];
    for (path, spoil) in wrong {
        let mut settings = good.clone();
        spoil(&mut settings);
        assert!(problems::<OpposingSignals>(&settings).iter().any(|p| p.path == path), "{path}");
    }
}

#[test]
fn the_theory_s_largest_eigenvalue() {
    // Population moments, balanced solution: max(2 |beta|, p a^2 |beta|).
    for (share, height, norm) in [(0.05, 8.0, 3.0), (0.05, 4.0, 3.0), (0.05, 8.0, 1.0)] {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(0));
        builder.weight("first.weight", [3, 2], Init::Constant(0.0));
        builder.weight("second.weight", [2, 1], Init::Constant(0.0));
        let weights = builder.finish();
        // Inputs (along beta, across it, x_o); W = sqrt|beta| on one hidden unit, c the same.
        let root = f64::sqrt(norm) as f32;
        store.values_mut(weights.slots()[0])[0] = root;
        store.values_mut(weights.slots()[1])[0] = root;
        let heavy = (share * height * height) as f32;
        let mut product = HessianVector::new(&mut store, &weights, Pool::serial(), |graph, _, values| {
            let off = values.vars()[0].matmul(values.vars()[1]) - graph.constant([3, 1], vec![norm as f32, 0.0, 0.0]);
            (off * off * graph.constant([3, 1], vec![1.0, 1.0, heavy])).sum() * 0.5
        })
        .unwrap();
        let start = random_direction(8, Key::new(1));
        let found = lanczos(|v| product.apply(&mut store, v), &start, 8, 1).unwrap().values[0];
        let right = f64::max(2.0 * norm, share * height * height * norm);
        assert!((found - right).abs() < 1e-4, "{found} {right}");
    }
}

/// p a^2 / 2 = 1.6 in the mean of all samples; 1.58 in the pilot's.
#[test]
fn what_no_linear_weight_can_fit_is_left() {
    let study = preset::<OpposingSignals>("quick");
    let spec = study.trials().into_iter().find(|spec| spec.name == "A-beta-3.s0").unwrap();
    let left = result(&spec, &run(study.as_ref(), &spec, 2)).last("loss").unwrap();
    assert!((left - 1.58).abs() < 0.03, "{left}");
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, _, panels) = to_its_verdict(shrunk(name).as_ref());
        for result in &results {
            for metric in ["sharpness", "loss", "peak_sharpness", "edge", "initial_sharpness"] {
                let excluded = result.last("excluded").is_some();
                assert!(excluded || result.last(metric).is_some(), "{name} {} lacks {metric}", result.spec.name);
            }
        }
        assert_eq!(panels, ["law", "sharpening", "causal", "groups"]);
    }
}

#[test]
fn trials_keep_the_contract() {
    let study = shrunk("full");
    let trials = study.trials();
    for spec in &trials {
        let ended = contract(study.as_ref(), spec);
        assert_eq!(ended.panels[..2], ["oscilloscope", "sharpness"]);
        assert_eq!(ended.unread, None);
    }
    assert!(measured(study.as_ref(), &trials[0]).contains(&"opposing-groups".to_owned()));
    let saved = study.start(&trials[0], &Pool::serial()).unwrap().save();
    let mut other = study.start(trials.iter().find(|t| t.name.starts_with("A-")).unwrap(), &Pool::serial()).unwrap();
    assert!(other.restore(&saved).is_err());
}

#[test]
fn a_run_that_never_crosses_begins_again_at_a_larger_rate_and_deletion_waits_for_the_crossing() {
    let mut value = shrunk("quick").to_json();
    value["settings"]["network"]["rates"] = serde_json::json!([1e-4]);
    let study = (Entry::of::<OpposingSignals>().open_json)(value).unwrap();
    let of = |label: &str| study.trials().into_iter().find(|spec| spec.condition.starts_with(label)).unwrap();
    let slow = result(&of("B opposing"), &run(study.as_ref(), &of("B opposing"), 1));
    let rates: Vec<f64> = slow.metrics["learning_rate"].iter().map(|(_, rate)| *rate).collect();
    assert!(rates.len() == 2 && (rates[1] / rates[0] - 1.5).abs() < 1e-6, "{rates:?}");
    assert_eq!((slow.last("crossing"), slow.metrics["learning_rate"][1].0), (None, 32));
    assert_eq!(result(&of("B none"), &run(study.as_ref(), &of("B none"), 1)).metrics["learning_rate"].len(), 1);
}

/// Results of every judged condition as the paper has them.
fn made_up(settings: &Settings) -> Vec<TrialResult> {
    let of_cell = |cell: Cell<Condition>| (0..5u64).map(move |seed| (cell.clone(), seed));
    let filled = |(cell, seed): (Cell<Condition>, u64)| {
        let mut result = TrialResult::new(cell.spec(seed));
        result.closing = Some(Closing::Done);
        let jitter = 0.01 * seed as f64;
        let mut put = |name: &str, value: f64| {
            result.metrics.insert(name.into(), vec![(800, value)]);
        };
        let condition = &cell.condition;
        let opposing = condition.groups == Groups::Opposing;
        match condition.leg {
            Leg::Linear(norm) => {
                put("final_sharpness", 3.2 * norm + jitter);
                put("rho", if opposing { -0.99 } else { 0.99 });
                put("crossing", 20.0);
            }
            Leg::Network(height) => {
                let heavy = opposing && height == settings.network.height;
                put("rho", if heavy { -0.9 + jitter } else { 0.3 });
                put("precision", if heavy { 0.9 - jitter } else { 0.1 });
                put("share", if heavy { 0.5 - jitter } else { 0.04 });
                put("peak_sharpness", if heavy { 40.0 + jitter } else { 20.0 });
                if heavy {
                    put("crossing", 30.0);
                }
                put("fallen", f64::from(u8::from(condition.deletion == Deletion::Planted)));
            }
            Leg::Digits | Leg::Pictures => {}
        }
        result
    };
    settings.cells(5).into_iter().flat_map(of_cell).map(filled).collect()
}

/// Sets a metric of every result whose condition begins so.
fn spoil(results: &mut [TrialResult], condition: &str, metric: &str, value: f64) {
    let chosen = results.iter_mut().filter(|r| r.spec.condition.starts_with(condition));
    chosen.for_each(|r| {
        r.metrics.insert(metric.into(), vec![(800, value)]);
    });
}

#[test]
fn the_paper_s_picture_is_reproduced_and_every_line_can_fail() {
    let settings = settings_of::<OpposingSignals>(preset::<OpposingSignals>("quick").as_ref());
    let good = made_up(&settings);
    let verdict = judged::<OpposingSignals>(&settings, &good);
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!((verdict.effect.unwrap() + 0.88).abs() < 1e-9 && verdict.seeds.len() == good.len());
    let spoiled: [(&str, &str, &str, f64, Outcome); 11] = [
        ("B1", "B opposing", "rho", -0.3, Outcome::NotReproduced),
        ("B2", "B opposing", "precision", 0.5, Outcome::Partly),
        ("B3", "B opposing", "share", 0.2, Outcome::NotReproduced),
        ("B4", "B none", "peak_sharpness", 35.0, Outcome::Partly),
        ("A", "A |beta| = 4", "final_sharpness", 6.0, Outcome::Partly),
        ("D", "B delete planted", "fallen", 0.0, Outcome::Partly),
        ("D", "B delete random", "fallen", 1.0, Outcome::Partly),
        ("B control", "B consistent", "precision", 0.5, Outcome::Partly),
        ("B control", "B none", "share", 0.3, Outcome::Partly),
        ("B control", "B a = 1", "share", 0.3, Outcome::Partly),
        ("A control", "A edge consistent", "rho", -0.5, Outcome::Partly),
    ];
    for (id, condition, metric, value, outcome) in spoiled {
        let mut results = good.clone();
        spoil(&mut results, condition, metric, value);
        let verdict = judged::<OpposingSignals>(&settings, &results);
        let failed: Vec<&str> =
            verdict.checks.iter().chain(&verdict.controls).filter(|c| !c.passed).map(|c| c.id.as_str()).collect();
        assert_eq!((verdict.outcome, failed), (outcome, vec![id]), "{condition} {metric}");
    }
}

#[test]
fn without_a_crossing_or_with_an_open_run_nothing_is_decided() {
    let settings = settings_of::<OpposingSignals>(preset::<OpposingSignals>("quick").as_ref());
    let good = made_up(&settings);
    let mut none = good.clone();
    let crossed = none.iter_mut().filter(|r| r.spec.condition == "B opposing, eta = 0.06" && r.spec.seed < 2);
    crossed.for_each(|r| {
        r.metrics.remove("crossing");
    });
    assert!(
        judged::<OpposingSignals>(&settings, &none).sentence.contains("3 of 5 runs of B opposing, eta = 0.06 crossed")
    );
    let mut open = good.clone();
    open.last_mut().unwrap().closing = None;
    let few: Vec<TrialResult> = good.iter().filter(|r| r.spec.seed < 2).cloned().collect();
    for results in [&none, &open, &few] {
        assert_eq!(judged::<OpposingSignals>(&settings, results).outcome, Outcome::Undecided);
    }
    // One run in five that never crossed is left out.
    let mut one = good;
    one.iter_mut().filter(|r| r.spec.condition.starts_with("B opposing") && r.spec.seed == 0).for_each(|r| {
        r.metrics.remove("crossing");
        r.metrics.insert("rho".into(), vec![(800, 0.9)]);
    });
    assert_eq!(judged::<OpposingSignals>(&settings, &one).outcome, Outcome::Reproduced);
}
