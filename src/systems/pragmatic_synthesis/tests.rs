//! The system through the contract; the exact listeners of the sheet; a judge that can say no.

use serde_json::json;

use super::schedule::Arm;
use super::world::World;
use super::*;
use crate::contract::{Event, Outcome, Study, TrialResult};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, settings_of, takes_away_only, to_its_verdict,
};

/// A preset with few targets, samples and steps, everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<PragmaticSynthesis>(name, |value| {
        let settings = &mut value["settings"];
        settings["programs"] = json!({ "generated": { "parts": 2, "known": 60 } });
        settings["network"] = json!({ "width": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "hidden": 8 });
        settings["test"] = 5.into();
        settings["validation"] = 4.into();
        settings["asked"] = 6.into();
        for (field, change) in [
            ("literal", json!({ "listener_steps": 60, "speaker_steps": 60, "batch": 8, "warm_up": 2 })),
            ("play", json!({ "rounds": 2, "targets": 3, "samples": 20 })),
            ("tuning", json!({ "listener_steps": 2, "speaker_steps": 1 })),
        ] {
            for (name, value) in change.as_object().unwrap() {
                settings[field][name] = value.clone();
            }
        }
        value["seeds"] = 1.into();
    })
}

#[test]
fn the_ablation_takes_away_the_choice_and_nothing_else() {
    takes_away_only::<PragmaticSynthesis>(|settings| settings["play"]["choice"] = "uniform".into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        assert_eq!(outcome, Outcome::Undecided, "a listener of sixty steps is not trained");
        assert_eq!(panels, ["solved", "gains", "drift", "seeds"]);
        let of = |kind: &str, arm: Arm| results[0].vector(&arm.metric(kind)).unwrap().to_vec();
        for arm in Arm::ALL {
            assert_eq!((of("right", arm).len(), of("right_random", arm).len()), (5, 5), "{name}");
        }
        if name == "ablated" {
            assert_eq!(of("solved", Arm::Prax), of("solved", Arm::Shuffled), "without the choice both are one arm");
        }
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let study = shrunk("quick");
    let spec = &study.trials()[0];
    let ended = contract(study.as_ref(), spec);
    assert_eq!(ended.panels, ["board", "speaker", "consistency", "solved", "drift", "learning"]);
    assert_eq!((ended.steps as u64, ended.unread), (spec.steps, None));
    assert!(measured(study.as_ref(), spec).len() > 3);
}

#[test]
fn a_list_of_ones_own_is_played_with() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut lines: Vec<String> =
        crate::tasks::regexes::Language::of_parts(2).programs().iter().step_by(20).map(ToString::to_string).collect();
    lines.push("(a|b)*".into());
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let listed = |test: u64| {
        let mut value = shrunk("full").to_json();
        value["settings"]["programs"] = json!({ "file": file.path() });
        value["settings"]["test"] = test.into();
        (crate::contract::Entry::of::<PragmaticSynthesis>().open_json)(value)
    };
    let study = listed(5).unwrap();
    let settings = settings_of::<PragmaticSynthesis>(study.as_ref());
    let world = World::new(&settings, Key::new(1)).unwrap();
    assert_eq!((world.known.len(), world.skipped), (lines.len() - 1, 1));
    let mut events = Vec::new();
    let mut trial = study.start(&study.trials()[0], &crate::base::threads::Pool::serial()).unwrap();
    while !events.iter().any(|event| matches!(event, Event::Note { text, .. } if text.starts_with("1 lines"))) {
        assert_eq!(trial.step(&mut events).unwrap(), crate::contract::Flow::More);
    }
    let refused = listed(500).err().map(|error| format!("{error:?}")).unwrap_or_default();
    assert!(refused.contains("65 different programs"), "{refused}");
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<PragmaticSynthesis>(&[
        ("test: 200", "test: 0", "settings.test"),
        ("test: 200", "test: 900", "settings.programs.generated"),
        ("examples: 5", "examples: 4", "settings.examples"),
        ("heads: 4", "heads: 5", "settings.network.heads"),
        ("top_p: 0.9", "top_p: 0.0", "settings.play.top_p"),
        ("choice: most_telling", "choice: most_teling", "most_teling"),
        ("generated(parts: 2, known: None)", "generated(parts: 4, known: None)", "settings.programs.generated.parts"),
        ("generated(parts: 2, known: None)", "file(\"no such list\")", "no such list cannot be read"),
        ("decay: 0.6", "decay: 1.6", "settings.literal.decay"),
    ]);
}

