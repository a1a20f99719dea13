//! GPICL through the contract alone: presets, trials, resume, and a judge that can say no.

use std::collections::BTreeMap;

use ansatz::base::random::Key;
use ansatz::base::threads::Pool;
use ansatz::contract::{Closing, Event, Flow, Knob, Outcome, Study, Trial, TrialResult, TrialSpec};
use ansatz::instruments::card;
use ansatz::systems;

fn preset(name: &str) -> Box<dyn Study> {
    let entry = systems::find("gpicl").unwrap();
    (entry.open)(entry.preset(name).unwrap().text).unwrap()
}

/// A preset shrunk to a few steps, with everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    let entry = systems::find("gpicl").unwrap();
    let mut value = preset(name).to_json();
    let settings = &mut value["settings"];
    settings["evaluation"] = serde_json::json!({ "sequences": 4, "probe": 3, "every": 2 });
    settings["common"]["steps"] = 3.into();
    settings["common"]["batch"] = 2.into();
    for grid in settings["grids"].as_array_mut().unwrap() {
        if let Some(steps) = grid["with"].get_mut("steps") {
            *steps = 3.into();
        }
    }
    value["seeds"] = 1.into();
    (entry.open_json)(value).unwrap()
}

fn finish(trial: &mut dyn Trial, events: &mut Vec<Event>) {
    while trial.step(events).unwrap() == Flow::More {}
}

fn run(study: &dyn Study, spec: &TrialSpec, threads: usize) -> Vec<Event> {
    let mut events = Vec::new();
    finish(study.start(spec, &Pool::new(threads)).unwrap().as_mut(), &mut events);
    events
}

fn result(spec: &TrialSpec, events: &[Event]) -> TrialResult {
    let mut result = TrialResult::new(spec.clone());
    events.iter().for_each(|event| result.apply(event));
    result.closing = Some(Closing::Done);
    result
}

#[test]
fn the_whole_story_begins_with_the_first_two_trials() {
    let study = preset("quick");
    let names: Vec<String> = study.trials().into_iter().map(|trial| trial.name).collect();
    assert_eq!(names.len(), 21);
    assert_eq!(names[..7], ["K-inf.s0", "K-4.s0", "K-32.s0", "w-2.s0", "w-1.s0", "d-16.s0", "lstm.s0"]);
    assert_eq!(names[7], "K-inf.s1");
}

#[test]
fn the_ablation_takes_away_the_variety_of_tasks_and_nothing_else() {
    let (mut quick, ablated) = (preset("quick").to_json(), preset("ablated").to_json());
    quick["settings"]["task_limit"] = 4.into();
    quick["about"] = ablated["about"].clone();
    assert_eq!(quick, ablated);
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "full", "ablated"] {
        let study = shrunk(name);
        let results: Vec<TrialResult> =
            study.trials().iter().map(|spec| result(spec, &run(study.as_ref(), spec, 1))).collect();
        for result in &results {
            for metric in ["loss", "unseen.last", "parameters", "permuted.last", "wine.last"] {
                assert!(result.last(metric).is_some(), "{name} {} lacks {metric}", result.spec.name);
            }
        }
        assert_ne!(study.judge(&results).outcome, Outcome::Reproduced, "three steps cannot reproduce anything");
        assert!(study.panels(&results).len() >= 5);
    }
}

#[test]
fn panels_change_nothing_and_show_the_sheet() {
    let study = shrunk("quick");
    let spec = &study.trials()[0];
    let mut watched = Vec::new();
    let mut trial = study.start(spec, &Pool::serial()).unwrap();
    while trial.step(&mut watched).unwrap() == Flow::More {
        trial.panels();
    }
    let ids: Vec<String> = trial.panels().into_iter().map(|panel| panel.id).collect();
    assert_eq!(watched, run(study.as_ref(), spec, 1));
    assert_eq!(ids, ["in-context", "inside", "emergence", "profile"]);
}

#[test]
fn the_same_trial_gives_the_same_events_at_any_thread_count() {
    let study = shrunk("quick");
    for spec in study.trials() {
        let serial = run(study.as_ref(), &spec, 1);
        assert_eq!(serial, run(study.as_ref(), &spec, 2), "{}", spec.name);
    }
}

