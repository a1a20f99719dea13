//! The system through the contract; trees of the whole of SCAN against its grammar; a judge that can say no.

use super::abduction::{Abduction, Module, Repair};
use super::corpus::{scan_language, scan_sentence};
use super::function::Function;
use super::program::{Operation, Program};
use super::semantics::{Cache, Choice, Semantics};
use super::transitions::{Action, State, replayed};
use super::tree::Tree;
use super::value::{Kind, Language, Value};
use super::*;
use crate::base::threads::Pool;
use crate::contract::{Body, Entry, Event, Outcome, Study, TrialResult, TrialSpec};
use crate::tasks::scan::commands;
use crate::training::testing::{changed, contract, preset, refused, result, run, takes_away_only, to_its_verdict};

/// A preset with few sentences, epochs and steps, everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<NeuralSymbolic>(name, |value| {
        let settings = &mut value["settings"];
        settings["transformer"] = serde_json::json!({
            "network": { "width": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "hidden": 8 },
            "steps": 4, "batch": 4, "learning_rate": 1e-3, "warm_up": 2, "decay": 2, "every": 2,
        });
        settings["parser"]["hidden"] = 8.into();
        for grid in settings["grids"].as_array_mut().unwrap() {
            for (task, data) in grid["data"].as_object_mut().unwrap() {
                let (field, count) = match task.as_str() {
                    "scan" => ("joined", 10),
                    "pcfg" => ("lines", 300),
                    _ => ("train", 10),
                };
                data[field] = count.into();
                data["test"] = 6.into();
            }
            // To start HINT is to list its small expressions, and to look at all pictures.
            let hint = grid["data"]["hint"].is_object();
            grid["learning"]["epochs"] = if hint { 1 } else { 3 }.into();
            grid["learning"]["sentences"] = 30.into();
        }
        value["seeds"] = 1.into();
    })
}

#[test]
fn the_ablation_takes_away_abduction_and_nothing_else() {
    takes_away_only::<NeuralSymbolic>(|settings| settings["abduction"] = false.into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let (results, outcome, panels) = to_its_verdict(shrunk(name).as_ref());
        for result in &results {
            assert!(result.last("accuracy").is_some_and(f64::is_finite), "{name} {}", result.spec.name);
            let (right, hint) = (result.vector("right").map(<[f64]>::len), result.spec.name.contains("HINT"));
            assert_eq!(right, Some(if hint { 30 } else { 6 }), "{name} {}", result.spec.name);
            assert_eq!(result.last("accuracy_ll").is_some(), hint, "{name} {}", result.spec.name);
        }
        assert_eq!(outcome, Outcome::Undecided, "a Transformer of four steps is not trained");
        let hint = if name == "full" { &["tests"][..] } else { &[] };
        assert_eq!(panels, [&["accuracy", "learning", "seeds"], hint].concat());
        if name == "ablated" {
            let learned = results.iter().filter_map(|result| result.last("programs")).fold(0.0, f64::max);
            assert_eq!(learned, 0.0, "without abduction nothing is ever right");
        }
    }
}

#[test]
fn trials_keep_the_contract_and_show_the_sheet() {
    let (study, full) = (shrunk("quick"), shrunk("full"));
    let find = |study: &dyn Study, name: &str| study.trials().into_iter().find(|spec| spec.name == name).unwrap();
    for (study, name) in [
        (&study, "NSR-SCAN-add-jump.s0"),
        (&study, "tables-for-programs-SCAN-length.s0"),
        (&full, "NSR-PCFG-productivity.s0"),
        (&full, "NSR-HINT.s0"),
        (&full, "NSR-HINT-images.s0"),
    ] {
        let ended = contract(study.as_ref(), &find(study.as_ref(), name));
        assert_eq!(ended.panels, ["tree", "symbols", "curves", "failures"], "{name}");
        assert!(ended.unread.is_some_and(|why| why.contains("trains no model")));
    }
    let ended = contract(study.as_ref(), &find(study.as_ref(), "Transformer-SCAN-length.s0"));
    assert_eq!((ended.panels, ended.unread), (vec!["curves".to_owned(), "answers".to_owned()], None));
}

