//! Presets, first steps, trials in small, and a judge that can say no.

use std::sync::Arc;

use super::OptimizerBias;
use super::learner::{raised_var, root_of};
use super::settings::{Condition, Kind, Leg, Settings, TUNING};
use super::trial::least_kept;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Closing, Outcome, Study, TrialResult, TrialSpec};
use crate::engine::{Executor, Graph, Store};
use crate::kernels::linalg::inverse_root;
use crate::nn::optimiser::Optimiser;
use crate::nn::weights::{Builder, Init};
use crate::tasks::class_sequence::Parts;
use crate::training::testing::{
    changed, contract, judged, measured, preset, problems, result, run, settings_of, takes_away_only, to_its_verdict,
    trials,
};

/// A preset shrunk to a few steps, with everything else as it is.
fn shrunk(name: &str, tolerance: f64) -> Box<dyn Study> {
    changed::<OptimizerBias>(name, |value| {
        value["seeds"] = 3.into();
        let settings = &mut value["settings"];
        settings["network"] = serde_json::json!({ "width": 8, "layers": 2 });
        settings["training"] =
            serde_json::json!({ "batch": 8, "tolerance": tolerance, "every": 4, "cap": 14, "roots_every": 2 });
        settings["sparse"]["cap"] = 10.into();
        for variation in settings["variations"].as_array_mut().unwrap() {
            variation["network"]["width"] = 6.into();
            variation["tolerance"] = tolerance.into();
            variation["seeds"] = 1.into();
        }
    })
}

/// A trial of every kind.
fn one_of_each(study: &dyn Study) -> Vec<TrialSpec> {
    let wanted = [
        "Shampoo, lr = 0.1",
        "Shampoo EMA, lr = 0.03",
        "Muon, lr = 0.01",
        "AdamW, lr = 0.003, joint",
        "diagonal Shampoo, lr = 0.3, reversed",
        "sparse power 2, lr = 0.1",
        "permuted pixels: Shampoo",
        "width 32: SGD",
    ];
    let trials = study.trials();
    let of = |label: &&str| trials.iter().find(|spec| spec.condition == **label).unwrap().clone();
    wanted.iter().map(of).collect()
}

#[test]
fn the_ablation_takes_away_the_matrices_and_nothing_else() {
    takes_away_only::<OptimizerBias>(|settings| settings["matrices"] = false.into());
    assert_eq!(Kind::Shampoo.settings(1, false), Kind::DiagonalShampoo.settings(1, true));
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    type Spoil = fn(&mut Settings);
    let wrong: [(&str, Spoil); 7] = [
        ("optimisers[0].rates", |s| s.optimisers[0].rates.clear()),
        ("optimisers[1].kind", |s| s.optimisers[1].kind = Kind::Shampoo),
        ("optimisers", |s| s.optimisers.retain(|c| c.kind != Kind::Sgd)),
        ("training.tolerance", |s| s.training.tolerance = 0.0),
        ("sparse.kept", |s| s.sparse.kept = vec![0.1, 0.5]),
        ("network.width", |s| s.network.width = 0),
        ("variations[5].parts", |s| s.variations[5].parts = Parts::Permuted(1)),
    ];
    let good = settings_of::<OptimizerBias>(preset::<OptimizerBias>("full").as_ref());
    assert!(problems::<OptimizerBias>(&good).is_empty());
    for (path, spoil) in wrong {
        let mut settings = good.clone();
        spoil(&mut settings);
        assert!(problems::<OptimizerBias>(&settings).iter().any(|p| p.path == path), "{path}");
    }
}

#[test]
fn controls_never_run_on_the_tuning_seeds() {
    for name in ["quick", "full", "ablated"] {
        let trials = preset::<OptimizerBias>(name).trials();
        assert!(trials.iter().filter(|t| t.condition.ends_with("reversed")).all(|spec| spec.seed >= TUNING));
    }
}

/// The first step of an optimiser along the gradient [[1, 1], [0, 1]], per unit of learning rate.
fn first_step(kind: Kind) -> Vec<f32> {
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, Key::new(0));
    builder.weight("w", [2, 2], Init::Constant(0.0));
    let weights = builder.finish();
    let optimiser = Optimiser::new(&mut store, &weights, kind.settings(5, true));
    let graph = Graph::new();
    let values = weights.read(&graph, &store);
    let loss = (values.vars()[0] * graph.constant([2, 2], vec![1.0, 1.0, 0.0, 1.0])).sum();
    optimiser.minimise(&graph, &store, &weights, &values, loss).unwrap();
    optimiser.set_learning_rate(&mut store, 0.1);
    Executor::new(Arc::new(graph.plan()), Pool::serial()).run(&mut store);
    store.values(weights.slots()[0]).iter().map(|w| -10.0 * w).collect()
}