#[test]
fn a_trial_resumed_at_any_step_goes_on_as_if_nothing_had_happened() {
    let study = shrunk("quick");
    for spec in &study.trials()[..2] {
        let unbroken = run(study.as_ref(), spec, 1);
        let mut at = 0;
        loop {
            let mut events = Vec::new();
            let mut trial = study.start(spec, &Pool::serial()).unwrap();
            let done = (0..at).any(|_| trial.step(&mut events).unwrap() == Flow::Done);
            if done {
                break;
            }
            let checkpoint = trial.save();
            drop(trial);
            let mut trial = study.start(spec, &Pool::serial()).unwrap();
            trial.restore(&checkpoint).unwrap();
            finish(trial.as_mut(), &mut events);
            assert_eq!(events, unbroken, "{} broken after {at} steps", spec.name);
            at += 1;
        }
        assert!(at > 8, "{} ended after {at} steps", spec.name);
    }
}

#[test]
fn a_checkpoint_of_another_trial_is_refused() {
    let study = shrunk("quick");
    let trials = study.trials();
    let checkpoint = study.start(&trials[0], &Pool::serial()).unwrap().save();
    let lstm = trials.iter().find(|trial| trial.name == "lstm.s0").unwrap();
    let error = study.start(lstm, &Pool::serial()).unwrap().restore(&checkpoint).unwrap_err();
    assert!(error.to_string().contains("lacks the tensor layers.0.input.weight"), "{error}");
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    let entry = systems::find("gpicl").unwrap();
    let quick = entry.preset("quick").unwrap().text;
    let refused = |from: &str, to: &str| {
        assert!(quick.contains(from));
        let error = (entry.open)(&quick.replace(from, to)).err().unwrap_or_else(|| panic!("{to} was taken"));
        format!("{error:?}")
    };
    for (from, to, told) in [
        ("heads: 2, ", "heads: 3, ", "settings.common.heads"),
        ("width: 64,", "widht: 64,", "widht"),
        ("batch: 32,", "batch: -1,", "batch"),
        ("batch: 32,", "batch: 0,", "settings.common.batch"),
        ("{\"window\": [2, 1]}", "{\"windov\": [2, 1]}", "did you mean `window`"),
        ("{\"window\": [2, 1]}", "{\"window\": [2, \"x\"]}", "settings.grids[1].over.window"),
        ("{\"width\": [16]}", "{\"width\": [15]}", "settings.grids[2].over"),
        ("{\"window\": [2, 1]}", "{\"window\": [2, 2]}", "the same condition twice"),
        ("classes: 5,", "classes: 11,", "settings.common.classes"),
        ("base: digits", "base: idx((name: \"x\", images: \"none\", labels: \"none\"))", "settings.base"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(told), "{to}: {error}");
    }
}

/// Made-up results of `quick`: what each condition reaches.
struct MadeUp {
    /// Unseen last, by condition.
    unseen: BTreeMap<&'static str, f64>,
    memory: f64,
    permuted: f64,
    opening: f64,
    foreign: f64,
    foreign_few: f64,
    nearest: f64,
    seeds: u64,
}

impl Default for MadeUp {
    fn default() -> Self {
        let unseen = [
            ("K = inf", 0.8),
            ("K = 4", 0.2),
            ("K = 32", 0.4),
            ("w = 2", 0.3),
            ("w = 1", 0.21),
            ("d = 16", 0.2),
            ("lstm", 0.25),
        ];
        MadeUp {
            unseen: unseen.into(),
            memory: 0.9,
            permuted: 0.2,
            opening: 0.2,
            foreign: 0.8,
            foreign_few: 0.3,
            nearest: 0.82,
            seeds: 3,
        }
    }
}

impl MadeUp {
    /// Scores of 64 sequences with this mean.
    fn scores(mean: f64) -> Vec<f64> {
        (0..64).map(|i| mean + if i % 2 == 0 { 0.05 } else { -0.05 }).collect()
    }

    fn judge(&self) -> ansatz::contract::Verdict {
        let study = preset("quick");
        let specs = study.trials().into_iter().filter(|spec| spec.seed < self.seeds);
        let results: Vec<TrialResult> = specs.map(|spec| self.result(spec)).collect();
        study.judge(&results)
    }

