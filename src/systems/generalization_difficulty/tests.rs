//! The system through the contract: presets, trials, resume, and a judge that can say no.

use super::settings::{DataSet, Learner, Shown};
use super::*;
use crate::contract::{Event, Outcome, Study, TrialResult, TrialSpec};
use crate::training::testing::{
    changed, contract, measured, preset, refused, result, settings_of, takes_away_only, to_its_verdict,
};

/// A preset shrunk to a moment, with everything else as it is.
fn shrunk(name: &str) -> Box<dyn Study> {
    changed::<GeneralizationDifficulty>(name, |value| {
        let settings = &mut value["settings"];
        settings["volume"]["samples"] = 200.into();
        settings["volume"]["dimensions"] = serde_json::json!([1, 2]);
        settings["volume"]["frequency"] = 1.into();
        settings["volume"]["resolutions"] = serde_json::json!([{ "dimensions": 2, "frequencies": [1, 2] }]);
        settings["volume"]["more_points"] = serde_json::json!({ "dimensions": 2, "frequency": 1, "points": [2, 4] });
        let learners = &mut settings["learners"];
        learners["tasks"] = serde_json::json!([[1, 1], [1, 2], [2, 1]]);
        (learners["kernel_points"], learners["network_points"], learners["test"]) = (16.into(), 16.into(), 50.into());
        learners["network"] = serde_json::json!(
        { "width": 8, "layers": 2, "learning_rate": 0.01, "batch": 4, "steps": 300, "fitted": 0.01 });
        learners["embedded"] = serde_json::json!({ "dimensions": 1, "frequency": 1, "widths": [6] });
        learners["first_only"] = serde_json::json!([2, 1]);
        let data = &mut settings["data"];
        (data["noise"], data["components"]) = (serde_json::json!([0.0, 0.2]), serde_json::json!([2]));
        (data["pairs"], data["accuracy_points"]) = (1000.into(), serde_json::json!([50]));
        value["seeds"] = 2.into();
    })
}

/// One trial of every kind.
fn kinds(study: &dyn Study) -> Vec<TrialSpec> {
    let find = |label: &str| study.trials().into_iter().find(|spec| spec.condition.starts_with(label)).unwrap();
    ["network m = 1 K = 1 in D", "network m = 2", "kernel m = 2", "volume m = 2", "digits noise"].map(find).to_vec()
}

#[test]
fn the_ablation_takes_products_away_and_changes_nothing_else() {
    takes_away_only::<GeneralizationDifficulty>(|settings| settings["basis"] = "sums".into());
}

#[test]
fn every_preset_runs_to_its_verdict_in_small() {
    for name in ["quick", "ablated"] {
        let (_, _, panels) = to_its_verdict(shrunk(name).as_ref());
        assert_eq!(panels, ["scaling", "errors", "kernel", "network", "points", "cards", "noise"], "{name}");
    }
}

#[test]
fn trials_keep_the_contract() {
    let study = shrunk("quick");
    for spec in kinds(study.as_ref()) {
        let ended = contract(study.as_ref(), &spec);
        assert!(ended.steps > 1, "{}", spec.name);
        // Data sets are shown in the study's panels alone.
        assert!(!ended.panels.is_empty() || spec.condition.starts_with("digits"), "{}", spec.name);
        assert_eq!(ended.unread.is_none(), spec.condition.starts_with("network"), "{}", spec.name);
    }
    let network = &kinds(study.as_ref())[1];
    assert!(measured(study.as_ref(), network).contains(&"sharpness".to_owned()));
}