#[test]
fn first_steps_are_those_of_the_formulas() {
    let root = std::f32::consts::FRAC_1_SQRT_2;
    let expected = [
        (Kind::Sgd, [1.0, 1.0, 0.0, 1.0]),
        (Kind::Adamw, [1.0, 1.0, 0.0, 1.0]),
        (Kind::Adagrad, [1.0, 1.0, 0.0, 1.0]),
        (Kind::Shampoo, [0.894_427, 0.447_214, -0.447_214, 0.894_427]),
        (Kind::DiagonalShampoo, [0.840_896, root, 0.0, 0.840_896]),
    ];
    for (kind, expected) in expected {
        let found = first_step(kind);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{kind:?} {found:?}");
    }
    // A mean with decay 0.99 begins at a hundredth: each root is larger by 100^(1/4).
    let ratio = first_step(Kind::ShampooEma)[0] / first_step(Kind::Shampoo)[0];
    assert!((ratio - 10.0).abs() < 0.01, "{ratio}");
    // Muon: the polar factor, its singular values within 0.7 and 1.2, times 0.2 sqrt 2.
    let muon = first_step(Kind::Muon);
    let size = muon.iter().map(|x| x * x).sum::<f32>().sqrt() / (0.2 * 2f32.sqrt());
    assert!((0.7 * 2f32.sqrt()..1.2 * 2f32.sqrt()).contains(&size), "{size}");
    let fourth = inverse_root(2, &[16.0, 0.0, 0.0, 81.0], 4.0, 0.0).unwrap();
    assert!(fourth.iter().zip([0.5, 0.0, 0.0, 1.0 / 3.0]).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn powerpropagation_by_hand() {
    // a = 2 at w = 0.25: v = 0.5, dw/dv = 2 v = 1. On w a small step is -lr a^2 |w|^(2 - 2/a) g.
    assert_eq!((root_of(0.25, 2.0), root_of(-0.25, 2.0), root_of(-0.3, 1.0)), (0.5, -0.5, -0.3));
    for (v, power, slope) in [(0.5f32, 2.0f32, 1.0f32), (-0.5, 2.0, 1.0), (0.4, 1.0, 1.0), (-0.7, 3.0, 1.47)] {
        let graph = Graph::new();
        let mut store = Store::new();
        let slot = store.add("v", [1]);
        store.values_mut(slot)[0] = v;
        let read = graph.read(&store, slot);
        let w = raised_var(read, power);
        let gradient = graph.gradient(w.sum(), &[read]).unwrap()[0];
        let outputs = [graph.output("w", w), graph.output("slope", gradient)];
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut store);
        let [found, rise] = outputs.map(|output| executor.number(output, &store));
        assert!((found - v.signum() * v.abs().powf(power)).abs() < 1e-6 && (rise - slope).abs() < 1e-5);
        let on_w = power * power * found.abs().powf(2.0 - 2.0 / power);
        assert!((rise * rise - on_w).abs() < 1e-4, "the square of dw/dv is what a step on v does to w");
    }
    assert_eq!(least_kept(&[(1.0, 0.9), (0.5, 0.88), (0.3, 0.5), (0.2, 0.9)]), 0.5);
    assert_eq!(least_kept(&[(1.0, 0.9), (0.5, 0.1)]), 1.0);
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, _, panels) = to_its_verdict(shrunk(name, 1.99).as_ref());
        for result in &results {
            for metric in ["train_loss", "reached", "total_steps", "displacement", "test_accuracy"] {
                assert!(result.last(metric).is_some(), "{name} {} lacks {metric}", result.spec.name);
            }
        }
        assert!(results.iter().any(|r| r.last("retention").is_some()));
        assert_eq!(panels, ["forgetting", "by-task", "likeness", "pruning", "optimisers"]);
    }
}

#[test]
fn power_one_is_descent_on_the_weights_bit_for_bit() {
    let study = shrunk("quick", 0.01);
    let of = |label: &str| {
        let spec = study.trials().into_iter().find(|spec| spec.condition.starts_with(label)).unwrap();
        run(study.as_ref(), &spec, 1)
    };
    assert_eq!(of("sparse weights, lr = 0.1"), of("sparse power 1, lr = 0.1"));
    assert_ne!(of("sparse weights, lr = 0.1"), of("sparse power 2, lr = 0.1"));
}

