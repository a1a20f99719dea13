//! The cells of a study, its trials, and what those recorded, by condition.

use std::collections::BTreeMap;

use crate::contract::{Closing, TrialError, TrialResult, TrialSpec};
use crate::instruments::statistics::mean;

/// A condition with its place in the study.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell<C> {
    /// Name for people, unique in the study: `K = inf`.
    pub label: String,
    /// The condition in full.
    pub condition: C,
    /// Replicas.
    pub seeds: u64,
    /// Where it stands on the axes of the study.
    pub axes: Vec<(&'static str, String)>,
    /// Steps of a trial, as its progress counts them.
    pub steps: u64,
    /// Floating-point operations of a trial; 0 if nobody knows.
    pub flop: f64,
}

impl<C> Cell<C> {
    /// A cell without axes whose cost nobody knows.
    pub fn new(label: impl Into<String>, condition: C, seeds: u64, steps: u64) -> Self {
        Cell { label: label.into(), condition, seeds, axes: Vec::new(), steps, flop: 0.0 }
    }

    /// The same at a place on an axis.
    #[must_use]
    pub fn at(mut self, axis: &'static str, value: impl ToString) -> Self {
        self.axes.push((axis, value.to_string()));
        self
    }

    /// The same with its cost in floating-point operations.
    #[must_use]
    pub fn costing(mut self, flop: f64) -> Self {
        self.flop = flop;
        self
    }

    /// Its trial of one replica.
    pub fn spec(&self, seed: u64) -> TrialSpec {
        TrialSpec {
            name: format!("{}.s{seed}", plain_name(&self.label)),
            condition: self.label.clone(),
            seed,
            axes: self.axes.iter().map(|(axis, value)| ((*axis).to_owned(), value.clone())).collect(),
            steps: self.steps,
            flop: self.flop,
        }
    }
}

/// A label as the name of a folder: `K = inf` becomes `K-inf`.
pub fn plain_name(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let mut name: String = label.replace(" = ", "-").chars().map(plain).collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    name.trim_matches('-').to_owned()
}

/// The trials: seed by seed, and within a seed in the order of the cells, so that the whole story is on
/// the screen after the first few.
pub fn specs<C>(cells: &[Cell<C>]) -> Vec<TrialSpec> {
    let most = cells.iter().map(|cell| cell.seeds).max().unwrap_or(0);
    let of_seed = |seed: u64| cells.iter().filter(move |cell| seed < cell.seeds).map(move |cell| cell.spec(seed));
    (0..most).flat_map(of_seed).collect()
}

/// The cell that a trial is of.
///
/// # Errors
/// [`TrialError::Data`] when there is none: the trial is of other settings.
pub fn cell_of<C>(cells: Vec<Cell<C>>, spec: &TrialSpec) -> Result<Cell<C>, TrialError> {
    let cell = cells.into_iter().find(|cell| cell.label == spec.condition);
    cell.ok_or_else(|| TrialError::Data(format!("the preset has no condition {}", spec.condition)))
}

/// The cells of a study, each with what its seeds recorded: the ground on which panels and judge stand.
#[derive(Debug)]
pub struct Evidence<'a, C> {
    cells: Vec<(Cell<C>, Vec<&'a TrialResult>)>,
}

/// One condition with what its seeds recorded.
#[derive(Debug)]
pub struct Recorded<'e, C> {
    /// The condition.
    pub cell: &'e Cell<C>,
    /// Its seeds, in order.
    pub seeds: &'e [&'e TrialResult],
}

impl<C> Clone for Recorded<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Recorded<'_, C> {}

impl<'a, C> Evidence<'a, C> {
    /// Sorts results under cells.
    pub fn new(cells: Vec<Cell<C>>, results: &'a [TrialResult]) -> Self {
        let with_results = |cell: Cell<C>| {
            let seeds = results.iter().filter(|result| result.spec.condition == cell.label).collect();
            (cell, seeds)
        };
        Evidence { cells: cells.into_iter().map(with_results).collect() }
    }

    /// Every condition.
    pub fn all(&self) -> impl Iterator<Item = Recorded<'_, C>> {
        self.cells.iter().map(|(cell, seeds)| Recorded { cell, seeds })
    }

    /// The first condition that fits.
    pub fn find(&self, fits: impl Fn(&C) -> bool) -> Option<Recorded<'_, C>> {
        self.all().find(|recorded| fits(&recorded.cell.condition))
    }

    /// The conditions that fit.
    pub fn every(&self, fits: impl Fn(&C) -> bool) -> impl Iterator<Item = Recorded<'_, C>> {
        self.all().filter(move |recorded| fits(&recorded.cell.condition))
    }

    /// A sentence about the first condition of which a seed did not run to its end; none if all did.
    pub fn open(&self) -> Option<String> {
        let open = self.all().find(|recorded| !recorded.complete());
        open.map(|recorded| format!("not every seed of {} ran to its end", recorded.cell.label))
    }
}

