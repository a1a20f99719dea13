//! A study: a grid of trials and a judge.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use super::preset::{Typed, dialect, read, read_json};
use super::{
    Card, Cell, Checks, Evidence, Expectation, Header, Knob, Panel, PresetError, Setting, Setup, ShippedPreset, Trial,
    TrialError, TrialResult, TrialSpec, Verdict, Watch, cell, setting,
};
use crate::base::random::Key;
use crate::base::threads::Pool;

/// What a study will take; shown before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Trials.
    pub trials: usize,
    /// Floating-point operations of all trials together.
    pub flop: f64,
    /// Bytes of memory of the largest trial.
    pub memory: u64,
    /// Bytes on disk.
    pub disk: u64,
}

/// One paper on the bench: the typed half of the contract.
pub trait System: Sized + Send + Sync + 'static {
    /// The card.
    const CARD: Card;
    /// The presets that ship with it; the first is the default.
    const PRESETS: &'static [ShippedPreset];
    /// A chart of a finished run for the home screen, a [`Panel`] as JSON.
    const THUMBNAIL: Option<&'static str> = None;
    /// Panels of the study for the page of results, the most telling first: the first of them that a run has is its
    /// picture there. A system may be without.
    const PICTURES: &'static [&'static str] = &[];
    /// Settings that may be changed while a trial runs.
    const KNOBS: &'static [Knob] = &[];
    /// Whether its trials show something to step through ([`Body::Sequence`](super::Body::Sequence),
    /// [`Body::Graphs`](super::Body::Graphs)).
    const SEQUENCES: bool = false;
    /// Instruments that its trials may be read with ([`Trial::readings`]); none where no trial trains a model.
    const INSTRUMENTS: &'static [&'static str] = &[];
    /// What a preset can set. `deny_unknown_fields`; the doc comments are what people read before they change a field.
    type Settings: Serialize + DeserializeOwned + JsonSchema + Clone + std::fmt::Debug + Send + Sync;
    /// One condition in full.
    type Condition;

    /// Checks every value that may be of the right type and yet cannot be used; paths from the top of the settings.
    /// What these checks expect is also what people are told before they change a value.
    fn check(settings: &Self::Settings, checks: &mut Checks);

    /// The grid: every condition with its replicas, of which the preset wants `seeds`, in the order in which they are
    /// to start.
    fn cells(settings: &Self::Settings, seeds: u64) -> Vec<Cell<Self::Condition>>;

    /// Starts one trial of a cell.
    ///
    /// # Errors
    /// When data that it needs is missing or broken.
    fn start(
        settings: &Self::Settings,
        cell: Cell<Self::Condition>,
        setup: &Setup,
    ) -> Result<Box<dyn Trial>, TrialError>;

    /// What there is to see of the whole study, from what its trials recorded so far.
    fn panels(settings: &Self::Settings, evidence: &Evidence<'_, Self::Condition>) -> Vec<Panel>;

    /// The verdict, from what all trials recorded. `key` is the root of the bootstrap's streams.
    fn judge(settings: &Self::Settings, evidence: &Evidence<'_, Self::Condition>, key: Key) -> Verdict;
}

/// A system with its preset read: the object-safe half of the contract.
pub trait Study: Send + Sync {
    /// The system's card.
    fn card(&self) -> &'static Card;
    /// Settings that may be changed while a trial runs.
    fn knobs(&self) -> &'static [Knob];
    /// Instruments that its trials may be read with.
    fn instruments(&self) -> &'static [&'static str];
    /// Panels for the page of results, the most telling first.
    fn pictures(&self) -> &'static [&'static str];
    /// What every preset says.
    fn header(&self) -> Header;
    /// The whole preset with every default filled in: reproduces the run alone.
    fn to_ron(&self) -> String;
    /// The same as JSON.
    fn to_json(&self) -> serde_json::Value;
    /// What every field takes, as the checks say that refuse the rest; paths from the top of the preset.
    fn expectations(&self) -> &[Expectation];
    /// Every setting of the preset in the order of its fields, with what a person must know to change it.
    fn settings(&self) -> Vec<Setting>;
    /// What the study will take.
    fn cost(&self) -> Cost;
    /// The trials, in the order in which they are to start.
    fn trials(&self) -> Vec<TrialSpec>;
    /// Starts one of them, with threads that must not change what it computes.
    ///
    /// # Errors
    /// When data that it needs is missing or broken, or the preset has no such trial.
    fn start(&self, spec: &TrialSpec, pool: &Pool) -> Result<Box<dyn Trial>, TrialError>;
    /// What there is to see of the whole study.
    fn panels(&self, results: &[TrialResult]) -> Vec<Panel>;
    /// The verdict.
    fn judge(&self, results: &[TrialResult]) -> Verdict;
}