#[test]
fn the_transformers_answers_are_shown_in_words() {
    let full = shrunk("full");
    for (name, word, token) in [("Transformer-SCAN-length.s0", "after", "LT"), ("Transformer-HINT.s0", "*", "1")] {
        let spec = full.trials().into_iter().find(|spec| spec.name == name).unwrap();
        let mut trial = full.start(&spec, &Pool::serial()).unwrap();
        let panel = trial.panels().into_iter().find(|panel| panel.id == "answers").unwrap();
        let Body::Table(table) = panel.body else { panic!("{name} shows no table") };
        let has = |column: usize, word: &str| table.rows.iter().any(|row| row[column].split(' ').any(|w| w == word));
        assert!(has(0, word) && has(2, token), "{name}: {:?}", table.rows);
    }
}

#[test]
fn a_users_own_files_are_learned_in_all_three_formats() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let scan = "IN: walk OUT: I_WALK\nIN: run left OUT: I_TURN_LEFT I_RUN\n";
    let hint = r#"[{"expr":"7","head":[-1],"res":7},{"expr":"7/2","head":[1,-1,1],"res":4}]"#;
    let sources = file("lines.src", "copy A1 B2\nreverse A1 B2\n");
    file("lines.tgt", "A1 B2\nB2 A1\n");
    let others = [file("own.txt", scan), file("own.json", hint)];
    let with = |train: &str, test: &str| {
        let data = serde_json::json!({ "file": { "train": train, "test": test, "tested": 5 } });
        let mut value = shrunk("quick").to_json();
        value["settings"]["grids"] = serde_json::json!([value["settings"]["grids"][0]]);
        value["settings"]["grids"][0]["data"] = data;
        (Entry::of::<NeuralSymbolic>().open_json)(value)
    };
    for path in others.iter().chain([&sources]) {
        let study = with(path, path).unwrap();
        for spec in study.trials().iter().filter(|spec| spec.seed == 0 && spec.axes["learner"] != "no abduction") {
            let result = result(spec, &run(study.as_ref(), spec, 1));
            assert_eq!(result.vector("right").map(<[f64]>::len), Some(2), "{path} {}", spec.name);
        }
    }
    let none = folder.path().join("none.txt").to_str().unwrap().to_owned();
    let unknown = file("unknown.txt", "IN: wolk OUT: I_WALK\n");
    let wrong = file("wrong.json", &hint.replace("\"res\":4", "\"res\":3"));
    for (train, test, told) in [
        (&none, &none, "none.txt"),
        (&others[0], &unknown, "`walk`?"),
        (&others[1], &wrong, "entry 2"),
        (&others[0], &others[1], "the same format"),
    ] {
        let error = format!("{:?}", with(train, test).err().unwrap());
        assert!(error.contains(told) && error.contains("data.file.train"), "{error}");
    }
}

