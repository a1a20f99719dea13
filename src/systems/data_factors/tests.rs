//! The system through the contract: sets as in the sheet, presets, trials, resume, and a judge that can say no.

use super::data::{Lines, Renaming, Sets, in_vocabulary};
use super::settings::{Arm, Corpus, Data, Difficulty, Files, Order};
use super::*;
use crate::contract::{Event, Outcome, Study, TrialResult};
use crate::tasks::scan::{self, Example, Split};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, settings_of, takes_away_only, to_its_verdict,
};

/// A preset with a small network and few steps.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<DataFactors>(name, |value| {
        let settings = &mut value["settings"];
        settings["network"] = serde_json::json!({
            "width": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "hidden": 8
        });
        settings["examination"] =
            serde_json::json!({ "every": 2, "lines": 6, "commands": 8, "variants": 1, "beam": 1 });
        settings["training"]["batch"] = 10.into();
        let arms = settings["arms"].as_array_mut().unwrap();
        if name == "full" {
            // One of each kind; SCAN's sets of millions are another test's.
            let kept = |arm: &serde_json::Value| {
                let text = arm["data"].to_string();
                !["primitives", "repeated", "synonyms", "vocabularies"].iter().any(|kind| text.contains(kind))
            };
            arms.retain(kept);
        }
        for arm in arms {
            arm["steps"] = 4.into();
            if let Some(length) = arm["data"].get_mut("length") {
                length["lines"] = 30.into();
                length["words"] = 4.into();
            }
            if let Some(difficulty) = arm["data"].get_mut("difficulty") {
                difficulty["lines"] = 30.into();
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        settings["arms"].as_array_mut().unwrap().retain(|arm| seen.insert(format!("{}{}", arm["corpus"], arm["data"])));
        value["seeds"] = 1.into();
    })
}

fn quick() -> Settings {
    settings_of::<DataFactors>(preset::<DataFactors>("quick").as_ref())
}

fn arm(corpus: Corpus, data: Data) -> Arm {
    Arm { corpus, data, order: Order::Shuffled, steps: 1, seeds: None }
}

fn sets(data: Data) -> Sets {
    Sets::new(&quick(), &arm(Corpus::Phrases, data), Key::new(1)).unwrap()
}

fn all(lines: &Lines) -> Vec<Example> {
    (0..lines.count()).map(|number| lines.line(number)).collect()
}

fn total(sets: &Sets) -> u64 {
    sets.lines.count() + sets.isolated.count()
}

#[test]
fn sets_are_as_large_as_in_the_sheet() {
    for (data, lines, tests) in [
        (Data::Original, 82, 20),
        (Data::Primitives(20), 1_362, 100),
        (Data::Primitives(40), 2_642, 100),
        (Data::Synonyms(20), 1_362, 100),
        (Data::Vocabularies(20), 1_722, 20),
        (Data::Repeated(20), 81 + 21, 100),
    ] {
        let sets = sets(data);
        assert_eq!((total(&sets), sets.tests.len()), (lines, tests), "{data:?}");
        assert_eq!(sets.new_word.as_deref(), Some("jump"));
        let mut different = all(&sets.lines);
        different.extend(all(&sets.isolated));
        different.sort();
        different.dedup();
        assert_eq!(different.len() as u64, lines, "{data:?}: no line twice");
        assert_eq!(sets.lines.lengths().len() as u64, sets.lines.count());
        // The symbols are those of the lines and tests.
        let mut words = std::collections::BTreeSet::new();
        words.extend(
            different.iter().chain(sets.tests.iter().map(|test| &test.example)).flat_map(|l| l.command.clone()),
        );
        let [known, _] = sets.symbols();
        assert!(words.is_subset(&known) && (known.len() == words.len() || matches!(data, Data::Repeated(_))));
    }
    let rows: std::collections::BTreeSet<String> =
        sets(Data::Original).tests.into_iter().map(|test| test.row).collect();
    assert_eq!(rows.len(), 20);
}

