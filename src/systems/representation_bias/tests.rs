//! The system through the contract: presets, trials, resume, and a judge that can say no.

use super::*;
use crate::base::threads::Pool;
use crate::contract::{Checkpoint, Event, Outcome, Study, TrialResult, TrialSpec};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, run, settings_of, takes_away_only, to_its_verdict,
};

/// The first replica of the shipped presets.
const FIRST: u64 = 3;

/// The settings of a shipped preset.
pub(super) fn preset_settings(name: &str) -> Settings {
    settings_of::<RepresentationBias>(preset::<RepresentationBias>(name).as_ref())
}

/// A preset with small networks, few inputs and steps, everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<RepresentationBias>(name, |value| {
        let settings = &mut value["settings"];
        settings["batch"] = 8.into();
        settings["evaluation"] = serde_json::json!(
        { "validation": 48, "test": 40, "probe": 32, "early": 2, "early_until": 2, "every": 3 });
        for condition in settings["conditions"].as_array_mut().unwrap() {
            if condition["steps"] != 0 {
                condition["steps"] = 4.into();
            }
            if condition["alone"] != 0 {
                condition["alone"] = 3.into();
            }
            if let Some(width) = condition["network"].get_mut("mlp").map(|mlp| &mut mlp["width"]) {
                *width = 6.into();
            }
        }
        value["seeds"] = 1.into();
    })
}

fn spec(study: &dyn Study, name: &str) -> TrialSpec {
    study.trials().into_iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("no trial {name}"))
}

#[test]
fn the_ablation_takes_away_the_gap_in_complexity_and_nothing_else() {
    takes_away_only::<RepresentationBias>(|settings| settings["complexity_gap"] = false.into());
}

#[test]
fn judgement_begins_behind_the_replicas_on_which_the_setting_was_chosen() {
    for name in ["quick", "full", "ablated"] {
        assert!(preset_settings(name).first_replica >= FIRST);
    }
    let study = shrunk("quick");
    let results: Vec<TrialResult> = study.trials().into_iter().map(TrialResult::new).collect();
    assert!(study.judge(&results).seeds.iter().all(|row| row.seed == FIRST));
    assert!(RepresentationBias::CARD.shrunk.contains("the first plan, three layers with Adam, failed"));
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        for result in &results {
            for metric in ["r2_first", "gap", "accuracy_second", "shuffled_r2", "density_first"] {
                assert!(result.last(metric).is_some(), "{name} {} lacks {metric}", result.spec.name);
            }
        }
        assert_eq!(outcome, Outcome::Undecided, "one seed of four steps decides nothing");
        assert_eq!(panels.len(), 4);
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let study = shrunk("full");
    for spec in study.trials() {
        let ended = contract(study.as_ref(), &spec);
        assert!(ended.steps > 5, "{} ended after {} steps", spec.name, ended.steps);
        assert_eq!(ended.panels, ["growth", "layers", "components", "units", "turning"]);
        assert_eq!(ended.unread.is_some_and(|why| why.contains("untrained")), spec.name == "untrained.s3");
    }
    let measured = measured(study.as_ref(), &spec(study.as_ref(), "easy-hard.s3"));
    assert!(["representation", "reliance"].iter().all(|name| measured.iter().any(|m| m == name)), "{measured:?}");
}

#[test]
fn a_gate_that_is_missed_doubles_the_steps_once_and_says_so() {
    let study = shrunk("quick");
    let spec = spec(study.as_ref(), "hard-first.s3");
    let events = run(study.as_ref(), &spec, 1);
    let told = |text: &str| events.iter().filter_map(Event::note).filter(|(.., note)| note.contains(text)).count();
    assert_eq!(told("it goes on to 11"), 1);
    let last = result(&spec, &events).metrics["r2_first"].last().unwrap().0;
    assert_eq!(last, 11);
}

#[test]
fn a_checkpoint_of_another_trial_is_refused() {
    let study = shrunk("full");
    let start = |name: &str| study.start(&spec(study.as_ref(), name), &Pool::serial()).unwrap();
    let error = start("6-layers.s3").restore(&start("easy-hard.s3").save()).unwrap_err().to_string();
    assert!(error.contains("lacks the tensor layers.4.weight"), "{error}");
    assert!(start("easy-hard.s3").restore(&Checkpoint::default()).is_err());
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<RepresentationBias>(&[
        ("validation: 8192", "validation: 20000", "settings.evaluation.validation"),
        ("probe: 2048", "probe: 9000", "settings.evaluation.probe"),
        ("first: bit(1)", "first: bit(2)", "bit 2 in both features"),
        ("parity([2, 3, 4])", "parity([2, 3, 17])", "bits are 1 to 16"),
        ("width: 128", "width: 0", "settings.conditions[0].network"),
        ("network: mlp(width: 128, layers: 4)", "network: cnn", "an mlp, except for digits"),
        ("told: 0.1", "told: 0.0", "settings.conditions[4].told"),
        ("steps: 1500", "steps: 0", "settings.conditions[0].steps"),
        ("name: \"untrained\"", "name: \"rare-easy\"", "a name of its own"),
        ("first_replica: 3", "first_replica: -3", "first_replica"),
        ("first_replica: 3", "first_replica: 100001", "settings.first_replica"),
    ]);
}

