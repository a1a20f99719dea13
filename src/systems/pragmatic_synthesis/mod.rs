//! Pragmatic examples for program synthesis (Vaduguru, Fried and Pu 2023): a listener guesses a regular expression from
//! examples, a speaker chooses them. They play each other; of what they sample, RSA picks the example that tells most,
//! and both learn from what was picked. So the listener comes to expect chosen examples without having seen a person's.

mod codec;
mod exact;
mod game;
mod judge;
mod panels;
mod players;
mod rsa;
mod schedule;
pub mod settings;
mod study_panels;
#[cfg(test)]
mod tests;
mod trial;
mod world;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::Settings;

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct PragmaticSynthesis;

impl System for PragmaticSynthesis {
    const CARD: Card = Card {
        slug: "pragmatic-synthesis",
        number: 5,
        title: "Pragmatic examples for program synthesis",
        family: Family::Structure,
        sentence: "a program synthesiser that plays speaker and listener with itself learns to read examples as chosen, \
                   without any person's",
        paper: Paper {
            title: "Generating Pragmatic Examples to Train Neural Program Synthesizers",
            authors: "Saujas Vaduguru, Daniel Fried, Yewen Pu",
            year: 2023,
        },
        claims: &[
            "PraX beats the same synthesiser trained without pragmatic choice by 23 points, 51 % relative.",
            "It matches fine-tuning on examples that people chose.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "the game, RSA on samples of two models each (now and literal), retraining from the literal weights on all \
               rounds, ranking by log probability among samples that agree",
        shrunk: "programs of two parts over six letters, 1,298 behaviours on 258 strings, all of which can be listed; a \
                 Transformer of one layer each way; 3 rounds of 128 targets, 32 samples",
        substituted: "a small Transformer for ByT5; for people the exact soft RSA speaker at rationality 8, so that the \
                      second claim reads: as good as training on the stand-in's own examples. Half of every batch of \
                      chosen examples is random examples of all programs, or the listener forgets the others; fixed \
                      steps in place of early stopping",
        metrics: &[
            metric("s5.prax", "share", "of test targets solved with five chosen examples, PraX"),
            metric("s5.lit", "share", "the same for LIT+, as many steps on random examples"),
            metric("s5.shuf", "share", "the same for SHUF, any of the same candidates"),
            metric("s5.hft", "share", "the same for HFT, the stand-in's own examples"),
            metric("random.prax", "share", "of test targets solved with five random examples, PraX"),
            metric("random.lit", "share", "the same for LIT+"),
            metric("random.shuf", "share", "the same for SHUF"),
            metric("random.hft", "share", "the same for HFT"),
            metric("first.prax", "examples", "until a target is first solved, one more than there are if never, PraX"),
            metric("first.lit", "examples", "the same for LIT+"),
            metric("first.shuf", "examples", "the same for SHUF"),
            metric("first.hft", "examples", "the same for HFT"),
            metric("exact.l0.judged", "share", "that the exact L0 solves with the same five examples"),
            metric("validation", "share", "of validation targets solved with five chosen examples, literal listener"),
            metric("validation.prax", "share", "the same after a round of PraX"),
            metric("validation.shuf", "share", "the same after a round of SHUF"),
            metric("positive.prax", "share", "of examples that match, a round of PraX"),
            metric("length.prax", "letters", "in a string, a round of PraX"),
            metric("eliminated.prax", "share", "of standing programs that an example strikes out, a round of PraX"),
            metric("positive.shuf", "share", "of examples that match, a round of SHUF"),
            metric("length.shuf", "letters", "in a string, a round of SHUF"),
            metric("eliminated.shuf", "share", "of standing programs that an example strikes out, a round of SHUF"),
            metric("loss.listener", "nats", "of the literal listener, a token of its last batches"),
            metric("loss.speaker", "nats", "of the literal speaker"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("pragmatic-synthesis");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("pragmatic-synthesis");
    const PICTURES: &'static [&'static str] = &["solved", "gains"];
    const SEQUENCES: bool = true;
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Settings;

    fn check(settings: &Settings, checks: &mut Checks) {
        settings.check(checks);
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Settings>> {
        settings.cells(seeds)
    }

    fn start(_: &Settings, cell: Cell<Settings>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(Box::new(trial::PragmaticTrial::start(cell.condition, setup)?))
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Settings>) -> Vec<Panel> {
        study_panels::panels(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Settings>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