#[test]
fn phrases_are_learned_from_their_answers() {
    let study = changed::<NeuralSymbolic>("quick", |value| {
        let grid = &mut value["settings"]["grids"][0];
        grid["data"]["scan"]["joined"] = 1.into();
        grid["data"]["scan"]["test"] = 1.into();
        grid["learning"]["epochs"] = 6.into();
        grid["learning"]["sentences"] = 150.into();
        grid["learning"]["curriculum"] = serde_json::json!([{ "from": 0, "words": 2 }, { "from": 2, "words": 3 }]);
    });
    let spec = &study.trials()[0];
    let events = run(study.as_ref(), spec, 1);
    let result = result(spec, &events);
    assert!(result.last("programs").is_some_and(|programs| programs >= 11.0), "{:?}", result.metrics["programs"]);
    assert!(result.last("deduced").is_some_and(|deduced| deduced >= 0.9), "{:?}", result.metrics["deduced"]);
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<NeuralSymbolic>(&[
        ("hidden: 64", "hidden: 0", "settings.parser.hidden"),
        ("heads: 4", "heads: 5", "settings.transformer.network.heads"),
        ("split: length", "split: addprim_jump", "settings.grids[1].data"),
        ("split: length", "split: lenght", "lenght"),
        ("arms: [nsr, ", "arms: [nsr, nsr, ", "settings.grids[0].arms"),
        ("(from: 2, words: 3)", "(from: 0, words: 3)", "settings.grids[0].learning.curriculum"),
        ("test: 400", "test: 0", "settings.grids[0].data.scan.test"),
        ("cost_two: 5", "cost_two: 50", "settings.grids[0].learning.cost_two"),
        (
            "scan(split: length, joined: 918, test: 400)",
            "hint(limits: (short: 4, long: 3, large: 1000), train: 9, test: 9)",
            "settings.grids[1].data.hint.limits.long",
        ),
        (
            "scan(split: length, joined: 918, test: 400)",
            "hint(limits: (short: 4, long: 8, large: 1000), train: 0, test: 9)",
            "settings.grids[1].data.hint.train",
        ),
    ]);
}

/// Heads of a command by precedence (and, after 1; twice, thrice 2; opposite, around 3; directions 4), from the left.
fn gold_heads(symbols: &[u8], language: &Language) -> Vec<Option<usize>> {
    let strength = |symbol: u8| match language.words[usize::from(symbol)].as_str() {
        "and" | "after" => 1,
        "twice" | "thrice" => 2,
        "opposite" | "around" => 3,
        _ => 4,
    };
    let mut heads = vec![None; symbols.len()];
    // Roots of what was read, and conjunctions that wait for their second argument.
    let (mut roots, mut waiting): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let close = |roots: &mut Vec<usize>, waiting: &mut Vec<usize>, heads: &mut Vec<Option<usize>>| {
        if let Some(conjunction) = waiting.pop() {
            let (right, left) = (roots.pop().unwrap(), roots.pop().unwrap());
            (heads[left], heads[right]) = (Some(conjunction), Some(conjunction));
            roots.push(conjunction);
        }
    };
    for (at, symbol) in symbols.iter().enumerate() {
        match (language.arity[usize::from(*symbol)], strength(*symbol)) {
            (0, _) => roots.push(at),
            (1, strength) => {
                assert!(strength > 1);
                let of = roots.pop().unwrap();
                heads[of] = Some(at);
                roots.push(at);
            }
            _ => {
                close(&mut roots, &mut waiting, &mut heads);
                waiting.push(at);
            }
        }
    }
    close(&mut roots, &mut waiting, &mut heads);
    heads
}

/// What the words of SCAN mean.
fn gold_meanings(language: &Language) -> Vec<Semantics> {
    let x = || Box::new(Program::Argument(0));
    let y = || Box::new(Program::Argument(1));
    let join = |a: Box<Program>, b: Box<Program>| Box::new(Program::Join(a, b));
    let token = |token: u8| Box::new(Program::Token(token));
    let program = |word: &str| match word {
        "walk" => token(0),
        "look" => token(1),
        "run" => token(2),
        "jump" => token(3),
        "turn" => Box::new(Program::Nil),
        "left" => join(token(4), x()),
        "right" => join(token(5), x()),
        "opposite" => join(Box::new(Program::Of(Operation::Head, x())), x()),
        "around" => join(join(x(), x()), join(x(), x())),
        "twice" => join(x(), x()),
        "thrice" => join(x(), join(x(), x())),
        "and" => join(x(), y()),
        "after" => join(y(), x()),
        other => panic!("{other}"),
    };
    let meaning = |(word, arity): (&String, &usize)| {
        let mut meaning = Semantics::new(*arity);
        (meaning.program, meaning.likelihood) = (Some(Function::Lists(*program(word))), 1.0);
        meaning
    };
    language.words.iter().zip(&language.arity).map(meaning).collect()
}

