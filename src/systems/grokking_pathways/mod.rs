//! Grokking seen in the pathways of a mixture of experts (Li, Fan and Zhou 2025).
//!
//! A small mixture of experts memorises sums modulo p and, much later, generalises. Meanwhile its pathways through the
//! experts are read on training samples alone: do they tell when it generalises, before it does, and is it more than
//! expert load? Beside it a decoder learns four operations at once, each in its own time.

pub mod domains;
mod judge;
mod leads;
mod model;
mod panels;
pub mod settings;
mod study_panels;
#[cfg(test)]
mod tests;
mod times;
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
pub struct GrokkingPathways;

impl System for GrokkingPathways {
    const CARD: Card = Card {
        slug: "grokking-pathways",
        number: 29,
        title: "Grokking seen in pathways",
        family: Family::Memory,
        sentence: "after memorisation the experts that training samples visit become shared, and this tells when a model \
                   generalises",
        paper: Paper {
            title: "Where to find Grokking in LLM Pretraining? Monitor Memorization-to-Generalization without Test",
            authors: "Ziyue Li, Chenrui Fan, Tianyi Zhou",
            year: 2025,
        },
        claims: &[
            "Generalisation comes long after memorisation, at different times for different groups of data.",
            "After memorisation the edit distance between pathways falls, and pathways become smoother across layers.",
            "Both go with accuracy on downstream tasks; the training loss does not.",
            "Shallow layers become shared first.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "a router over experts with top-k choice and load loss, edit distance and consistency of pathways on training \
               samples, memorised and generalised times of groups",
        shrunk: "a mixture of 2 to 4 layers on sums modulo p, some hundred samples, in place of 7 billion weights on text; \
                 full-batch epochs in place of one pass. `full` has a decoder of 3 blocks on four operations beside it, in \
                 epochs and in one pass over samples with a long tail; both are reported and not judged",
        substituted: "accuracy on held-out pairs in place of benchmarks after tuning. Beside the paper's two numbers stand \
                      what expert load alone would give, and the ratio of distances within samples of one answer, which \
                      load cannot explain, against that within samples of one difference, which the task does not ask for",
        metrics: &[
            metric("test_accuracy", "accuracy", "pairs that were held out"),
            metric("train_accuracy", "accuracy", "pairs that are trained on"),
            metric("train_loss", "nats", "cross-entropy of the training pairs, without the load loss"),
            metric(
                "distance",
                "share",
                "D: mean edit distance between pathways of training samples, over their length",
            ),
            metric("load_alone", "share", "the distance that the load of the experts alone would give"),
            metric("same_answer", "ratio", "distance within samples of one answer, over that of all"),
            metric("same_difference", "ratio", "the same for samples whose numbers are equally far apart"),
            metric("consistency", "cosine", "C: between the mixed expert embeddings of neighbouring layers"),
            metric("load_entropy", "share", "of the experts' load, of an even one"),
            metric("same_domain", "ratio", "on mixed domains: distance within one operation, over that of all"),
            metric(
                "matched_own_domain",
                "share",
                "on mixed domains: groups whose match by pathway is of their operation",
            ),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("grokking-pathways");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("grokking-pathways");
    const PICTURES: &'static [&'static str] = &["generalisation"];
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
        Ok(match (&settings.domains, cell.condition) {
            (Some(domains), condition) if !condition.of_sums() => {
                Box::new(domains::trial::DomainTrial::start(domains, condition, setup))
            }
            (_, condition) => Box::new(trial::PathwayTrial::start(settings, condition, setup)),
        })
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
