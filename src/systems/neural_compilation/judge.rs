//! The judge: what must be shown, thresholds fixed here and nowhere else.

use super::exact::short;
use super::settings::{Arm, COMPILED, Condition, Settings};
use super::trial::JUDGED;
use crate::base::random::Key;
use crate::contract::{Check, Evidence, Outcome, Recorded, Verdict};
use crate::instruments::statistics::{Bootstrap, Pairing};
use crate::tasks::algorithms::Algorithm;
use crate::training::{Measured, Ruling, hold, missing, verdict};

/// Least accuracy of breadth-first search for there to be something to judge.
const LEARNT: f64 = 0.85;
/// By how much depth-first search may still rise over the last steps, and over how many.
const FLAT: (f64, u64) = (0.02, 200);
/// Least accuracy of breadth-first search.
const BFS: f64 = 0.95;
/// By how much breadth-first search must be ahead of depth-first search.
const AHEAD: f64 = 0.15;
/// Most accuracy of depth-first search.
const DFS: f64 = 0.85;
/// Below this lead nothing is left of the claim.
const NOTHING: f64 = 0.05;
/// Most attention faithfulness of a network with a gap.
const GAP: f64 = 0.90;
/// Least accuracy of the control of length for depth to be what matters.
const SEQUENTIAL: f64 = 0.85;

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "gates, else undecided: compiled networks exact on every graph; BFS accuracy >= 0.85 at the size trained on; DFS risen \
     by less than 0.02 over its last 200 steps",
    "(i) BFS: accuracy >= 0.95 at the size trained on",
    "(ii) BFS - DFS >= 0.15 with its interval above 0, and DFS <= 0.85, at the size trained on and beyond it",
    "(iii) BFS attends as the compiled network by F <= 0.90 while its accuracy is >= 0.95, at the size trained on",
    "reproduced: all; partly: (ii) beyond the size trained on with (i) or (iii); not reproduced: BFS - DFS < 0.05 beyond it, \
     or neither",
    "controls: compiled networks attend as themselves by F = 1.000; so does BFS with attention forced; BFS and DFS beat the \
     guess of the lowest neighbour",
    "length (where it is trained; it does not change the outcome): BFS that takes a node a step >= 0.85 at the size \
     trained on and beyond it; where it is less, length explains what depth class should",
];

const HEADLINE: &str = "accuracy of BFS less that of DFS on larger graphs than trained on";

/// The verdict on everything that was recorded.
pub(super) fn judge(settings: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
    let judged = ["accuracy.", "trace.", "faithful", "uniform.", "forced_", "guess_", "exact.", "graphs"];
    let rows = evidence.rows(|name| judged.iter().any(|start| name.starts_with(start)));
    let ruling = Court::open(settings, evidence, key).map(|court| court.rule());
    verdict(HEADLINE, format!(">= {AHEAD}, interval above 0"), rows, ruling)
}

/// The conditions that are judged.
struct Court<'e> {
    bootstrap: Bootstrap,
    compiled: Recorded<'e, Condition>,
    bfs: Recorded<'e, Condition>,
    bellman_ford: Recorded<'e, Condition>,
    dfs: Recorded<'e, Condition>,
    /// The control of length, where there is one.
    sequential: Option<Recorded<'e, Condition>>,
}

impl<'e> Court<'e> {
    fn open(settings: &Settings, evidence: &'e Evidence<'_, Condition>, key: Key) -> Result<Self, String> {
        let judged = |condition: Condition| {
            let found = evidence.find(|c| *c == condition).filter(Recorded::complete);
            found.ok_or_else(|| format!("not every seed of {} ran to its end", condition.name()))
        };
        let trained = |algorithm| judged(Condition::Trained(algorithm, Arm::Main));
        let court = Court {
            bootstrap: Bootstrap::new(key),
            compiled: judged(Condition::Compiled)?,
            bfs: trained(Algorithm::Bfs)?,
            bellman_ford: trained(Algorithm::BellmanFord)?,
            dfs: trained(Algorithm::Dfs)?,
            sequential: settings.sequential.map(|_| trained(Algorithm::SequentialBfs)).transpose()?,
        };
        court.gates().map(|()| court)
    }