#[test]
fn without_new_symbols_copies_are_the_same_lines_again() {
    let settings = Settings { new_symbols: false, ..quick() };
    for data in [Data::Primitives(20), Data::Vocabularies(20)] {
        let copies = Sets::new(&settings, &arm(Corpus::Phrases, data), Key::new(1)).unwrap();
        assert_eq!((total(&copies), copies.tests.len()), (21 * 82, 20));
        assert_eq!(copies.symbols(), sets(Data::Original).symbols());
    }
}

#[test]
fn every_verb_of_a_line_is_kept_or_replaced_on_both_sides() {
    let scan: Vec<Example> = scan::commands();
    let lines = Lines::new(scan.clone(), 1, Renaming::Verbs { actions: true });
    let verbs = |line: &Example| scan::VERBS.iter().filter(|verb| line.has(verb.0)).count() as u32;
    assert_eq!(lines.count(), scan.iter().map(|line| 2u64.pow(verbs(line))).sum::<u64>());
    let two = scan.iter().find(|line| line.command_text() == "walk twice and jump").unwrap().clone();
    let texts: Vec<String> = all(&Lines::new(vec![two.clone()], 1, Renaming::Verbs { actions: true }))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        texts,
        [
            "IN: walk twice and jump OUT: I_WALK I_WALK I_JUMP",
            "IN: walk1 twice and jump OUT: I_WALK1 I_WALK1 I_JUMP",
            "IN: walk twice and jump1 OUT: I_WALK I_WALK I_JUMP1",
            "IN: walk1 twice and jump1 OUT: I_WALK1 I_WALK1 I_JUMP1",
        ]
    );
    let synonyms = all(&Lines::new(vec![two], 1, Renaming::Verbs { actions: false }));
    assert_eq!(synonyms[3].to_string(), "IN: walk1 twice and jump1 OUT: I_WALK I_WALK I_JUMP");
}

#[test]
fn no_copy_of_the_new_word_is_trained_in_a_context() {
    let sets =
        Sets::new(&quick(), &arm(Corpus::Scan(Split::AddPrimitiveJump), Data::Primitives(2)), Key::new(1)).unwrap();
    assert_eq!(sets.isolated.count(), 3);
    let jumps = |line: &Example| line.command.iter().any(|word| word.starts_with("jump"));
    assert!(!all(&sets.lines).iter().any(jumps));
    assert!(all(&sets.isolated).iter().all(|line| line.command.len() == 1));
    assert!(sets.tests.iter().all(|test| jumps(&test.example) && test.row.contains("jump")));
    // The set of N = 20 copies is there without its millions of lines.
    let large =
        Sets::new(&quick(), &arm(Corpus::Scan(Split::AddPrimitiveJump), Data::Primitives(20)), Key::new(1)).unwrap();
    assert!(large.lines.count() > 2_000_000);
    assert!(large.lines.line(large.lines.count() - 1).command.len() > 1);
    let around =
        Sets::new(&quick(), &arm(Corpus::Scan(Split::TemplateAroundRight), Data::Original), Key::new(1)).unwrap();
    assert_eq!((around.lines.count(), around.isolated.count(), around.new_word), (15_225, 0, None));
    assert!(around.tests.iter().all(|test| test.row.contains("around right")));
}

#[test]
fn no_copies_are_the_original_and_a_copy_s_vocabulary_is_its_own() {
    let lines = scan::phrases();
    for renaming in [Renaming::Nothing, Renaming::Verbs { actions: true }, Renaming::All] {
        assert_eq!(all(&Lines::new(lines.clone(), 0, renaming)), lines);
    }
    let copies = Lines::new(lines.clone(), 4, Renaming::All);
    let [words, actions] = copies.symbols();
    // Phrases have 11 of SCAN's 13 words: the conjunctions are missing.
    assert_eq!((words.len(), actions.len()), (5 * 11, 5 * 6));
    let [words, _] = Lines::new(scan::commands(), 2, Renaming::All).symbols();
    assert_eq!(words.len(), 3 * 13);
    for line in &lines {
        let there = in_vocabulary(line, 3);
        let back = |symbols: &[String]| symbols.iter().map(|s| s.trim_end_matches("@3").to_owned()).collect();
        assert_eq!(Example { command: back(&there.command), actions: back(&there.actions) }, *line);
        assert!(there.command.iter().all(|word| word.ends_with("@3")));
    }
}