/// The actions that build a projective tree, heads first where they can be.
fn gold_actions(symbols: &[u8], heads: &[Option<usize>]) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut stack: Vec<usize> = Vec::new();
    let mut open: Vec<usize> =
        (0..heads.len()).map(|of| heads.iter().filter(|head| **head == Some(of)).count()).collect();
    let mut next = 0;
    while next < symbols.len() || stack.len() > 1 {
        let action = match stack[..] {
            [.., below, top] if heads[below] == Some(top) && open[below] == 0 => Action::Left,
            [.., below, top] if heads[top] == Some(below) && open[top] == 0 => Action::Right,
            _ => Action::Shift,
        };
        match action {
            Action::Left => {
                let below = stack.remove(stack.len() - 2);
                open[heads[below].unwrap()] -= 1;
            }
            Action::Right => {
                let top = stack.pop().unwrap();
                open[heads[top].unwrap()] -= 1;
            }
            Action::Shift => {
                stack.push(next);
                next += 1;
            }
        }
        actions.push(action);
    }
    actions
}

#[test]
fn gold_trees_with_gold_programs_give_all_answers_and_the_parser_can_build_them() {
    let language = scan_language();
    let meanings = gold_meanings(&language);
    let all = commands();
    assert_eq!(all.len(), 20_910);
    for example in &all {
        let sentence = scan_sentence(example, &language).unwrap();
        let heads = gold_heads(&sentence.symbols, &language);
        let mut tree = Tree::new(sentence.symbols.clone(), heads.clone());
        tree.deduce(&meanings, Choice::Top);
        assert_eq!(tree.answer(), Some(&sentence.answer), "{example}");
        let actions = gold_actions(&sentence.symbols, &heads);
        let mut state = State::new(&sentence.symbols, &language);
        let transitions = replayed(&sentence.symbols, &language, &actions);
        for (transition, action) in transitions.iter().zip(&actions) {
            assert!(transition.legal[*action as usize], "{example}");
            state.take(*action);
        }
        assert!(state.done() && state.tree().heads == heads, "{example}");
    }
}

/// A tree of `words` with heads, deduced.
fn tree(words: &[&str], heads: &[Option<usize>], meanings: &[Semantics]) -> Tree {
    let language = scan_language();
    let symbols = words.iter().map(|word| language.symbol(word).unwrap()).collect();
    let mut tree = Tree::new(symbols, heads.to_vec());
    tree.deduce(meanings, Choice::Top);
    tree
}

fn list(tokens: &[u8]) -> Value {
    Value::List(tokens.to_vec())
}

/// A tree of words made to answer rightly by another meaning.
fn repair(semantics: &[Semantics], tree: &Tree, answer: &Value) -> Option<(Tree, Repair)> {
    let stream = &mut Key::new(1).stream();
    Abduction { semantics, kind: Kind::Lists, seen: None, module: Module::Meanings, stream }.repair(tree, answer)
}

#[test]
fn abduction_finds_that_turn_does_nothing() {
    let language = scan_language();
    let mut meanings = gold_meanings(&language);
    let turn = usize::from(language.symbol("turn").unwrap());
    meanings[turn] = Semantics::new(0);
    let tree = tree(&["turn", "left"], &[Some(1), None], &meanings);
    assert_eq!(tree.answer(), None);
    let (repaired, repair) = repair(&meanings, &tree, &list(&[4])).unwrap();
    assert_eq!((repair.node, repair.before, repair.after), (0, None, Some(list(&[]))));
    assert_eq!(repaired.answer(), Some(&list(&[4])));
    assert_eq!(repaired.facts().len(), 2);
}