/// The rows of the sheet, found on 120 targets to within 0.04; ours are other targets and draws, to within 0.02.
#[test]
fn the_exact_listeners_are_those_of_the_sheet() {
    let settings = settings_of::<PragmaticSynthesis>(preset::<PragmaticSynthesis>("quick").as_ref());
    let world = World::new(&settings, Key::new(5)).unwrap();
    assert_eq!((world.known.len(), world.test.len(), world.validation.len(), world.rounds.len()), (1298, 200, 98, 384));
    let mut sums = [0.0; 3].map(|_: f64| vec![0.0; 5]);
    let targets: Vec<usize> = [&world.test[..], &world.validation, &world.rounds].concat();
    let count = targets.len() as f64;
    for (place, target) in targets.iter().enumerate() {
        let said = exact::stand_in(&world, *target, 5, &mut Key::new(6).index(place as u64).stream());
        assert!(said.iter().all(|example| example.fits(&world.known.members()[*target])));
        for (sum, chances) in sums.iter_mut().zip(exact::solved(&world, *target, &said)) {
            sum.iter_mut().zip(chances).for_each(|(sum, chance)| *sum += chance / count);
        }
    }
    let sheet =
        [[0.024, 0.093, 0.296, 0.536, 0.661], [0.162, 0.304, 0.546, 0.725, 0.775], [0.162, 0.333, 0.633, 0.883, 0.950]];
    println!("{:.3?}", exact::NAMES.iter().zip(&sums).collect::<Vec<_>>());
    for ((found, expected), name) in sums.iter().zip(sheet).zip(exact::NAMES) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 0.08, "{name}: {found:.3} where the sheet has {expected}");
        }
    }
    assert!(sums[2][4] > sums[1][4] + 0.1 && sums[1][4] > sums[0][4]);
}

#[test]
fn enough_telling_examples_leave_one_program() {
    let settings = settings_of::<PragmaticSynthesis>(preset::<PragmaticSynthesis>("quick").as_ref());
    let world = World::new(&settings, Key::new(5)).unwrap();
    for target in (0..world.known.len()).step_by(37) {
        let greedy = world.spoken(target, 16, f64::INFINITY, &mut Key::new(1).stream());
        assert_eq!(world.context(&greedy).programs().collect::<Vec<_>>(), [target]);
    }
}

/// Verdict on made-up results of `quick`: s@5 of each arm in the order of [`Arm::ALL`], and with random examples.
fn made_up(chosen: [f64; 4], random: [f64; 4], exact: f64) -> Verdict {
    let study = preset::<PragmaticSynthesis>("quick");
    let of = |spec| {
        let mut events = vec![Event::Metric { step: 9, name: "exact.l0.judged".into(), value: exact }];
        for (arm, (chosen, random)) in Arm::ALL.into_iter().zip(chosen.into_iter().zip(random)) {
            let right = |value: f64| (0..200).map(|i| f64::from(u8::from(f64::from(i) < 200.0 * value))).collect();
            events.push(Event::Metric { step: 9, name: arm.metric("s5"), value: chosen });
            events.push(Event::Vector { step: 9, name: arm.metric("right"), values: right(chosen) });
            events.push(Event::Vector { step: 9, name: arm.metric("right_random"), values: right(random) });
        }
        result(&spec, &events)
    };
    let results: Vec<TrialResult> = study.trials().into_iter().map(of).collect();
    study.judge(&results)
}

#[test]
fn the_judge_accepts_what_the_paper_claims_and_refuses_each_way_to_fail() {
    use Outcome::{NotReproduced, Partly, Reproduced, Undecided};
    // LIT+, HFT, PraX, SHUF.
    let flat = [0.4; 4];
    for (chosen, random, exact, outcome, told) in [
        ([0.65, 0.80, 0.80, 0.66], flat, 0.66, Reproduced, "every check holds"),
        ([0.65, 0.70, 0.74, 0.62], flat, 0.66, Reproduced, "every check holds"),
        ([0.65, 0.90, 0.80, 0.66], flat, 0.66, Partly, "H failed"),
        ([0.65, 0.80, 0.80, 0.74], flat, 0.66, Partly, "S failed"),
        ([0.65, 0.80, 0.80, 0.80], flat, 0.66, Partly, "S failed"),
        ([0.65, 0.70, 0.70, 0.65], flat, 0.66, Partly, "G failed"),
        ([0.65, 0.66, 0.67, 0.65], flat, 0.66, NotReproduced, "G failed"),
        ([0.65, 0.60, 0.62, 0.70], flat, 0.66, NotReproduced, "G, S failed"),
        ([0.65, 0.80, 0.80, 0.66], [0.40, 0.40, 0.44, 0.40], 0.66, NotReproduced, "R failed"),
        ([0.55, 0.80, 0.80, 0.56], flat, 0.66, Undecided, "LIT+ solves 0.550"),
        ([0.57, 0.80, 0.80, 0.56], flat, 0.66, Reproduced, "every check holds"),
    ] {
        let verdict = made_up(chosen, random, exact);
        assert_eq!(verdict.outcome, outcome, "{chosen:?} {random:?}: {}", verdict.sentence);
        assert!(verdict.sentence.contains(told), "{told}: {}", verdict.sentence);
    }
    let nothing = preset::<PragmaticSynthesis>("quick").judge(&[]);
    assert_eq!(nothing.outcome, Undecided);
}