    fn result(&self, spec: TrialSpec) -> TrialResult {
        let unseen = self.unseen[spec.condition.as_str()];
        let foreign = if spec.condition == "K = inf" { self.foreign } else { self.foreign_few };
        let mut vectors = vec![
            ("unseen.last.by_sequence".to_owned(), unseen),
            ("unseen.opening.by_sequence".to_owned(), self.opening),
            ("seen.first.by_sequence".to_owned(), self.memory),
            ("permuted.last.by_sequence".to_owned(), self.permuted),
        ];
        for set in ["wine", "iris", "breast-cancer"] {
            vectors.push((format!("{set}.last.by_sequence"), foreign));
            vectors.push((format!("{set}.majority.last.by_sequence"), 0.4));
        }
        let mut events: Vec<Event> = vectors
            .into_iter()
            .map(|(name, mean)| Event::Vector { step: 150, name, values: Self::scores(mean) })
            .collect();
        for (name, value) in
            [("unseen.last", unseen), ("unseen.nearest_neighbour.last", self.nearest), ("parameters", 104_000.0)]
        {
            events.push(Event::Metric { step: 150, name: name.into(), value });
        }
        result(&spec, &events)
    }
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    let verdict = MadeUp::default().judge();
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed));
    assert!((verdict.effect.unwrap() - 0.6).abs() < 1e-9);
    assert_eq!(verdict.seeds.len(), 21);
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Undecided};
    let unseen = |condition: &'static str, value: f64| {
        let mut made_up = MadeUp::default();
        made_up.unseen.insert(condition, value);
        made_up
    };
    let cases = [
        ("no transition", unseen("K = inf", 0.45), NotReproduced),
        ("few tasks learn as well", unseen("K = 4", 0.8), NotReproduced),
        ("few tasks gain a little", unseen("K = 4", 0.3), NotReproduced),
        ("few tasks are not remembered", MadeUp { memory: 0.5, ..MadeUp::default() }, NotReproduced),
        ("labels leak", MadeUp { permuted: 0.3, ..MadeUp::default() }, NotReproduced),
        ("the first answer is known", MadeUp { opening: 0.3, ..MadeUp::default() }, NotReproduced),
        ("one pair is too good", unseen("w = 1", 0.41), NotReproduced),
        ("no generality", MadeUp { foreign: 0.45, ..MadeUp::default() }, Partly),
        ("the memoriser is general", MadeUp { foreign_few: 0.8, ..MadeUp::default() }, Partly),
        ("a small window does as well", unseen("w = 2", 0.7), Partly),
        ("one seed", MadeUp { seeds: 1, ..MadeUp::default() }, Undecided),
        ("the sequences are too hard", MadeUp { nearest: 0.5, ..MadeUp::default() }, Undecided),
    ];
    for (case, made_up, expected) in cases {
        let verdict = made_up.judge();
        assert_eq!(verdict.outcome, expected, "{case}: {}", verdict.sentence);
    }
}

#[test]
fn nothing_recorded_is_undecided() {
    let verdict = preset("quick").judge(&[]);
    assert_eq!(verdict.outcome, Outcome::Undecided, "{}", verdict.sentence);
}

