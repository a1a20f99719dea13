//! A small system for the tests of this layer: a few numbers that decay with noise, and faults.

use std::time::Duration;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::random::Key;
use crate::contract::*;

/// What a faulty trial does, and when.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) enum Fault {
    Panic(u64),
    Fail(u64),
    Diverge { step: u64 },
    Nan(u64),
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) rate: f32,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) steps: u64,
    pub(super) model: Model,
    /// Microseconds that a call of `step` lasts at least.
    pub(super) nap: u64,
    pub(super) faults: Vec<Fault>,
    pub(super) note: Option<String>,
}

pub(super) const TEXT: &str = r#"(
    system: "toy",
    about: "A few numbers decay.",
    seed: 1,
    seeds: 2, watch: (every: 7, instruments: ["size"]),
    settings: (
        steps: 60,
        model: (width: 8, heads: 2, rate: 0.1),
        nap: 0,
        faults: [],
        note: None,
    ),
)
"#;

pub(super) struct Toy;

pub(super) static TABLE: &[Entry] = &[Entry::of::<Toy>()];

impl System for Toy {
    const CARD: Card = Card {
        slug: "toy",
        number: 99,
        title: "Toy",
        family: Family::Bias,
        sentence: "Numbers decay.",
        paper: Paper { title: "None", authors: "Nobody", year: 2026 },
        claims: &[],
        thresholds: &[],
        kept: "",
        shrunk: "",
        substituted: "",
        metrics: &[],
    };
    const PRESETS: &'static [ShippedPreset] =
        &[ShippedPreset { name: "quick", text: TEXT }, ShippedPreset { name: "full", text: TEXT }];
    const PICTURES: &'static [&'static str] = &["none", "all"];
    const KNOBS: &'static [Knob] = &[Knob { name: "rate", about: "how fast it decays", range: (0.0, 1.0) }];
    const INSTRUMENTS: &'static [&'static str] = &["size", "none"];
    type Settings = Settings;
    /// Whether a fault is built in.
    type Condition = bool;

    fn check(settings: &Settings, checks: &mut Checks) {
        let model = &settings.model;
        let divides = model.width.is_multiple_of(model.heads);
        checks.holds("model.heads", divides, model.heads, format!("a divisor of the width {}", model.width));
        checks.holds("steps", settings.steps > 0, settings.steps, "at least 1");
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<bool>> {
        let faults = settings.faults.len() as u64;
        let cells =
            [Cell::new("plain", false, seeds, settings.steps), Cell::new("fault", true, faults, settings.steps)];
        cells.into_iter().filter(|cell| !cell.replicas.is_empty()).collect()
    }

    fn start(settings: &Settings, cell: Cell<bool>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        let fault = cell.condition.then(|| settings.faults[setup.seed as usize].clone());
        let values = vec![1.0; settings.model.width];
        let key = setup.key.purpose(&cell.label);
        Ok(Box::new(ToyTrial { settings: settings.clone(), fault, key, step: 0, values }))
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, bool>) -> Vec<Panel> {
        let losses = evidence.all().flat_map(|recorded| recorded.seeds.iter().map(|result| result.last("loss")));
        let bars = losses.map(|loss| Bar { value: loss.unwrap_or(f64::NAN), ..Bar::default() });
        vec![Panel::new("all", "All", "", Body::Bars(Bars { bars: bars.collect(), ..Bars::default() }))]
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, bool>, _: Key) -> Verdict {
        let losses: Vec<f64> = evidence.all().flat_map(|recorded| recorded.values("loss")).collect();
        let effect = losses.iter().sum::<f64>() / losses.len() as f64;
        Verdict {
            outcome: if effect < 0.9 { Outcome::Reproduced } else { Outcome::NotReproduced },
            statistic: "mean loss".into(),
            effect: Some(effect),
            interval: None,
            threshold: "< 0.9".into(),
            checks: Vec::new(),
            controls: Vec::new(),
            seeds: Vec::new(),
            sentence: format!("The mean loss is {effect:.3}."),
        }
    }
}

struct ToyTrial {
    settings: Settings,
    fault: Option<Fault>,
    key: Key,
    step: u64,
    values: Vec<f32>,
}

impl Trial for ToyTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.step, steps: self.settings.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        assert!(self.step < self.settings.steps, "a finished trial is not stepped");
        for _ in 0..3 {
            let mut noise = self.key.index(self.step).stream();
            for value in &mut self.values {
                *value *= 1.0 - self.settings.model.rate * noise.random::<f32>();
            }
            self.step += 1;
            let loss = f64::from(self.values.iter().sum::<f32>()) / self.values.len() as f64;
            record.metric(self.step, "loss", loss);
            match self.fault {
                Some(Fault::Panic(step)) if step == self.step => panic!("the toy broke"),
                Some(Fault::Fail(step)) if step == self.step => return Err(TrialError::Data("no data".into())),
                Some(Fault::Diverge { step }) if step == self.step => {
                    return Err(TrialError::Diverged { step, what: "loss".into(), seed: Some(7) });
                }
                Some(Fault::Nan(step)) if step == self.step => record.metric(step, "norm", f64::NAN),
                _ => {}
            }
            if self.step == self.settings.steps {
                let values = self.values.iter().map(|&v| f64::from(v)).collect();
                record.vector(self.step, "values", values);
                return Ok(Flow::Done);
            }
        }
        std::thread::sleep(Duration::from_micros(self.settings.nap));
        Ok(Flow::More)
    }

    fn panels(&mut self) -> Vec<Panel> {
        let bars = self.values.iter().map(|&v| Bar { value: f64::from(v), ..Bar::default() });
        vec![Panel::new("values", "Values", "", Body::Bars(Bars { bars: bars.collect(), ..Bars::default() }))]
    }

    fn turn(&mut self, knob: &str, value: f64) -> Result<(), TrialError> {
        assert_eq!(knob, "rate");
        self.settings.model.rate = value as f32;
        Ok(())
    }

    fn trace_divergence(&mut self) -> Option<String> {
        Some(format!("the toy, asked after step {}", self.step))
    }

    fn readings(&mut self, names: &[&str], _told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        let reading = |name: &&str| Reading {
            instrument: (*name).to_owned(),
            question: String::new(),
            meaning: String::new(),
            paper: String::new(),
            found: match *name {
                "size" => Found::numbers(vec![Quantity::new("first value", f64::from(self.values[0]), "")]),
                _ => Found::refused("a toy has none"),
            },
        };
        Ok(names.iter().map(reading).collect())
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.step)?;
        let width = self.values.len();
        archive.tensor("values", &[width], &mut self.values)
    }
}