#[test]
fn longer_and_harder_chains_are_what_they_are_called() {
    let make = |data: Data| Sets::new(&quick(), &arm(Corpus::Chains, data), Key::new(2)).unwrap();
    let long = make(Data::Length { words: 8, lines: 200 });
    assert!(all(&long.lines).iter().all(|line| line.command.len() <= 8));
    assert!(long.tests.iter().all(|test| (9..=16).contains(&test.example.command.len())));
    for count in [1, 4, 8] {
        let hard = make(Data::Difficulty { by: Difficulty::Verbs(count), lines: 100 });
        for line in all(&hard.lines) {
            let mut verbs: Vec<&String> = line.actions.iter().filter(|action| !action.contains("TURN")).collect();
            verbs.sort();
            verbs.dedup();
            assert_eq!(verbs.len(), count);
            assert!(!line.has("jump") && line.command.len() <= 32);
        }
        assert_eq!(hard.isolated.count(), 1);
        assert!(hard.tests.iter().all(|test| test.example.has("jump")));
    }
    let short = make(Data::Difficulty { by: Difficulty::Words(8), lines: 100 });
    assert!(all(&short.lines).iter().all(|line| !line.has("jump") && line.command.len() <= 8));
}

/// A file with this text, removed when dropped.
struct Text(std::path::PathBuf);