/// The engine's attention alone, fed from real `paired` tokens: query x'_t, key x'_{t-1}, value
/// onehot(y'_{t-1}), scale 1e4, inputs of length one. It must answer as the nearest neighbour by dot
/// product does, at every position that has a pair before it: token layout and mask in one test.
#[test]
fn the_attention_op_over_paired_tokens_is_the_nearest_neighbour() {
    use ansatz::engine::{Executor, Graph};
    use ansatz::tasks::{base_set::Standardise, digits, gpicl};
    let (sequences, tokens, width, classes) = (16, 32, 16, 5);
    let base = std::sync::Arc::new(digits::base_set(Standardise::MeanImage));
    let family = gpicl::Gpicl::new(gpicl::Config::default(), base, Key::new(8)).unwrap();
    let batch = family.evaluation(&gpicl::Evaluation::Unseen, sequences).unwrap();
    let unit = |x: &[f32]| {
        let norm = x.iter().map(|x| x * x).sum::<f32>().sqrt();
        x.iter().map(|x| x / norm).collect::<Vec<f32>>()
    };
    // The first token shows no pair: its key of zeros is no neighbour and is left out.
    let (mut queries, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (i, token) in batch.tokens.chunks(2 * width + classes).enumerate() {
        if i % tokens > 0 {
            // The op divides by the root of the width, 4.
            queries.extend(unit(&token[..width]).iter().map(|x| x * 4e4));
            keys.extend(unit(&token[width..2 * width]));
            values.extend_from_slice(&token[2 * width..]);
            values.extend(std::iter::repeat_n(0.0, width - classes));
        }
    }
    let graph = Graph::new();
    let shape = [sequences, tokens - 1, width];
    let [q, k, v] = [queries.clone(), keys, values].map(|x| graph.constant(shape, x));
    let output = graph.output("read", q.attention(k, v, 1, tokens));
    let mut executor = Executor::new(graph.plan().into(), Pool::serial());
    let mut store = ansatz::engine::Store::new();
    executor.run(&mut store);
    let read = executor.output(output, &store);
    for b in 0..sequences {
        let input = |t: usize| unit(batch.query(b * tokens + t));
        for t in 1..tokens {
            let dot = |s: usize| input(t).iter().zip(input(s)).map(|(x, y)| x * y).sum::<f32>();
            let nearest = (0..t).max_by(|&r, &s| dot(r).total_cmp(&dot(s))).unwrap();
            let answer = &read[(b * (tokens - 1) + t - 1) * width..][..classes];
            let class = (0..classes).max_by(|&a, &c| answer[a].total_cmp(&answer[c])).unwrap();
            assert_eq!(class as f32, batch.targets[b * tokens + nearest], "sequence {b}, position {t}");
        }
    }
}

#[test]
fn a_divergence_is_traced_to_its_weights_and_its_batch() {
    let study = shrunk("quick");
    let spec = study.trials().remove(0);
    let start = || study.start(&spec, &Pool::serial()).unwrap();
    let mut saved = start().save();
    let wanted = |name: &str| name.starts_with("layers.1.") && name.ends_with("weight");
    let tensor = saved.tensors.iter_mut().find(|tensor| tensor.shape.len() == 2 && wanted(&tensor.name)).unwrap();
    tensor.values.fill(f32::MAX);
    let name = tensor.name.clone();
    let mut trial = start();
    trial.restore(&saved).unwrap();
    let mut events: Vec<Event> = Vec::new();
    let error = trial.step(&mut events).unwrap_err().to_string();
    assert!(error.starts_with("the loss was not finite at step 0 (batch of seed 0x"), "{error}");
    let mut trial = start();
    trial.restore(&saved).unwrap();
    let cause = trial.trace_divergence().unwrap();
    assert!(cause.contains("matmul") && cause.contains(&name), "{cause} does not name {name}");
    // Nothing is wrong before.
    assert_eq!(start().trace_divergence(), None);
}

#[test]
fn the_learning_rate_is_a_knob() {
    let study = shrunk("quick");
    let spec = study.trials().remove(0);
    let losses = |rate: Option<f64>| {
        let mut trial = study.start(&spec, &Pool::serial()).unwrap();
        let mut events: Vec<Event> = Vec::new();
        trial.step(&mut events).unwrap();
        rate.into_iter().for_each(|rate| trial.turn("learning_rate", rate).unwrap());
        assert!(trial.turn("width", 3.0).is_err());
        (0..2).for_each(|_| _ = trial.step(&mut events).unwrap());
        result(&spec, &events).metrics["loss"].clone()
    };
    let (plain, frozen) = (losses(None), losses(Some(0.0)));
    assert_eq!(plain[..2], frozen[..2]);
    assert_ne!(plain[2], frozen[2]);
    assert!(Knob::check(study.knobs(), "learning_rate", 0.0).is_ok());
}

#[test]
fn a_bias_card_leaves_the_trial_as_it_was() {
    let study = shrunk("quick");
    let spec = &study.trials()[1];
    let mut trial = study.start(spec, &Pool::serial()).unwrap();
    let mut events = Vec::new();
    trial.step(&mut events).unwrap();
    let mut told = 0;
    let card = trial.readings(&card::NAMES, &mut |_, _, _| told += 1).unwrap();
    assert_eq!(card.len(), told);
    for instrument in ["fit", "regime", "confidence", "sharpness", "gradients", "inductive-bias"] {
        let reading = card.iter().find(|reading| reading.instrument == instrument).unwrap();
        assert!(matches!(reading.found, ansatz::contract::Found::Measured { .. }), "{reading:?}");
    }
    finish(trial.as_mut(), &mut events);
    assert_eq!(events, run(study.as_ref(), spec, 1));
}