#[test]
fn settings_that_cannot_be_used_are_refused_by_name() {
    refused::<GeneralizationDifficulty>(&[
        ("error: 0.1,", "error: 1.5,", "settings.error"),
        ("samples: 20000", "samples: 2", "settings.volume.samples"),
        ("dimensions: [1, 2, 3],", "dimensions: [2, 3],", "settings.volume.dimensions"),
        ("frequencies: [1, 2, 3]),", "frequencies: [3, 2]),", "settings.volume.resolutions[1].frequencies"),
        ("(3, 2)]", "(9, 2)]", "settings.learners.tasks"),
        ("widths: [0.5, 1.0, 2.0]", "widths: [0.5, -1.0]", "settings.learners.widths"),
        ("widths: [16, 64]", "widths: [3, 64]", "settings.learners.embedded.widths[0]"),
        ("first_only: (3, 1)", "first_only: (1, 1)", "settings.learners.first_only"),
        ("network_functions: 25,", "network_functions: 9,", "settings.learners.embedded"),
        ("noise: [0.0, 0.05", "noise: [0.05", "settings.data.noise"),
        ("ridge: 1e-6", "rigde: 1e-6", "rigde"),
        (
            "pairs: 400000,",
            "pairs: 400000, files: [(name: \"x\", images: \"none\", labels: \"none\", limit: 9)],",
            "settings.data.files[0]",
        ),
    ]);
}

type Bits = fn(usize, usize) -> f64;

/// Made-up results of `quick`.
#[derive(Clone)]
struct MadeUp {
    /// Bits of a task (m, K).
    bits: Bits,
    /// Points that a kernel requires for a task.
    required: Bits,
    /// Tasks that the kernel does not reach.
    unreached: usize,
    kolmogorov: f64,
    dimension: f64,
    /// Points required when embedded, relative to those of the plain task.
    embedded: f64,
    seeds: u64,
}

/// The law of the claim: resolution to the power m.
fn law(m: usize, k: usize) -> f64 {
    (2.0 * k as f64 + 1.0).powf(1.1 * m as f64)
}

impl Default for MadeUp {
    fn default() -> Self {
        MadeUp { bits: law, required: law, unreached: 0, kolmogorov: 0.01, dimension: 2.1, embedded: 1.1, seeds: 8 }
    }
}

impl MadeUp {
    fn judge(&self) -> Verdict {
        let study = preset::<GeneralizationDifficulty>("quick");
        let specs = study.trials().into_iter().filter(|spec| spec.seed < self.seeds);
        let results: Vec<TrialResult> = specs.map(|spec| self.result(study.as_ref(), &spec)).collect();
        study.judge(&results)
    }

    fn result(&self, study: &dyn Study, spec: &TrialSpec) -> TrialResult {
        let settings = settings_of::<GeneralizationDifficulty>(study);
        let condition = settings.cells(9).into_iter().find(|cell| cell.label == spec.condition).unwrap().condition;
        // Replicas differ a little.
        let spread = 1.0 + 0.02 * (spec.seed as f64 - 3.0);
        let mut events: Vec<Event> = Vec::new();
        let mut metric = |name: &str, value: f64| {
            events.push(Event::Metric { step: 1, name: name.into(), value });
        };
        match condition {
            Condition::Volume { basis, .. } => {
                metric("bits", spread * (self.bits)(basis.dimensions, basis.frequency));
                metric("kolmogorov", self.kolmogorov);
            }
            Condition::Ladder { learner, basis, shown } => {
                let (m, k) = (basis.dimensions, basis.frequency);
                let place = settings.learners.tasks.iter().position(|task| *task == (m, k)).unwrap();
                let censored = learner == Learner::Kernel && place < self.unreached;
                let factor = match shown {
                    Shown::Plain => 1.0,
                    Shown::Embedded(_) => self.embedded,
                    Shown::FirstOnly => 0.4,
                };
                metric("bits", spread * (self.bits)(m, k));
                metric("required", factor * spread * (self.required)(m, k));
                metric("censored", f64::from(u8::from(censored)));
                metric("intrinsic_dimension", self.dimension);
            }
            Condition::Data(DataSet::Noisy(noise)) => {
                metric("dimension.5", 8.0 + noise);
                metric("log10_bits.sample", 9.0 - noise);
            }
            Condition::Data(_) => metric("dimension.5", 3.0),
        }
        result(spec, &events)
    }
}

