//! The grid of a study: its cells, and the trials that they become.

use std::ops::Range;

use super::{Cost, TrialError, TrialSpec};
use crate::base::text::plain_name;

/// A condition with its place in the study, and what a trial of it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell<C> {
    /// Name for people, unique in the study: `K = inf`.
    pub label: String,
    /// The condition in full.
    pub condition: C,
    /// Its replicas, by the number of their random streams.
    pub replicas: Range<u64>,
    /// Where it stands on the axes of the study.
    pub axes: Vec<(&'static str, String)>,
    /// Steps of a trial, as its progress counts them.
    pub steps: u64,
    /// Examples that a step trains on; 0 where a step is no batch of them, or nobody knows.
    pub examples: u64,
    /// Floating-point operations of a trial; 0 if nobody knows.
    pub flop: f64,
    /// Bytes of memory of a trial.
    pub memory: u64,
    /// Bytes on disk of a trial.
    pub disk: u64,
}

impl<C> Cell<C> {
    /// A cell with replicas from 0 on, without axes, whose cost nobody knows.
    pub fn new(label: impl Into<String>, condition: C, seeds: u64, steps: u64) -> Self {
        let label = label.into();
        let (replicas, axes) = (0..seeds, Vec::new());
        Cell { label, condition, replicas, axes, steps, examples: 0, flop: 0.0, memory: 0, disk: 0 }
    }

    /// The same at a place on an axis.
    #[must_use]
    pub fn at(mut self, axis: &'static str, value: impl ToString) -> Self {
        self.axes.push((axis, value.to_string()));
        self
    }

    /// The same with the examples that a step trains on.
    #[must_use]
    pub fn seeing(self, examples: usize) -> Self {
        Cell { examples: examples as u64, ..self }
    }

    /// The same with what a trial of it costs in floating-point operations.
    #[must_use]
    pub fn costing(self, flop: f64) -> Self {
        Cell { flop, ..self }
    }

    /// The same with the bytes that a trial of it takes, in memory and on disk.
    #[must_use]
    pub fn taking(self, memory: u64, disk: u64) -> Self {
        Cell { memory, disk, ..self }
    }

    /// Its trial of one replica.
    pub fn spec(&self, seed: u64) -> TrialSpec {
        TrialSpec {
            name: format!("{}.s{seed}", plain_name(&self.label)),
            condition: self.label.clone(),
            seed,
            axes: self.axes.iter().map(|(axis, value)| ((*axis).to_owned(), value.clone())).collect(),
            steps: self.steps,
            examples: self.examples,
            flop: self.flop,
        }
    }

    /// Trials of it; a range that ends before it begins has none.
    fn trials(&self) -> u64 {
        self.replicas.end.saturating_sub(self.replicas.start)
    }
}

/// The trials: replica by replica, and within a replica in the order of the cells, so that the whole story is on
/// the screen after the first few.
pub(super) fn specs<C>(cells: &[Cell<C>]) -> Vec<TrialSpec> {
    let first = cells.iter().map(|cell| cell.replicas.start).min().unwrap_or(0);
    let end = cells.iter().map(|cell| cell.replicas.end).max().unwrap_or(0);
    let of_replica = |seed: u64| cells.iter().filter(move |c| c.replicas.contains(&seed)).map(move |c| c.spec(seed));
    (first..end).flat_map(of_replica).collect()
}

/// What all trials take: the memory of the largest, everything else together.
pub(super) fn cost<C>(cells: &[Cell<C>]) -> Cost {
    Cost {
        trials: cells.iter().map(Cell::trials).sum::<u64>() as usize,
        flop: cells.iter().map(|cell| cell.trials() as f64 * cell.flop).sum(),
        memory: cells.iter().map(|cell| cell.memory).max().unwrap_or(0),
        disk: cells.iter().map(|cell| cell.trials() * cell.disk).sum(),
    }
}

/// The cell that a trial is of.
///
/// # Errors
/// [`TrialError::Data`] when there is none: the trial is of other settings.
pub(super) fn cell_of<C>(cells: Vec<Cell<C>>, spec: &TrialSpec) -> Result<Cell<C>, TrialError> {
    let lacks = |what: String| Err(TrialError::Data(format!("the preset has no {what}")));
    match cells.into_iter().find(|cell| cell.label == spec.condition) {
        Some(cell) if cell.replicas.contains(&spec.seed) => Ok(cell),
        Some(_) => lacks(format!("replica {} of {}", spec.seed, spec.condition)),
        None => lacks(format!("condition {}", spec.condition)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_go_replica_by_replica_and_find_their_cells() {
        let late = Cell { replicas: 1..3, ..Cell::new("c", (), 0, 1) };
        let cells = [Cell::new("a", (), 2, 1), Cell::new("b", (), 1, 1), late];
        let names: Vec<String> = specs(&cells).into_iter().map(|spec| spec.name).collect();
        assert_eq!(names, ["a.s0", "b.s0", "a.s1", "c.s1", "c.s2"]);
        let spec = Cell::new("a", (), 1, 7).at("width", 64).costing(14.0).seeing(32).spec(0);
        assert_eq!((spec.axes["width"].as_str(), spec.steps, spec.flop), ("64", 7, 14.0));
        assert_eq!((spec.examples_at(3), spec.flop_at(3)), (Some(96), Some(6.0)));
        let unknown = Cell::new("a", (), 1, 7).spec(0);
        assert_eq!((unknown.examples_at(3), unknown.flop_at(3)), (None, None));
        assert_eq!(cell_of(cells.to_vec(), &cells[1].spec(0)).unwrap().label, "b");
        let told = |cells: &[Cell<()>], spec| cell_of(cells.to_vec(), &spec).unwrap_err().to_string();
        assert!(told(&cells[1..], cells[0].spec(0)).contains("no condition a"));
        assert!(told(&cells, cells[2].spec(0)).contains("no replica 0 of c"));
    }

    #[test]
    fn a_study_costs_what_its_trials_do() {
        let cells = [
            Cell::new("a", (), 2, 1).costing(3.0).taking(10, 1),
            Cell { replicas: 2..3, ..Cell::new("b", (), 0, 1).costing(1.0).taking(4, 5) },
            Cell { replicas: 2..2, ..Cell::new("c", (), 0, 1).costing(9.0).taking(1, 1) },
        ];
        assert_eq!(cost(&cells), Cost { trials: 3, flop: 7.0, memory: 10, disk: 7 });
    }
}