impl Text {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ansatz-data-factors-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Text(path)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn files_of_the_authors_run_through_the_same_arms() {
    let (train, test) = scan::split(Split::AddPrimitiveJump, 0);
    let text = |lines: &[Example]| {
        let mut out = Vec::new();
        scan::write(lines, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let some: Vec<Example> = train.iter().step_by(60).chain(&train[14_600..]).cloned().collect();
    let (train, test) = (Text::new("train", &text(&some)), Text::new("test", &text(&test[..40])));
    let files = Files { train: train.0.clone(), test: test.0.clone() };
    let sets = Sets::new(&quick(), &arm(Corpus::Files(files.clone()), Data::Primitives(2)), Key::new(1)).unwrap();
    assert_eq!((sets.isolated.count(), sets.tests.len(), sets.new_word.as_deref()), (3, 100, Some("jump")));
    let wrong = Text::new("wrong", "IN: jump OUT: I_JUMP\njump I_JUMP\n");
    let told = data::read(&Files { test: wrong.0.clone(), ..files }).unwrap_err();
    assert!(told.contains("wrong") && told.contains("line 2"), "{told}");
}

#[test]
fn the_ablation_takes_away_the_new_symbols_and_nothing_else() {
    takes_away_only::<DataFactors>(|settings| settings["new_symbols"] = false.into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        for result in &results {
            for metric in ["zero_shot", "train_accuracy", "loss", "lines", "shown"] {
                assert!(result.last(metric).is_some_and(f64::is_finite), "{name} {} lacks {metric}", result.spec.name);
            }
            assert_eq!(result.metrics["zero_shot"].len(), 3, "a look at the beginning and every two steps");
        }
        assert_eq!(outcome, Outcome::Undecided, "nothing is learned in four steps");
        assert_eq!(panels, ["arms-race", "repetition", "ends", "seeds"], "{name}");
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let study = changed::<DataFactors>("quick", |value| {
        *value = shrunk("quick").to_json();
        let arms = value["settings"]["arms"].as_array_mut().unwrap();
        arms.truncate(2);
        arms.push(serde_json::json!({
            "corpus": "phrases", "data": { "primitives": 20 }, "order": "always_novel", "steps": 4
        }));
        value["settings"]["training"]["pool"] = 2.into();
        value["settings"]["examination"]["beam"] = 2.into();
    });
    for spec in study.trials() {
        assert_eq!(contract(study.as_ref(), &spec).panels, ["race", "clock", "board", "embeddings"], "{}", spec.name);
    }
    assert!(measured(study.as_ref(), &study.trials()[0]).contains(&"fit".to_owned()));
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<DataFactors>(&[
        ("heads: 2", "heads: 3", "settings.network.heads"),
        ("isolated: 0.1", "isolated: 0.9", "settings.training.isolated"),
        ("primitives(20)", "primitives(900)", "settings.arms[1].data.primitives"),
        ("primitives(20)", "original", "settings.arms[1].data"),
        ("corpus: phrases, data: original", "corpus: chains, data: original", "settings.arms[0].corpus"),
        ("corpus: phrases, data: original", "corpus: scan(jump), data: original", "jump"),
        ("steps: 1000", "steps: 0", "settings.arms[0].steps"),
        ("beam: 1", "beams: 1", "beams"),
        (
            "corpus: phrases, data: original",
            "corpus: files((train: \"/nowhere/a\", test: \"/nowhere/b\")), data: original",
            "/nowhere/a",
        ),
    ]);
}

/// Made-up results: the shares of right commands and of right training lines, by the label of the arm.
fn judged(name: &str, found: impl Fn(&str) -> (f64, f64)) -> Verdict {
    let study = preset::<DataFactors>(name);
    let of = |spec: crate::contract::TrialSpec| {
        let (z, train) = found(&spec.condition);
        let metric = |name: &str, value: f64| Event::Metric { step: 9, name: name.into(), value };
        let values = (0..100).map(|i| f64::from(u8::from(f64::from(i) < 100.0 * z))).collect();
        let right = Event::Vector { step: 9, name: "zero_shot.by_command".into(), values };
        result(&spec, &[metric("zero_shot", z), metric("train_accuracy", train), right])
    };
    let results: Vec<TrialResult> = study.trials().into_iter().map(of).collect();
    study.judge(&results)
}

#[test]
fn the_judge_says_yes_and_no() {
    use Outcome::{NotReproduced, Partly, Reproduced, Undecided};
    let of = |plain: f64, complex: f64| {
        judged("quick", move |label| match label {
            "1x" => (plain, 1.0),
            "20x" => (complex, 0.99),
            _ => (0.0, 1.0),
        })
    };
    let verdict = of(0.0, 0.3);
    assert_eq!(verdict.outcome, Reproduced, "{}", verdict.sentence);
    assert!(
        verdict.effect.is_some_and(|effect| (effect - 0.3).abs() < 1e-9) && verdict.sentence.contains("AugZero-20")
    );
    for (plain, complex, outcome) in [
        (0.0, 0.1, Partly),
        (0.0, 0.02, NotReproduced),
        (0.0, 0.0, NotReproduced),
        (0.2, 0.9, NotReproduced),
        (0.3, 0.1, NotReproduced),
    ] {
        assert_eq!(of(plain, complex).outcome, outcome, "{plain} {complex}");
    }
    for (plain, complex) in [(0.9, 1.0), (1.0, 0.9)] {
        let untrained = judged("quick", move |label| match label {
            "1x" => (0.0, plain),
            _ => (0.5, complex),
        });
        assert_eq!(untrained.outcome, Undecided, "{}", untrained.sentence);
    }
    assert_eq!(preset::<DataFactors>("quick").judge(&[]).outcome, Undecided);
    // Without new symbols 20x is 1x.
    assert_eq!(judged("ablated", |_| (0.0, 1.0)).outcome, NotReproduced);
}

#[test]
fn in_full_three_claims_are_weighed_and_difficulty_is_told() {
    use Outcome::{NotReproduced, Partly, Reproduced};
    let full = |complex: f64, repeated: f64, long: f64| {
        judged("full", move |label| {
            let z = match label {
                "addprim jump, 20x" => complex,
                "addprim jump, 20x, repeated" => repeated,
                "up to 32 words" => long,
                "1 verbs a line" => 0.4,
                "8 verbs a line" => 0.2,
                _ => 0.0,
            };
            (z, 1.0)
        })
    };
    let verdict = full(0.6, 0.2, 0.3);
    assert_eq!(verdict.outcome, Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().any(|check| check.id == "difficulty" && check.passed));
    assert_eq!(verdict.controls.iter().map(|check| check.statistic.as_str()).collect::<Vec<_>>(), ["z(1x)"]);
    assert_eq!(full(0.25, 0.0, 0.3).outcome, Partly, "SCAN asks for 0.30");
    assert_eq!(full(0.6, 0.55, 0.3).outcome, Partly);
    assert_eq!(full(0.6, 0.2, 0.05).outcome, Partly);
    assert_eq!(full(0.6, 0.55, 0.05).outcome, NotReproduced);
}