#[test]
fn the_least_certain_meaning_changes_first() {
    let language = scan_language();
    let mut meanings = gold_meanings(&language);
    let twice = usize::from(language.symbol("twice").unwrap());
    meanings[twice] = Semantics::new(1);
    // twice is unknown: it is what changes, though walk could be another word.
    let tree = tree(&["walk", "left", "twice"], &[Some(1), Some(2), None], &meanings);
    let answer = list(&[4, 0, 4, 0]);
    let (repaired, repair) = repair(&meanings, &tree, &answer).unwrap();
    assert_eq!((repair.node, repaired.values[1].clone()), (2, Some(list(&[4, 0]))));
    assert!(repaired.facts().contains(&(twice as u8, vec![list(&[4, 0])], answer)));
}

#[test]
fn targets_go_down_by_what_was_seen() {
    let language = scan_language();
    let mut meanings = gold_meanings(&language);
    let [jump, left] = ["jump", "left"].map(|word| usize::from(language.symbol(word).unwrap()));
    meanings[jump] = Semantics::new(0);
    let tree = tree(&["jump", "left"], &[Some(1), None], &meanings);
    let answer = list(&[4, 3]);
    assert_eq!(repair(&meanings, &tree, &answer), None, "nothing like it was seen of left");
    let mut seen = Cache::default();
    seen.add(vec![list(&[3])], answer.clone());
    meanings[left].cache = seen;
    assert_eq!(repair(&meanings, &tree, &answer).unwrap().1.after, Some(list(&[3])));
}

/// Verdict on made-up results of `quick`: accuracy of a condition, and training accuracy of Transformers.
fn made_up(accuracy: &dyn Fn(&TrialSpec) -> f64, trained: f64, seeds: u64) -> Verdict {
    let study = preset::<NeuralSymbolic>("quick");
    let of = |spec: TrialSpec| {
        let value = accuracy(&spec);
        let mut events = vec![Event::Metric { step: 9, name: "accuracy".into(), value }];
        if spec.condition.contains("Transformer") {
            events.push(Event::Metric { step: 9, name: "train_accuracy".into(), value: trained });
        }
        let right = (0..100).map(|i| f64::from(u8::from(f64::from(i) < 100.0 * value))).collect();
        events.push(Event::Vector { step: 9, name: "right".into(), values: right });
        result(&spec, &events)
    };
    let results: Vec<TrialResult> = study.trials().into_iter().filter(|spec| spec.seed < seeds).map(of).collect();
    study.judge(&results)
}

/// What the paper and the pilot have.
fn expected(spec: &TrialSpec) -> f64 {
    match spec.axes["learner"].as_str() {
        "NSR" => 1.0,
        "untrained parser" => 0.05,
        _ => 0.0,
    }
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    let verdict = made_up(&expected, 1.0, 3);
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed));
    assert_eq!((verdict.effect, verdict.controls.len()), (Some(1.0), 5));
    let one_fails = |spec: &TrialSpec| if spec.name == "NSR-SCAN-length.s1" { 0.9 } else { expected(spec) };
    assert_eq!(made_up(&one_fails, 1.0, 3).outcome, Outcome::Reproduced, "two of three seeds");
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Undecided};
    let cases: [(&str, f64, f64, u64, Outcome); 9] = [
        ("NSR, SCAN length", 0.5, 1.0, 3, Partly),
        ("NSR, ", 0.95, 1.0, 3, Partly),
        ("NSR, ", 0.5, 1.0, 3, NotReproduced),
        ("Transformer, ", 0.6, 1.0, 3, Partly),
        ("no abduction, ", 0.02, 1.0, 3, NotReproduced),
        ("untrained parser, ", 0.2, 1.0, 3, NotReproduced),
        ("tables for programs, SCAN add-jump", 0.1, 1.0, 3, NotReproduced),
        ("Transformer, ", 0.0, 0.9, 3, Undecided),
        ("Transformer, ", 0.0, 1.0, 1, Undecided),
    ];
    for (condition, value, trained, seeds, outcome) in cases {
        let of = |spec: &TrialSpec| if spec.condition.contains(condition) { value } else { expected(spec) };
        let verdict = made_up(&of, trained, seeds);
        assert_eq!(verdict.outcome, outcome, "{condition} at {value}: {}", verdict.sentence);
    }
}
