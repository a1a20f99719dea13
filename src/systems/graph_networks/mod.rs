//! Graph networks (Battaglia et al. 2018): one block for computing on graphs, and what it is for.
//!
//! The same functions serve every entity and every relation, so a model that was trained on small graphs should work on
//! larger ones. It sorts lists twice as long as any that it saw and rolls out chains of fewer and more masses; beside it
//! stand the same model with every sum at zero, and a perceptron that sees a list as a vector.

mod flat;
mod judge;
mod model;
mod panels;
mod score;
pub mod settings;
mod spring_panels;
mod springs;
mod student;
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
pub struct GraphNetworks;

impl System for GraphNetworks {
    const CARD: Card = Card {
        slug: "graph-networks",
        number: 20,
        title: "Graph networks",
        family: Family::Structure,
        sentence: "a network that reuses one function for every entity and relation works on larger graphs than it was \
                   trained on",
        paper: Paper {
            title: "Relational inductive biases, deep learning, and graph networks",
            authors: "Peter W. Battaglia, Jessica B. Hamrick, Victor Bapst and 24 others",
            year: 2018,
        },
        claims: &[
            "The graph-network block generalises and unifies earlier networks on graphs.",
            "Relational inductive biases give combinatorial generalisation: trained on small graphs, it sorts, finds paths \
             and rolls out physics on larger ones.",
            "Training sizes are near perfect after some thousand training steps.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "the block with every variant of the paper, encode-process-decode with a loss after every processing step, \
               the three demos' tasks and sizes (`full`)",
        shrunk: "`quick` sorts 4 to 8 numbers and is tested on up to 16 and 32, in 5 processing steps and 2,000 training \
                 steps; physics has 5,000 training steps in place of 50,000; `full` has 5,000 on lists and paths and 20,000 on \
                 physics",
        substituted: "physics draws its states from a pool of trajectories, and a fixed mass stays still in rollouts too; a \
                      spring has one constant for both of its ends",
        metrics: &[
            metric("f1.twice", "F1", "of links between nodes of graphs of up to twice the size trained on"),
            metric("f1.trained", "F1", "on graphs of the sizes trained on"),
            metric("f1.four_times", "F1", "on graphs of up to four times the size"),
            metric("solved.trained", "share", "of graphs of the sizes trained on of which everything is right"),
            metric("solved.twice", "share", "the same for twice the size"),
            metric("solved.four_times", "share", "the same for four times the size"),
            metric("ratio.fewer", "ratio", "velocity error of 50-step rollouts over standing still, fewer masses"),
            metric("ratio.more", "ratio", "the same for more masses than trained on"),
            metric("ratio.many", "ratio", "the same for many more"),
            metric("loss", "nats or m²/s²", "training loss, mean since the last look"),
            metric("gap_rule.trained", "F1", "the best that the gap of two numbers alone tells, sizes trained on"),
            metric("gap_rule.twice", "F1", "the same for twice the size"),
            metric("gap_rule.four_times", "F1", "the same for four times the size"),
            metric("moved_by_relabelling", "probability", "most that answers move when nodes get other numbers"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("graph-networks");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("graph-networks");
    const PICTURES: &'static [&'static str] = &["sizes"];
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
            condition @ Condition::Springs(_) => Box::new(springs::SpringTrial::start(settings, condition, setup)),
            condition => Box::new(trial::LinkTrial::start(settings, condition, setup)?),
        })
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(settings, evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
