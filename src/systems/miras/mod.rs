//! Miras: sequence layers as memories that learn online (Behrouz et al. 2025, "It's All Connected").
//!
//! A recurrent layer is a memory that maps keys to values while it reads: which loss it descends, how it is kept near its
//! past, and with what step. The memory alone is tried on streams with outliers and with a map that changes; trained
//! layers on recall of pairs, some of whose values reach them as noise.

mod alone;
mod alone_trial;
mod judge;
mod panels;
mod sequence_panels;
pub mod settings;
mod study_panels;
#[cfg(test)]
mod tests;
mod trial;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::{Condition, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct Miras;

impl System for Miras {
    const CARD: Card = Card {
        slug: "miras",
        number: 6,
        title: "Memories that learn while they read",
        family: Family::Memory,
        sentence: "a recurrent layer descends a loss while it reads: one that bounds errors keeps its memory through faults",
        paper: Paper {
            title: "It's All Connected: A Journey Through Test-Time Memorization, Attentional Bias, Retention, and Online \
                    Optimization",
            authors: "Ali Behrouz, Meisam Razaviyayn, Peilin Zhong, Vahab Mirrokni",
            year: 2025,
        },
        claims: &[
            "Linear attention, DeltaNet, gated variants and Titans are one rule with other choices of loss, retention and optimiser.",
            "They use dot products or squared errors alone; other losses and retentions give useful layers with other strengths.",
            "Huber's loss (Yaad) protects a memory from extreme tokens.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "update rules, gates from low-rank maps, convolutions, normalised keys, reading after writing, chunks, outer \
               training through the whole recurrence",
        shrunk: "one or two layers, 32 to 64 wide",
        substituted: "associative recall for language: perplexities of language models are out of reach and not claimed. \
                      Values are scaled to unit size and faults enter before the convolution, so that they can neither be \
                      outgrown nor dodged. Yaad's tail has the direction of the error (continuous at the threshold); the \
                      published tail of signs is `yaad_sign`. Memora's row sums are learned",
        metrics: &[
            metric("accuracy", "share", "of questions answered rightly, on sequences never trained on"),
            metric("loss", "nats", "per question, on the same sequences"),
            metric("clipped", "share", "of tokens whose error is longer than Huber's threshold"),
            metric("threshold", "", "mean of the learned threshold"),
            metric("outlier.huber", "relative error", "of the memory alone after a stream with outliers, by rule"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("miras");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("miras");
    const PICTURES: &'static [&'static str] = &["recall"];
    const SEQUENCES: bool = true;
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Condition;

    fn check(settings: &Settings, checks: &mut Checks) {
        settings.check(checks);
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Condition>> {
        settings.cells(seeds)
    }

    fn start(settings: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(match cell.condition {
            Condition::Alone => Box::new(alone_trial::AloneTrial::start(settings, setup)),
            Condition::Trained(trained) => Box::new(trial::RecallTrial::start(settings, trained, setup)),
        })
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