#[test]
fn the_judge_accepts_what_the_paper_claims() {
    let verdict = MadeUp::default().judge();
    assert_eq!(verdict.outcome, Outcome::Reproduced, "{}", verdict.sentence);
    assert!(verdict.checks.iter().chain(&verdict.controls).all(|check| check.passed));
    assert!((verdict.effect.unwrap() - 5f64.powf(1.1)).abs() < 1e-9);
    assert!(verdict.sentence.contains("warning: with noise the dimension of the digits rises"));
}

#[test]
fn the_judge_refuses_each_way_in_which_the_claim_can_fail() {
    use Outcome::{NotReproduced, Partly, Undecided};
    let with = |change: &dyn Fn(&mut MadeUp)| {
        let mut made_up = MadeUp::default();
        change(&mut made_up);
        made_up
    };
    let linear: Bits = |m, k| 4.0 * (m * k) as f64;
    // Right in its slope, but the first step is small.
    let uneven: Bits = |m, k| law(m, k) * if m == 1 { 2.0 } else { 1.0 };
    // Right over m at K = 2, but exponential in K.
    let exponential: Bits = |m, k| (2.5 * (m * k) as f64 / 2.0).exp() * 0.2;
    let cases = [
        ("bits grow as a sum", with(&|m| (m.bits, m.required) = (linear, linear)), Partly, "1, 2"),
        ("one step is small", with(&|m| (m.bits, m.required) = (uneven, uneven)), Partly, "1"),
        ("exponential in resolution", with(&|m| (m.bits, m.required) = (exponential, exponential)), Partly, "1, 2"),
        ("learners do not care", with(&|m| m.required = |_, _| 30.0), Partly, "3"),
        ("learners do the reverse", with(&|m| m.required = |m, k| 1e4 / law(m, k)), Partly, "3"),
        ("nothing holds", with(&|m| (m.bits, m.required) = (linear, |_, _| 30.0)), NotReproduced, "1, 2, 3"),
        ("the dimension is that of the inputs", with(&|m| m.dimension = 4.0), NotReproduced, "a"),
        ("more inputs need more points", with(&|m| m.embedded = 2.5), NotReproduced, "a"),
        ("more inputs need far fewer points", with(&|m| m.embedded = 0.4), NotReproduced, "a"),
    ];
    for (case, made_up, expected, failed) in cases {
        let verdict = made_up.judge();
        assert_eq!(verdict.outcome, expected, "{case}: {}", verdict.sentence);
        assert!(verdict.sentence.ends_with(&format!("; {failed} failed.")), "{case}: {}", verdict.sentence);
    }
    let gates = [
        ("the law is wrong", with(&|m| m.kolmogorov = 0.03), "away from their law"),
        ("the kernel fails", with(&|m| m.unreached = 3), "only 5 of 8 tasks"),
        ("one replica", with(&|m| m.seeds = 1), "too few"),
    ];
    for (case, made_up, told) in gates {
        let verdict = made_up.judge();
        assert_eq!(verdict.outcome, Undecided, "{case}: {}", verdict.sentence);
        assert!(verdict.sentence.contains(told), "{case}: {}", verdict.sentence);
    }
    assert_eq!(with(&|m| m.unreached = 2).judge().outcome, Outcome::Reproduced);
    assert_eq!(preset::<GeneralizationDifficulty>("quick").judge(&[]).outcome, Undecided);
}

#[test]
fn what_the_measure_does_not_see_is_shown_and_decides_nothing() {
    let verdict = MadeUp::default().judge();
    let shown: Vec<f64> = verdict.controls.iter().filter(|c| c.id.contains("shown")).filter_map(|c| c.effect).collect();
    assert!((shown[0] - 1.0).abs() < 1e-9 && (shown[1] - 0.4).abs() < 1e-9, "{shown:?}");
}