#[test]
fn a_run_ends_at_the_first_task_that_it_does_not_learn() {
    let study = shrunk("quick", 1e-4);
    let spec = &study.trials()[0];
    let found = result(spec, &run(study.as_ref(), spec, 1));
    assert_eq!((found.last("reached"), found.last("total_steps")), (Some(0.0), Some(14.0)));
    assert_eq!((found.last("retention"), found.vector("accuracy.after.1").map(<[f64]>::len)), (None, Some(5)));
}

#[test]
fn trials_keep_the_contract() {
    let study = shrunk("full", 1.5);
    let trials = study.trials();
    for spec in &one_of_each(study.as_ref()) {
        let ended = contract(study.as_ref(), spec);
        assert_eq!(ended.panels[..2], ["forgetting", "loss"]);
        assert_eq!(ended.unread, None);
    }
    assert!(measured(study.as_ref(), &trials[0]).contains(&"sharpness".to_owned()));
    let saved = study.start(&trials[0], &Pool::serial()).unwrap().save();
    let other = trials.iter().find(|t| t.condition.starts_with("width 32: AdamW")).unwrap();
    assert!(study.start(other, &Pool::serial()).unwrap().restore(&saved).is_err());
}

/// Results of every judged condition as the paper has them. Of each optimiser's rates the first is the
/// fastest and the last retains most.
fn made_up(settings: &Settings) -> Vec<TrialResult> {
    let cells = settings.cells(7);
    let filled = |spec: TrialSpec| {
        let cell = cells.iter().find(|cell| cell.label == spec.condition).unwrap();
        let Condition { leg, rate, .. } = &cell.condition;
        let seed = spec.seed;
        let mut result = TrialResult::new(spec);
        result.closing = Some(Closing::Done);
        let mut put = |name: &str, value: f64| {
            result.metrics.insert(name.into(), vec![(800, value)]);
        };
        put("reached", 1.0);
        put("least_current", 0.98);
        match leg {
            Leg::Sequence(kind, parts) => {
                let rates = &settings.optimisers.iter().find(|c| c.kind == *kind).unwrap().rates;
                let place = rates.iter().position(|r| r == rate).unwrap();
                put("total_steps", 100.0 + 100.0 * place as f64);
                let kept = if *kind == Kind::Shampoo { 0.4 } else { 0.02 };
                let tempting = if place + 1 == rates.len() { 0.3 } else { 0.0 };
                if *parts != Parts::Joint {
                    put("retention", kept + tempting + 0.01 * seed as f64);
                }
                put("class_cosine", if *kind == Kind::Shampoo { 0.6 } else { 0.75 } + 0.001 * seed as f64);
                put("test_accuracy", if *parts == Parts::Joint { 0.97 } else { 0.5 });
            }
            Leg::Sparse(power) => {
                put("total_steps", 100.0 / f64::from(*rate));
                put("least_kept", if power.is_some_and(|p| p > 1.0) { 0.1 } else { 0.3 });
                put("fingerprint", if power.is_some_and(|p| p > 1.0) { 5.0 } else { seed as f64 });
            }
            Leg::Variation(..) => {}
        }
        result
    };
    trials::<OptimizerBias>(settings, 7).into_iter().map(filled).collect()
}

/// Sets a metric of the results whose condition is this, or begins so.
fn spoil(results: &mut [TrialResult], condition: &str, metric: &str, value: f64) {
    for result in results.iter_mut().filter(|r| r.spec.condition.starts_with(condition)) {
        if result.metrics.contains_key(metric) {
            result.metrics.insert(metric.into(), vec![(800, value)]);
        }
    }
}

#[test]
fn the_paper_s_picture_is_reproduced_and_every_line_can_fail() {
    let settings = settings_of::<OptimizerBias>(preset::<OptimizerBias>("quick").as_ref());
    let good = made_up(&settings);
    let verdict = judged::<OptimizerBias>(&settings, &good);
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    // 0.4 - 0.02: at the fastest rates, though the slower ones retain more.
    assert!((verdict.effect.unwrap() - 0.38).abs() < 1e-9 && verdict.sentence.contains("Muon, which"));
    let spoiled: [(&str, &str, &str, f64, Outcome); 8] = [
        ("i", "Shampoo, lr = 0.1", "retention", 0.1, Outcome::NotReproduced),
        ("i", "SGD, lr = 0.01", "retention", 0.35, Outcome::NotReproduced),
        ("ii", "Shampoo, lr = 0.1", "class_cosine", 0.76, Outcome::Partly),
        ("diagonal", "diagonal Shampoo, lr = 0.1", "retention", 0.2, Outcome::Partly),
        ("joint", "Shampoo, lr = 0.1, joint", "test_accuracy", 0.9, Outcome::Partly),
        ("reversed", "Shampoo, lr = 0.1, reversed", "retention", 0.0, Outcome::Partly),
        ("iii", "sparse power 2", "least_kept", 0.2, Outcome::Reproduced),
        ("iii", "sparse power 1, lr = 0.03", "fingerprint", 77.0, Outcome::Reproduced),
    ];
    for (id, condition, metric, value, outcome) in spoiled {
        let mut results = good.clone();
        spoil(&mut results, condition, metric, value);
        let verdict = judged::<OptimizerBias>(&settings, &results);
        assert_eq!(verdict.outcome, outcome, "{condition} {metric}: {}", verdict.sentence);
        let mut all = verdict.checks.iter().chain(&verdict.controls);
        assert!(all.any(|check| check.id == id && !check.passed), "{condition} {metric}");
    }
}