    fn gates(&self) -> Result<(), String> {
        let graphs = self.compiled.last("graphs").ok_or("compiled networks were not tested")?;
        for algorithm in COMPILED {
            let last = |metric: &str| self.compiled.last(&format!("{metric}.{}", short(algorithm)));
            let (exact, accuracy) = (last("exact").unwrap_or(0.0), last("accuracy").unwrap_or(0.0));
            if exact < graphs || accuracy < 1.0 {
                let name = algorithm.name();
                return Err(format!(
                    "compiled {name} is not exact: {exact} of {graphs} graphs, accuracy {accuracy:.4}"
                ));
            }
        }
        match self.bfs.last("accuracy.inside") {
            Some(accuracy) if accuracy < LEARNT => {
                return Err(format!("BFS was not learnt: accuracy {accuracy:.3} at the size trained on"));
            }
            Some(_) => {}
            None => return Err("BFS was not measured".into()),
        }
        match self.rise() {
            Some(rise) if rise < FLAT.0 => Ok(()),
            Some(rise) => Err(format!("DFS still rises: by {rise:.3} over its last {} steps", FLAT.1)),
            None => Err(format!("DFS was not followed over {} steps", FLAT.1)),
        }
    }

    /// How much depth-first search rose at the end of its training, mean of seeds.
    fn rise(&self) -> Option<f64> {
        let series = self.dfs.series("accuracy.inside");
        let (last, accuracy) = *series.last()?;
        let before = series.iter().rev().find(|(step, _)| *step <= last - FLAT.1 as f64)?;
        Some(accuracy - before.1)
    }

    /// (ii) at a size: the lead, and that depth-first search is not learnt.
    fn lead(&self, judged: &str, says: &str) -> [Check; 2] {
        let each = format!("each.{judged}");
        let (bfs, dfs) = (self.bfs.groups(&each), self.dfs.groups(&each));
        let lead = self.bootstrap.difference(&bfs, &dfs, Pairing::Independent);
        let statistic =
            if judged == "beyond" { HEADLINE.to_owned() } else { "accuracy of BFS less that of DFS".into() };
        let of_dfs = self.bootstrap.over_seeds(&self.dfs.values(&format!("accuracy.{judged}")));
        let id = format!("(ii) {says}");
        [
            Measured::new(&id, format!("BFS is learnt better than DFS {says}"), statistic, lead)
                .holds(format!(">= {AHEAD}, interval above 0"), |e| e.value >= AHEAD && e.low > 0.0),
            Measured::new(&id, format!("DFS is not learnt {says}"), "accuracy of DFS", of_dfs)
                .holds(format!("<= {DFS}"), |e| e.value <= DFS),
        ]
    }

    /// (i) and (iii).
    fn gap(&self) -> [Check; 2] {
        let accuracy = self.bfs.values("accuracy.inside");
        let learnt = self.bfs.last("accuracy.inside").is_some_and(|accuracy| accuracy >= BFS);
        let faithful = self.bootstrap.over_seeds(&self.bfs.values("faithful.inside"));
        let last = |metric: &str| self.bfs.last(metric).map_or_else(|| "-".into(), |x| format!("{x:.3}"));
        let statistic = format!(
            "F of the best head (beyond: {}; with a choice: {}; uniform attention: {})",
            last("faithful.beyond"),
            last("faithful_chosen.inside"),
            last("uniform.inside"),
        );
        [
            Measured::new("(i)", "BFS is learnt", "accuracy of BFS", self.bootstrap.over_seeds(&accuracy))
                .holds(format!(">= {BFS}"), |e| e.value >= BFS),
            Measured::new(
                "(iii)",
                "BFS answers right and attends otherwise than the compiled network",
                statistic,
                faithful,
            )
            .holds(format!("<= {GAP}, accuracy >= {BFS}"), |e| learnt && e.value <= GAP),
        ]
    }

