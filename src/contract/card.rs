//! The card of a system: what a newcomer reads before pressing Enter.

use serde::Serialize;

/// The families under which the home screen lists systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// In-context learning, sequence layers as memories.
    Memory,
    /// Measures of inductive bias and of training dynamics.
    Bias,
    /// Acting and choosing under uncertainty.
    Decisions,
    /// Programs, graphs, systematic generalisation.
    Structure,
    /// Language models, their tuning and their biases.
    Language,
    /// Removing what a data set should not have taught.
    Debiasing,
}

impl Family {
    /// Every family, in the order in which it is shown.
    pub const ALL: [Family; 6] =
        [Family::Memory, Family::Bias, Family::Decisions, Family::Structure, Family::Language, Family::Debiasing];

    /// The word shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Memory => "memory",
            Family::Bias => "bias",
            Family::Decisions => "decisions",
            Family::Structure => "structure",
            Family::Language => "language",
            Family::Debiasing => "debiasing",
        }
    }
}

/// Where a system comes from.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Paper {
    /// Title as printed.
    pub title: &'static str,
    /// First author and others.
    pub authors: &'static str,
    /// Year of the version that was followed.
    pub year: u16,
}

/// One metric that the trials of a system record.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MetricCard {
    /// Name in `metrics.jsonl`, for example `unseen.last`.
    pub name: &'static str,
    /// Unit, for example `accuracy` or `nats`.
    pub unit: &'static str,
    /// What it is, in a sentence.
    pub says: &'static str,
}

/// A metric with its name, its unit and what it is.
pub const fn metric(name: &'static str, unit: &'static str, says: &'static str) -> MetricCard {
    MetricCard { name, unit, says }
}

/// Everything fixed about a system that a person may want to know.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Card {
    /// Name on the command line and of the preset folder.
    pub slug: &'static str,
    /// Number of the sheet, 1 to 34.
    pub number: u8,
    /// Short title.
    pub title: &'static str,
    /// Family on the home screen.
    pub family: Family,
    /// The claim in one sentence.
    pub sentence: &'static str,
    /// The paper.
    pub paper: Paper,
    /// The paper's claims, numbered as in the sheet.
    pub claims: &'static [&'static str],
    /// What must be shown for `reproduced`, with the thresholds, one line a check.
    pub thresholds: &'static [&'static str],
    /// What of the paper's set-up is kept.
    pub kept: &'static str,
    /// What is smaller than in the paper.
    pub shrunk: &'static str,
    /// What is replaced, and why the phenomenon survives it.
    pub substituted: &'static str,
    /// What the trials record; the first is the one to plot first.
    pub metrics: &'static [MetricCard],
}
