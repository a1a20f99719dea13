//! Neural compilation (Saldyt and Kambhampati 2025): the gap between an algorithm that is written into the weights of a
//! graph attention network and what the same network learns.
//!
//! Breadth-first search, Bellman-Ford and depth-first search are compiled into weights that are exact on every graph, and
//! trained from their traces. What a trained network answers is held against the textbook, and where it looks on the way
//! against where the compiled one looks.

mod blocks;
mod compiler;
mod exact;
mod judge;
mod machine;
mod network;
mod panels;
mod reader;
mod score;
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
pub struct NeuralCompilation;

impl System for NeuralCompilation {
    const CARD: Card = Card {
        slug: "neural-compilation",
        number: 18,
        title: "Neural compilation",
        family: Family::Structure,
        sentence: "a network into which an algorithm was compiled shows what training does not find, however right its \
                   answers are",
        paper: Paper {
            title: "Mind The Gap: Deep Learning Doesn't Learn Deeply",
            authors: "Lucas Saldyt, Subbarao Kambhampati",
            year: 2025,
        },
        claims: &[
            "Neural compilation gives exact BFS, Bellman-Ford and DFS in a graph network.",
            "BFS is learnt well, Bellman-Ford moderately, DFS poorly, though all can be expressed.",
            "Even for BFS a trained network with nearly perfect answers departs from the compiled one inside: a mechanistic \
             gap, in its traces and in its attention.",
            "Conjecture: gradient training works best for shallow parallel algorithms, whatever the length of a trace.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "three algorithms with the traces and tie-breaking of CLRS, GATv2 heads, supervision by hints, both measures \
               of faithfulness",
        shrunk: "`quick` trains on 4 to 8 nodes and tests 16, hidden width 32, 500 to 1,000 steps; DFS is told by colours, \
                 current node and parents alone, in 2n steps of two rounds",
        substituted: "the authors' compiler was not found: the compiled weights are a construction of the bench, exact on \
                      every graph of up to 64 nodes; heads have values that know the edge",
        metrics: &[
            metric("accuracy.inside", "share", "of nodes that point rightly, on graphs of a size trained on"),
            metric("accuracy.beyond", "share", "the same on larger graphs"),
            metric("faithful.inside", "share", "F: attention of the best head on what the compiled network looks at"),
            metric("faithful.beyond", "share", "the same on larger graphs"),
            metric("faithful_chosen.inside", "share", "F over nodes that had several to choose from"),
            metric("faithful_chosen.beyond", "share", "the same on larger graphs"),
            metric("uniform.inside", "share", "U: what uniform attention would put there"),
            metric("uniform.beyond", "share", "the same on larger graphs"),
            metric("trace.inside", "share", "of steps of which every hint is right"),
            metric("trace.beyond", "share", "the same on larger graphs"),
            metric("loss", "nats", "training loss, mean since the last look"),
            metric("forced_accuracy.inside", "share", "accuracy with the compiled network's attention"),
            metric("forced_faithful.inside", "share", "F with the compiled network's attention"),
            metric("guess_itself.inside", "share", "accuracy of every node pointing at itself"),
            metric("guess_itself.beyond", "share", "the same on larger graphs"),
            metric("guess_lowest.inside", "share", "accuracy of pointing at the lowest neighbour"),
            metric("guess_lowest.beyond", "share", "the same on larger graphs"),
            metric("graphs", "graphs", "on which each compiled network is held against the textbook"),
            metric("exact.bfs", "graphs", "of which compiled BFS has answer and whole trace right"),
            metric("exact.bellman_ford", "graphs", "the same for Bellman-Ford"),
            metric("exact.dfs", "graphs", "the same for DFS"),
            metric("accuracy.bfs", "share", "least accuracy of compiled BFS over sizes"),
            metric("accuracy.bellman_ford", "share", "the same for Bellman-Ford"),
            metric("accuracy.dfs", "share", "the same for DFS"),
            metric("faithful.bfs", "share", "least F of compiled BFS against itself"),
            metric("faithful.bellman_ford", "share", "the same for Bellman-Ford"),
            metric("faithful.dfs", "share", "the same for DFS"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("neural-compilation");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("neural-compilation");
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
            Condition::Compiled => Box::new(exact::CompiledTrial::start(settings, setup)),
            Condition::Trained(algorithm, arm) => Box::new(trial::TrainedTrial::start(settings, algorithm, arm, setup)),
        })
    }

    fn panels(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(settings, evidence)
    }

    fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(settings, evidence, key)
    }
}
