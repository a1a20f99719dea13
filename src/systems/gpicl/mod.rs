//! GPICL: general-purpose in-context learning by meta-learning Transformers (Kirsch et al. 2022).
//!
//! A plain sequence model is trained on very many classification problems made from one image set by
//! random projections and relabelling. Past a threshold in their number it stops recalling problems
//! and starts to learn new ones from its context.

mod cost;
mod evidence;
mod judge;
pub mod learner;
mod measure;
mod panels;
mod regime_maps;
mod sets;
pub mod settings;
mod study_panels;
#[cfg(test)]
mod tests;
mod trial;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Knob, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::{Placed, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct Gpicl;

impl System for Gpicl {
    const CARD: Card = Card {
        slug: "gpicl",
        number: 1,
        title: "General-purpose in-context learning",
        family: Family::Memory,
        sentence: "with enough different tasks a Transformer stops recalling problems and learns new ones in context",
        paper: Paper {
            title: "General-Purpose In-Context Learning by Meta-Learning Transformers",
            authors: "Louis Kirsch, James Harrison, Jascha Sohl-Dickstein, Luke Metz",
            year: 2022,
        },
        claims: &[
            "As the number K of training tasks grows, one architecture goes from memorising through identifying to learning.",
            "What it learned on transformed digits works on data sets that it never saw.",
            "In-context accuracy follows the state that the next prediction can reach, not the number of parameters.",
            "The meta-loss sits on a plateau; larger task batches and a share of fixed labels shorten it.",
            "Too small a model or batch meta-learns nothing at all.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "task generator, architecture, loss, purely in-context test, every axis of comparison",
        shrunk: "8x8 digits, 5 or 10 classes, sequences of 32 to 64, width 16 to 64. At d = 16 the head width 8 is below \
                 P, so matching images fails for rank as well as for size",
        substituted: "tokens show the last labelled pair beside the query (`paired`), which takes away only the \
                      previous-token circuit, a constant of the architecture; tabular sets are the entirely different \
                      data. A model with w = 1 is added to `quick` for the control R4. The control R4 permutes the labels \
                      of the positions before the last 8 and shows a sample of them later: permuting all of them \
                      would count a query's own label before it is asked",
        metrics: &[
            metric("unseen.last", "accuracy", "unseen tasks, mean over the last 8 positions"),
            metric("loss", "nats", "meta-loss of the training batch"),
            metric("seen.first", "accuracy", "seen tasks, held-out images, positions 1 to 4"),
            metric("seen.last", "accuracy", "seen tasks, held-out images, last 8 positions"),
            metric("unseen.first", "accuracy", "unseen tasks, positions 1 to 4"),
            metric("gradient_norm", "", "global norm of the gradient before clipping"),
        ],
    };

    const SEQUENCES: bool = true;
    const KNOBS: &'static [Knob] =
        &[Knob { name: "learning_rate", about: "the rate that Adam's steps warm up to", range: (0.0, 1.0) }];
    const PRESETS: &'static [ShippedPreset] = presets!("gpicl");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("gpicl");
    const PICTURES: &'static [&'static str] = &["phase-diagram", "learning"];
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Placed;

    fn check(settings: &Settings, checks: &mut Checks) {
        // Files are read last: a wrong number is told without waiting for them. Until then there may be 256 classes.
        let mut first = Checks::new();
        settings.check(if settings.base.is_digits() { 10 } else { 256 }, &mut first);
        if !first.none() {
            return first.problems().into_iter().for_each(|problem| checks.refuse(problem));
        }
        match sets::Sets::load(settings) {
            Ok(sets) => {
                settings.check(sets.base.classes(), checks);
                sets.problems(settings).into_iter().for_each(|problem| checks.refuse(problem));
            }
            Err(problem) => checks.refuse(problem),
        }
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Placed>> {
        // Settings whose grids do not fit were refused.
        settings.cells(seeds).unwrap_or_default()
    }

    fn start(settings: &Settings, cell: Cell<Placed>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(Box::new(trial::GpiclTrial::start(settings, cell, setup)?))
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Placed>) -> Vec<Panel> {
        study_panels::panels(settings, evidence)
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Placed>, key: Key) -> Verdict {
        judge::judge(settings, evidence, key)
    }
}