#[test]
fn rates_are_chosen_by_steps_and_only_on_the_tuning_seeds() {
    let settings = settings_of::<OptimizerBias>(preset::<OptimizerBias>("quick").as_ref());
    let good = made_up(&settings);
    // The judged seeds are as fast as one likes at the other rate: nothing changes.
    let mut fast = good.clone();
    fast.iter_mut().filter(|r| r.spec.condition == "Shampoo, lr = 0.3" && r.spec.seed >= TUNING).for_each(|r| {
        r.metrics.insert("total_steps".into(), vec![(800, 1.0)]);
    });
    assert_eq!(judged::<OptimizerBias>(&settings, &fast).effect, judged::<OptimizerBias>(&settings, &good).effect);
    // A tuning seed that misses the tolerance takes its rate out.
    let mut missed = good.clone();
    missed.iter_mut().filter(|r| r.spec.condition == "Shampoo, lr = 0.1" && r.spec.seed == 0).for_each(|r| {
        r.metrics.insert("reached".into(), vec![(800, 0.0)]);
    });
    assert!((judged::<OptimizerBias>(&settings, &missed).effect.unwrap() - 0.68).abs() < 1e-9);
}

#[test]
fn what_cannot_be_compared_is_not_decided() {
    let settings = settings_of::<OptimizerBias>(preset::<OptimizerBias>("quick").as_ref());
    let good = made_up(&settings);
    let untrained = |kind: &str, seeds: u64| {
        let mut results = good.clone();
        let of = results.iter_mut().filter(|r| r.spec.condition.starts_with(kind) && r.spec.seed >= TUNING);
        of.filter(|r| r.spec.seed < TUNING + seeds).for_each(|r| {
            r.metrics.insert("least_current".into(), vec![(800, 0.9)]);
        });
        judged::<OptimizerBias>(&settings, &results)
    };
    assert_eq!(untrained("AdamW", 1).outcome, Outcome::Reproduced);
    let two = untrained("AdamW", 2);
    assert!(two.outcome == Outcome::Undecided && two.sentence.contains("AdamW is not comparable: 3 of 5"));
    let sgd = untrained("SGD", 5);
    assert!(sgd.outcome == Outcome::Reproduced && sgd.sentence.contains("not comparable: SGD"), "{}", sgd.sentence);
    let mut open = good.clone();
    open[0].closing = None;
    assert_eq!(judged::<OptimizerBias>(&settings, &open).outcome, Outcome::Undecided);
    let few: Vec<TrialResult> = good.iter().filter(|r| r.spec.seed < TUNING + 2).cloned().collect();
    assert_eq!(judged::<OptimizerBias>(&settings, &few).outcome, Outcome::Undecided);
    // A diverged run is a run that did not learn, not one that is missing.
    let mut diverged = good.clone();
    diverged.iter_mut().filter(|r| r.spec.condition == "Shampoo, lr = 0.3").for_each(|r| {
        (r.metrics, r.closing) = (Default::default(), Some(Closing::Diverged));
    });
    assert_eq!(judged::<OptimizerBias>(&settings, &diverged).outcome, Outcome::Reproduced);
    // A gain whose interval reaches 0.15 without meeting it decides nothing.
    let mut wide = good;
    wide.iter_mut().filter(|r| r.spec.condition == "Shampoo, lr = 0.1").for_each(|r| {
        let kept = if r.spec.seed % 2 == 0 { 0.45 } else { 0.0 };
        r.metrics.insert("retention".into(), vec![(800, kept)]);
    });
    assert_eq!(judged::<OptimizerBias>(&settings, &wide).outcome, Outcome::Undecided);
}
