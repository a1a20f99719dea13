//! What the trials of a study recorded, under the conditions that they are of.

use std::collections::BTreeMap;

use super::{Cell, Closing, SeedRow, TrialResult};
use crate::base::numbers::mean;

/// The cells of a study, each with what its seeds recorded: the ground on which panels and judge stand.
#[derive(Debug)]
pub struct Evidence<'a, C> {
    cells: Vec<(Cell<C>, Vec<&'a TrialResult>)>,
    results: &'a [TrialResult],
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
        Evidence { cells: cells.into_iter().map(with_results).collect(), results }
    }

    /// What each trial gave: the last values of the metrics that are wanted.
    pub fn rows(&self, wanted: impl Fn(&str) -> bool) -> Vec<SeedRow> {
        let row = |result: &TrialResult| {
            let last = |(name, points): (&String, &Vec<(u64, f64)>)| Some((name.clone(), points.last()?.1));
            let values = result.metrics.iter().filter(|(name, _)| wanted(name)).filter_map(last).collect();
            SeedRow { condition: result.spec.condition.clone(), seed: result.spec.seed, values }
        };
        self.results.iter().map(row).collect()
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
        let rows = evidence.rows(|name| name == "loss");
        assert_eq!((rows.len(), rows[1].condition.as_str(), rows[1].values["loss"]), (3, "b", 7.0));
    }
}