    /// What must show no gap, or the measure is worth nothing.
    fn without_gap(&self) -> Vec<Check> {
        let mut controls = Vec::new();
        let graphs = self.compiled.last("graphs").unwrap_or(f64::NAN);
        for algorithm in COMPILED {
            let (name, last) =
                (algorithm.name(), |metric: &str| self.compiled.last(&format!("{metric}.{}", short(algorithm))));
            let statistic = format!("graphs of {graphs} with answer and trace right");
            controls.push(
                Measured::number("compiled", format!("compiled {name} is exact"), statistic, last("exact"))
                    .holds(format!("= {graphs}"), |e| e.value == graphs),
            );
            controls.push(
                Measured::number("no gap", format!("compiled {name} attends as itself"), "its F", last("faithful"))
                    .holds("= 1", |e| e.value == 1.0),
            );
        }
        let forced = self.bfs.last("forced_faithful.inside").or_else(|| self.bfs.last("faithful.inside"));
        let accuracy = self.bfs.last("forced_accuracy.inside").or_else(|| self.bfs.last("accuracy.inside"));
        let statistic = format!("its F (accuracy {:.3})", accuracy.unwrap_or(f64::NAN));
        controls.push(
            Measured::number("forced", "BFS with the compiled attention has no gap", statistic, forced)
                .holds("= 1", |e| e.value == 1.0),
        );
        controls
    }

    /// Guesses that a trained network must beat.
    fn guesses(&self) -> Vec<Check> {
        let mut controls = Vec::new();
        for (of, name) in [(&self.bfs, "BFS"), (&self.dfs, "DFS")] {
            for judged in JUDGED {
                let last = |metric: &str| of.last(&format!("{metric}.{judged}"));
                let above = last("accuracy").zip(last("guess_lowest")).map(|(accuracy, guess)| accuracy - guess);
                let says = format!("{name} beats the lowest neighbour {judged} the size trained on");
                controls.push(
                    Measured::number("guess", says, "accuracy, less that of the guess", above)
                        .holds("> 0", |e| e.value > 0.0),
                );
            }
        }
        controls
    }

    /// Claim 4, where it was asked: whether a long trace alone makes breadth-first search fail, at each size.
    fn length(&self) -> Vec<Check> {
        let Some(sequential) = &self.sequential else { return Vec::new() };
        let at = |judged: &str| {
            let says = format!("BFS that takes a node a step is learnt, {judged} the size trained on");
            match self.bootstrap.over_seeds(&sequential.values(&format!("accuracy.{judged}"))) {
                Some(found) => Measured::new("length", says, "accuracy of sequential BFS", Some(found))
                    .holds(format!(">= {SEQUENTIAL}"), |e| e.value >= SEQUENTIAL),
                None => missing("length", says),
            }
        };
        JUDGED.map(at).to_vec()
    }

    fn rule(&self) -> Ruling {
        let beyond = self.lead("beyond", "beyond the size trained on");
        let inside = self.lead("inside", "at the size trained on");
        let [learnt, gap] = self.gap();
        let (without_gap, guesses) = (self.without_gap(), self.guesses());
        let lead = beyond[0].effect.unwrap_or(f64::NAN);
        let outcome = match hold(&beyond) {
            _ if !hold(&without_gap) => Outcome::NotReproduced,
            true if hold(&inside) && learnt.passed && gap.passed && hold(&guesses) => Outcome::Reproduced,
            true if learnt.passed || gap.passed => Outcome::Partly,
            _ => Outcome::NotReproduced,
        };
        let of = |check: &Check| check.effect.map_or_else(|| "not measured".into(), |effect| format!("{effect:.3}"));
        let moderate = self.bellman_ford.last("accuracy.inside").unwrap_or(f64::NAN);
        let rest = if lead < NOTHING { ", which is nothing" } else { "" };
        let told = format!(
            "BFS {} at the size trained on, ahead of DFS by {} there and by {} beyond{rest}; Bellman-Ford {moderate:.3}; BFS \
             looks where the compiled network does by F {}",
            of(&learnt),
            of(&inside[0]),
            of(&beyond[0]),
            of(&gap),
        );
        let mut checks = [&beyond[..], &inside[..], &[learnt, gap]].concat();
        checks.extend(self.length());
        Ruling { outcome, told, checks, controls: [without_gap, guesses].concat() }
    }
}
