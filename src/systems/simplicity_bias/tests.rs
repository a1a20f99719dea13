//! The system through the contract: presets, trials, resume, and a judge that can say no.

use super::*;
use crate::base::threads::Pool;
use crate::contract::{Event, Outcome, Study, TrialResult, TrialSpec};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, run, takes_away_only, to_its_verdict,
};

/// A preset with few points and steps, everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<SimplicityBias>(name, |value| {
        let settings = &mut value["settings"];
        for (field, small) in [("train", 40), ("test", 30), ("batch", 16)] {
            settings[field] = small.into();
        }
        settings["evaluation"] = serde_json::json!({ "probe": 20, "coordinates": 20, "resamples": 10 });
        for condition in settings["conditions"].as_array_mut().unwrap() {
            condition["dimension"] = 6.into();
            (condition["train"], condition["test"]) = (serde_json::Value::Null, serde_json::Value::Null);
            (condition["steps"], condition["extended"], condition["every"]) = (4.into(), 7.into(), 2.into());
        }
        value["seeds"] = 1.into();
    })
}

#[test]
fn the_ablation_takes_away_the_gap_in_complexity_and_nothing_else() {
    takes_away_only::<SimplicityBias>(|settings| settings["complexity_gap"] = false.into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        for result in &results {
            for metric in ["train_accuracy", "accuracy_standard", "auc_simple_randomised", "most_relied_on"] {
                assert!(result.last(metric).is_some(), "{name} {} lacks {metric}", result.spec.name);
            }
        }
        assert_eq!(outcome, Outcome::Undecided, "one seed of four steps decides nothing");
        assert_eq!(panels.len(), 3);
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let study = shrunk("full");
    for spec in study.trials() {
        let ended = contract(study.as_ref(), &spec);
        assert!(ended.steps > 5, "{} ended after {} steps", spec.name, ended.steps);
        let third = if spec.name.starts_with("dominoes") { "dominoes" } else { "plane" };
        assert_eq!(ended.panels, ["reliance", "logits", third, "timeline"]);
        let ensemble = spec.name.contains("ensemble");
        assert_eq!(ended.unread.is_some_and(|why| why.contains("ensemble")), ensemble, "{}", spec.name);
    }
    let lms = study.trials().into_iter().find(|spec| spec.name == "LMS-5.s0").unwrap();
    assert!(measured(study.as_ref(), &lms).contains(&"reliance".to_owned()));
}

#[test]
fn a_gate_that_is_missed_prolongs_training_once_and_says_so() {
    let study = shrunk("quick");
    let spec = &study.trials()[1];
    let events = run(study.as_ref(), spec, 1);
    let told = events.iter().filter_map(Event::note).any(|(_, _, text)| text.contains("it goes on to at most 7"));
    assert!(told && result(spec, &events).last("steps") == Some(7.0));
}

#[test]
fn a_checkpoint_of_another_trial_is_refused() {
    let study = shrunk("full");
    let start = |name: &str| {
        let spec = study.trials().into_iter().find(|spec| spec.name == name).unwrap();
        study.start(&spec, &Pool::serial()).unwrap()
    };
    let saved = start("LMS-5.s0").save();
    let error = start("LMS-5-ensemble.s0").restore(&saved).unwrap_err().to_string();
    assert!(error.contains("lacks the tensor"), "{error}");
    let error = start("noisy-LMS-7.s0").restore(&saved).unwrap_err().to_string();
    assert!(error.contains("has the shape"), "{error}");
    assert!(start("LMS-5.s0").restore(&crate::contract::Checkpoint::default()).is_err());
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<SimplicityBias>(&[
        ("train: 40000", "train: 100", "settings.train"),
        ("width: 100", "width: 0", "settings.conditions[0].network"),
        ("network: mlp(width: 100, layers: 2)", "network: cnn", "an mlp, except for dominoes"),
        ("learning_rate: 0.1", "learning_rate: -0.1", "settings.conditions[0].learning_rate"),
        ("extended: 5000", "extended: 500", "settings.conditions[0].steps"),
        ("name: \"MS-7\"", "name: \"LMS-5\"", "a name of its own"),
        ("data: ms57", "data: ms58", "ms58"),
        ("probe: 4000", "prob: 4000", "prob"),
    ]);
}

/// What the seeds of a condition record, by the names of the metrics.
type MadeUp = Vec<(&'static str, &'static str, f64)>;

/// Results of `quick` as the paper has them, with some numbers replaced.
fn made_up(changed: &MadeUp, seeds: u64) -> Verdict {
    let study = preset::<SimplicityBias>("quick");
    let base = |condition: &str, metric: &str| match (condition, metric) {
        ("noisy LMS-7", "train_accuracy") => 0.978,
        ("noisy LMS-7", "accuracy_standard") => 0.945,
        ("noisy LMS-7", "accuracy_rest_randomised") => 0.944,
        ("noise + 5-slabs" | "MS-7" | "equal 5-slabs", "auc_simple_randomised") => 1.0,
        ("noise + 5-slabs" | "MS-7" | "equal 5-slabs", "auc_rest_randomised") => 0.5,
        (_, "auc_simple_randomised" | "accuracy_simple_randomised") => 0.5,
        (_, "oracle.simple_only.auc_simple_randomised" | "oracle.rest_only.auc_rest_randomised") => 0.5,
        _ => 1.0,
    };
    let metrics = ["auc", "accuracy", "oracle.simple_only.auc", "oracle.rest_only.auc"]
        .into_iter()
        .flat_map(|name| ["standard", "simple_randomised", "rest_randomised"].map(|part| format!("{name}_{part}")))
        .chain(["train_accuracy".into(), "most_relied_on".into()]);
    let metrics: Vec<String> = metrics.collect();
    let of = |spec: TrialSpec| {
        let mut events = Vec::new();
        for metric in &metrics {
            let new = changed.iter().find(|(c, m, _)| *c == spec.condition && m == metric);
            let value = new.map_or_else(|| base(&spec.condition, metric), |(.., value)| *value);
            events.push(Event::Metric { step: 9, name: metric.clone(), value });
            events.push(Event::Vector { step: 9, name: format!("{metric}.resampled"), values: vec![value; 20] });
        }
        result(&spec, &events)
    };
    let results: Vec<TrialResult> = study.trials().into_iter().filter(|spec| spec.seed < seeds).map(of).collect();
    study.judge(&results)
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    let verdict = made_up(&vec![], 2);
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed));
    assert_eq!((verdict.effect, verdict.seeds.len()), (Some(0.5), 11));
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Reproduced, Undecided};
    let cases: [(&'static str, &'static str, f64, Outcome); 17] = [
        ("LMS-5", "auc_simple_randomised", 0.65, Partly),
        ("LMS-5", "auc_simple_randomised", 0.8, NotReproduced),
        ("LMS-5", "auc_rest_randomised", 0.95, Partly),
        ("MS-(5,7)", "auc_rest_randomised", 0.85, NotReproduced),
        ("MS-(5,7)", "auc_simple_randomised", 0.7, Partly),
        ("MS-(5,7)", "auc_standard", 0.98, Partly),
        ("noisy LMS-7", "accuracy_standard", 0.975, Partly),
        ("noisy LMS-7", "train_accuracy", 0.96, Partly),
        ("noisy LMS-7", "accuracy_simple_randomised", 0.6, Partly),
        ("noisy LMS-7", "accuracy_rest_randomised", 0.9, Partly),
        ("MS-7", "accuracy_standard", 0.98, Partly),
        ("noise + 5-slabs", "auc_simple_randomised", 0.98, NotReproduced),
        ("noise + 5-slabs", "auc_rest_randomised", 0.7, NotReproduced),
        ("LMS-5", "oracle.rest_only.auc_rest_randomised", 0.6, NotReproduced),
        ("equal 5-slabs", "auc_simple_randomised", 0.5, Reproduced),
        ("MS-(5,7)", "train_accuracy", 0.6, Undecided),
        ("noise + 5-slabs", "train_accuracy", 0.99, Undecided),
    ];
    for (condition, metric, value, expected) in cases {
        let verdict = made_up(&vec![(condition, metric, value)], 2);
        assert_eq!(verdict.outcome, expected, "{condition} {metric} {value}: {}", verdict.sentence);
        let failed = verdict.checks.iter().chain(&verdict.controls).any(|check| !check.passed);
        assert!(failed || expected == Undecided, "{condition} {metric} fails no check");
    }
    let both = vec![("LMS-5", "auc_simple_randomised", 0.65), ("MS-7", "accuracy_standard", 0.9)];
    assert_eq!(made_up(&both, 2).outcome, NotReproduced);
    assert_eq!(made_up(&vec![], 1).outcome, Undecided);
    assert_eq!(preset::<SimplicityBias>("quick").judge(&[]).outcome, Undecided);
}

#[test]
fn a_metric_that_a_seed_lacks_is_not_measured() {
    let study = preset::<SimplicityBias>("quick");
    let results: Vec<TrialResult> = study
        .trials()
        .into_iter()
        .map(|spec| result(&spec, &[Event::Metric { step: 1, name: "train_accuracy".into(), value: 1.0 }]))
        .collect();
    let verdict = study.judge(&results);
    assert_eq!(verdict.outcome, Outcome::NotReproduced);
    assert!(verdict.checks.iter().all(|check| !check.passed && check.effect.is_none()));
}