/// A row of the table of systems.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The card.
    pub card: &'static Card,
    /// The presets that ship with the system; the first is the default.
    pub presets: &'static [ShippedPreset],
    /// A chart of a finished run for the home screen, a [`Panel`] as JSON.
    pub thumbnail: Option<&'static str>,
    /// Settings that may be changed while a trial runs.
    pub knobs: &'static [Knob],
    /// Whether its trials show sequences to step through.
    pub sequences: bool,
    /// Reads a preset's RON text.
    pub open: fn(&str) -> Result<Box<dyn Study>, PresetError>,
    /// Reads a preset's JSON form (as [`Study::to_json`] gives it, after `--set`).
    pub open_json: fn(serde_json::Value) -> Result<Box<dyn Study>, PresetError>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.card.slug)
    }
}

impl Entry {
    /// The row of a system.
    pub const fn of<S: System>() -> Self {
        Entry {
            card: &S::CARD,
            presets: S::PRESETS,
            thumbnail: S::THUMBNAIL,
            knobs: S::KNOBS,
            sequences: S::SEQUENCES,
            open: open::<S>,
            open_json: open_json::<S>,
        }
    }

    /// A shipped preset by name.
    pub fn preset(&self, name: &str) -> Option<&'static ShippedPreset> {
        self.presets.iter().find(|preset| preset.name == name)
    }
}

fn open<S: System>(text: &str) -> Result<Box<dyn Study>, PresetError> {
    checked::<S>(read(text)?)
}

fn open_json<S: System>(value: serde_json::Value) -> Result<Box<dyn Study>, PresetError> {
    checked::<S>(read_json(value)?)
}

fn checked<S: System>(preset: Typed<S::Settings>) -> Result<Box<dyn Study>, PresetError> {
    let mut checks = Checks::new();
    checks.holds("system", preset.system == S::CARD.slug, &preset.system, format!("\"{}\"", S::CARD.slug));
    checks.holds("seeds", (1..=1000).contains(&preset.seeds), preset.seeds, "1 to 1000 replicas");
    let Watch { every, instruments } = &preset.watch;
    checks.holds("watch.every", *every > 0, every, "at least 1 step");
    checks.known("watch.instruments", "instrument", instruments.iter().map(String::as_str), S::INSTRUMENTS);
    checks.under("settings", |checks| S::check(&preset.settings, checks));
    match checks.told() {
        (expectations, problems) if problems.is_empty() => Ok(Box::new(Opened::<S> { preset, expectations })),
        (_, problems) => Err(PresetError::Problems(problems)),
    }
}

/// The blanket half of [`Study`].
struct Opened<S: System> {
    preset: Typed<S::Settings>,
    expectations: Vec<Expectation>,
}

impl<S: System> Study for Opened<S> {
    fn card(&self) -> &'static Card {
        &S::CARD
    }

    fn knobs(&self) -> &'static [Knob] {
        S::KNOBS
    }

    fn instruments(&self) -> &'static [&'static str] {
        S::INSTRUMENTS
    }

    fn pictures(&self) -> &'static [&'static str] {
        S::PICTURES
    }

    fn header(&self) -> Header {
        self.preset.header()
    }

    fn to_ron(&self) -> String {
        let style = ron::ser::PrettyConfig::new().struct_names(false).indentor("    ");
        let text = dialect().to_string_pretty(self.written(), style);
        text.expect("a preset that was read can be written") + "\n"
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.written()).expect("a preset that was read can be written")
    }

    fn expectations(&self) -> &[Expectation] {
        &self.expectations
    }

    fn settings(&self) -> Vec<Setting> {
        let mut schema = setting::of::<Header>();
        schema["properties"]["settings"] = setting::of::<S::Settings>();
        let settings = setting::settings(&self.to_json(), &schema, &self.expectations);
        setting::in_order(self.written(), settings)
    }

    fn cost(&self) -> Cost {
        cell::cost(&self.cells())
    }

    fn trials(&self) -> Vec<TrialSpec> {
        cell::specs(&self.cells())
    }

    fn start(&self, spec: &TrialSpec, pool: &Pool) -> Result<Box<dyn Trial>, TrialError> {
        let key = Key::new(self.preset.seed).purpose("replica").index(spec.seed);
        let setup = Setup { seed: spec.seed, key, pool: pool.clone() };
        S::start(&self.preset.settings, cell::cell_of(self.cells(), spec)?, &setup)
    }

    fn panels(&self, results: &[TrialResult]) -> Vec<Panel> {
        S::panels(&self.preset.settings, &Evidence::new(self.cells(), results))
    }

    fn judge(&self, results: &[TrialResult]) -> Verdict {
        let key = Key::new(self.preset.seed).purpose("judge");
        S::judge(&self.preset.settings, &Evidence::new(self.cells(), results), key)
    }
}

impl<S: System> Opened<S> {
    /// The preset as every format writes it: one writer serves them all.
    fn written(&self) -> &dyn erased_serde::Serialize {
        &self.preset
    }

    fn cells(&self) -> Vec<Cell<S::Condition>> {
        S::cells(&self.preset.settings, self.preset.seeds)
    }
}