impl<'e, C> Recorded<'e, C> {
    /// Whether every seed ran to its end.
    pub fn complete(&self) -> bool {
        !self.seeds.is_empty() && self.seeds.iter().all(|r| r.closing == Some(Closing::Done))
    }

    /// A vector of every seed that recorded it: the groups of a bootstrap.
    pub fn groups(&self, name: &str) -> Vec<&'e [f64]> {
        self.seeds.iter().filter_map(|result| result.vector(name)).collect()
    }

    /// The last value of a metric of every seed that recorded it, in order of the seeds.
    pub fn values(&self, metric: &str) -> Vec<f64> {
        self.seeds.iter().filter_map(|result| result.last(metric)).collect()
    }

    /// The last value of a metric by seed.
    pub fn by_seed(&self, metric: &str) -> BTreeMap<u64, f64> {
        self.seeds.iter().filter_map(|result| Some((result.spec.seed, result.last(metric)?))).collect()
    }

    /// The mean over seeds of a metric's last value.
    pub fn last(&self, metric: &str) -> Option<f64> {
        mean(&self.values(metric))
    }

    /// A curve recorded as a vector, mean over the seeds that recorded it.
    pub fn curve(&self, name: &str) -> Option<Vec<f64>> {
        let curves = self.groups(name);
        let len = curves.first()?.len();
        let at = |t: usize| curves.iter().filter_map(|c| c.get(t)).sum::<f64>() / curves.len() as f64;
        Some((0..len).map(at).collect())
    }

    /// A metric over training, mean over the seeds that have a value at a step.
    pub fn series(&self, metric: &str) -> Vec<(f64, f64)> {
        let mut by_step: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for (step, value) in self.seeds.iter().filter_map(|result| result.metrics.get(metric)).flatten() {
            by_step.entry(*step).or_default().push(*value);
        }
        by_step.into_iter().filter_map(|(step, values)| Some((step as f64, mean(&values)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(label: &str, seed: u64, value: f64) -> TrialResult {
        let mut result = TrialResult::new(Cell::new(label, (), 2, 5).spec(seed));
        result.metrics.insert("loss".into(), vec![(0, 9.0), (5, value)]);
        result.vectors.insert("curve".into(), (5, vec![value, 2.0 * value]));
        result.closing = Some(Closing::Done);
        result
    }

    #[test]
    fn names_are_fit_for_folders() {
        assert_eq!(plain_name("K = inf, d = 0.5 (state)"), "K-inf-d-0.5-state");
        assert_eq!(plain_name("hard+hard"), "hard-hard");
    }

    #[test]
    fn trials_go_seed_by_seed() {
        let cells = [Cell::new("a", (), 2, 1), Cell::new("b", (), 1, 1)];
        let names: Vec<String> = specs(&cells).into_iter().map(|spec| spec.name).collect();
        assert_eq!(names, ["a.s0", "b.s0", "a.s1"]);
        let spec = Cell::new("a", (), 1, 7).at("width", 64).costing(2.0).spec(0);
        assert_eq!(cell_of(cells.to_vec(), &cells[1].spec(4)).unwrap().label, "b");
        assert!(cell_of(cells.to_vec(), &spec).is_ok());
        assert!(cell_of(cells[1..].to_vec(), &spec).unwrap_err().to_string().contains("no condition a"));
        assert_eq!((spec.axes["width"].as_str(), spec.steps, spec.flop), ("64", 7, 2.0));
    }

    #[test]
    fn results_stand_under_their_condition() {
        let results = [result("a", 0, 1.0), result("b", 0, 7.0), result("a", 1, 3.0)];
        let cells = vec![Cell::new("a", 1, 2, 5), Cell::new("c", 2, 1, 5)];
        let evidence = Evidence::new(cells, &results);
        let a = evidence.find(|condition| *condition == 1).unwrap();
        assert_eq!((a.values("loss"), a.last("loss")), (vec![1.0, 3.0], Some(2.0)));
        assert_eq!(a.by_seed("loss")[&1], 3.0);
        assert_eq!(a.curve("curve"), Some(vec![2.0, 4.0]));
        assert_eq!(a.series("loss"), [(0.0, 9.0), (5.0, 2.0)]);
        assert!(a.complete() && evidence.open().unwrap().contains("of c ran"));
    }
}