/// Results of `quick` in which everything holds, with some numbers replaced: condition, seed counted from the first
/// (all if none), metric.
fn made_up(changed: &[(&str, Option<u64>, &str, f64)], seeds: u64) -> Verdict {
    let study = preset::<RepresentationBias>("quick");
    let base = |spec: &TrialSpec, metric: &str| {
        let place = spec.seed - FIRST;
        let sign = if place.is_multiple_of(2) { 1.0 } else { -1.0 };
        match (spec.condition.as_str(), metric) {
            (_, "accuracy_first" | "accuracy_second") => 1.0,
            (_, "shuffled_r2") => 0.0,
            (_, "growth_first") => 0.6,
            ("easy+hard", "r2_first") => 0.75,
            ("easy+hard", "r2_second") => 0.05,
            ("easy+hard", "gap") => 0.70 + 0.01 * place as f64,
            ("hard-first", "gap") => 0.35 + 0.02 * place as f64,
            ("easy+easy" | "hard+hard", "gap") => 0.04 * sign,
            _ => 0.4,
        }
    };
    let metrics = ["accuracy_first", "accuracy_second", "r2_first", "r2_second", "gap", "growth_first", "shuffled_r2"];
    let of = |spec: TrialSpec| {
        let event = |metric: &&str| {
            let fits = |(condition, seed, name, _): &&(&str, Option<u64>, &str, f64)| {
                *condition == spec.condition && seed.is_none_or(|seed| FIRST + seed == spec.seed) && name == metric
            };
            let value = changed.iter().find(fits).map_or_else(|| base(&spec, metric), |(.., value)| *value);
            Event::Metric { step: 1500, name: (*metric).to_owned(), value }
        };
        let events: Vec<Event> = metrics.iter().map(event).collect();
        result(&spec, &events)
    };
    let results: Vec<TrialResult> =
        study.trials().into_iter().filter(|spec| spec.seed < FIRST + seeds).map(of).collect();
    study.judge(&results)
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    let verdict = made_up(&[], 5);
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed));
    assert!((verdict.effect.unwrap() - 0.715).abs() < 1e-9);
    // One of the two further claims is enough.
    for one in [("easy+hard", None, "growth_first", -0.1), ("hard-first", None, "gap", 0.8)] {
        let verdict = made_up(&[one], 5);
        assert_eq!(verdict.outcome, Outcome::Reproduced, "{one:?}");
        assert_eq!(verdict.checks.iter().filter(|check| !check.passed).count(), 1, "{one:?}");
    }
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Undecided};
    let cases = [
        (vec![("easy+hard", None, "gap", 0.1)], NotReproduced),
        (vec![("easy+hard", Some(0), "gap", -2.0)], NotReproduced),
        (vec![("easy+hard", None, "r2_second", 0.4)], NotReproduced),
        (vec![("hard+hard", Some(2), "shuffled_r2", 0.02)], NotReproduced),
        (vec![("easy+easy", None, "gap", 0.06)], Partly),
        (vec![("hard+hard", None, "gap", -0.06)], Partly),
        (vec![("hard+hard", Some(0), "gap", 0.4), ("hard+hard", Some(1), "gap", -0.4)], Partly),
        (vec![("easy+hard", None, "growth_first", -0.1), ("hard-first", None, "gap", 0.8)], Partly),
        (vec![("easy+hard", None, "growth_first", -0.1), ("hard-first", None, "gap", -0.1)], Partly),
        (vec![("easy+hard", Some(1), "accuracy_second", 0.98)], Undecided),
        (
            vec![("hard+hard", Some(1), "accuracy_second", 0.9), ("hard+hard", Some(3), "accuracy_first", 0.9)],
            Undecided,
        ),
        (vec![("easy+easy", None, "accuracy_first", 0.5)], Undecided),
    ];
    for (changed, expected) in cases {
        let verdict = made_up(&changed, 5);
        assert_eq!(verdict.outcome, expected, "{changed:?}: {}", verdict.sentence);
    }
    // One run of five may be lost.
    let lost = made_up(&[("easy+easy", Some(4), "accuracy_first", 0.5)], 5);
    assert!(lost.outcome == Outcome::Reproduced && lost.sentence.contains("1 runs lost"), "{}", lost.sentence);
    assert_eq!(made_up(&[], 2).outcome, Undecided);
    assert_eq!(preset::<RepresentationBias>("quick").judge(&[]).outcome, Undecided);
}

#[test]
fn the_gate_asks_for_both_features_and_their_nearness() {
    for (accuracy, passes) in [([1.0, 0.99], true), ([0.99, 0.99], true), ([0.989, 0.99], false), ([1.0, 0.985], false)]
    {
        assert_eq!(judge::gate(accuracy), passes, "{accuracy:?}");
    }
}
