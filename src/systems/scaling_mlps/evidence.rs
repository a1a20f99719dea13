//! What the trials recorded, as judge and panels ask for it.

use super::settings::{Condition, Purpose, Settings};
use crate::contract::{self, Evidence};
use crate::instruments::power_law::{self, Fit};
use crate::tasks::supply::Supply;

/// Errors of the test by base picture: the groups of every bootstrap.
pub(super) const BY_BASE: &str = "error_by_base";

/// One condition with what its seeds recorded.
pub(super) type Recorded<'e> = contract::Recorded<'e, Condition>;

/// The study's evidence with its settings.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) settings: &'a Settings,
    pub(super) evidence: &'a Evidence<'a, Condition>,
}

/// Where a falling curve first reaches a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reached {
    /// Between two points or at one, on the logarithm of x.
    At(f64),
    /// Not up to this x.
    NotBy(f64),
}

impl<'a> Found<'a> {
    /// Conditions of a purpose and a model, fewest images first.
    pub(super) fn of(self, purpose: Purpose, model: &str) -> Vec<Recorded<'a>> {
        let mut cells: Vec<_> = self.evidence.every(|c| c.purpose == purpose && c.model.name == model).collect();
        cells.sort_by_key(|cell| cell.cell.condition.distinct());
        cells
    }

    /// The perceptron and the convolutional network where both were trained on the same images.
    pub(super) fn pairs(self) -> Vec<(Recorded<'a>, Recorded<'a>)> {
        let cnn = self.of(Purpose::Scaling, &self.settings.cnn);
        let partner =
            |mlp: Recorded<'a>| cnn.iter().find(|cnn| cnn.cell.condition.images == mlp.cell.condition.images).copied();
        let mlps = self.of(Purpose::Scaling, &self.settings.mlp).into_iter();
        mlps.filter_map(|mlp| Some((mlp, partner(mlp)?))).collect()
    }

    /// The widest B-MLP on fresh images.
    pub(super) fn widest(self) -> Option<Recorded<'a>> {
        let fresh = |c: &Condition| c.purpose == Purpose::Scaling && c.images == Supply::Fresh;
        self.evidence
            .every(fresh)
            .filter(|r| r.cell.condition.model.kind.b_width().is_some())
            .max_by_key(|r| r.cell.condition.model.kind.b_width())
    }

    /// B-MLPs on fresh images, whatever their width and S: the cells of the compute law, as
    /// (compute, error, width).
    pub(super) fn computed(self) -> Vec<(f64, f64, usize)> {
        let counts = |c: &Condition| {
            matches!(c.purpose, Purpose::Scaling | Purpose::Compute)
                && c.images == Supply::Fresh
                && c.model.kind.b_width().is_some()
        };
        let point =
            |r: Recorded<'_>| Some((r.last("compute")?, r.last("test_error")?, r.cell.condition.model.kind.b_width()?));
        let mut points: Vec<_> = self.evidence.every(counts).filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

/// The law through points (compute, error, width).
pub(super) fn law(points: &[(f64, f64, usize)]) -> Option<Fit> {
    power_law::fit(&points.iter().map(|(c, e, _)| (*c, *e)).collect::<Vec<_>>())
}

/// The points that no other one with as little compute beats: the best width for each budget.
pub(super) fn frontier(points: &[(f64, f64, usize)]) -> Vec<(f64, f64, usize)> {
    let better = |p: &(f64, f64, usize), q: &(f64, f64, usize)| p.0 <= q.0 && p.1 < q.1;
    points.iter().filter(|q| !points.iter().any(|p| better(p, q))).copied().collect()
}

/// A weighted sum of errors by base picture, one list a seed, for the seeds that all cells have: paired by
/// seed and by picture.
pub(super) fn combined(parts: &[(f64, Recorded<'_>)]) -> Vec<Vec<f64>> {
    combined_of(&parts.iter().map(|(weight, cell)| (*weight, *cell, BY_BASE)).collect::<Vec<_>>())
}

/// The same of vectors of any name.
pub(super) fn combined_of(parts: &[(f64, Recorded<'_>, &str)]) -> Vec<Vec<f64>> {
    let Some((_, first, _)) = parts.first() else { return Vec::new() };
    let of_seed = |seed: u64| {
        let mut sum: Vec<f64> = Vec::new();
        for (weight, cell, name) in parts {
            let values = cell.seeds.iter().find(|result| result.spec.seed == seed)?.vector(name)?;
            sum.resize(values.len(), 0.0);
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
        Some(sum)
    };
    first.seeds.iter().filter_map(|result| of_seed(result.spec.seed)).collect()
}

/// Where the line through points (x, y), x ascending, first falls to `level`: straight in ln x.
pub(super) fn reached(points: &[(f64, f64)], level: f64) -> Option<Reached> {
    let last = points.last()?;
    let Some(at) = points.iter().position(|(_, y)| *y <= level) else { return Some(Reached::NotBy(last.0)) };
    let (x, y) = points[at];
    if at == 0 {
        return Some(Reached::At(x));
    }
    let (before, above) = points[at - 1];
    let share = (above - level) / (above - y);
    Some(Reached::At((before.ln() + share * (x / before).ln()).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_holds_the_best_width_for_each_budget() {
        let points = [(1.0, 0.8, 32), (2.0, 0.9, 64), (3.0, 0.6, 32), (3.0, 0.5, 64), (9.0, 0.5, 64), (10.0, 0.4, 128)];
        let kept: Vec<f64> = frontier(&points).iter().map(|point| point.1).collect();
        assert_eq!(kept, [0.8, 0.5, 0.5, 0.4]);
    }

    #[test]
    fn a_level_is_reached_between_points_on_the_logarithm() {
        let points = [(512.0, 0.633), (2048.0, 0.346), (4096.0, 0.255)];
        let Some(Reached::At(n)) = reached(&points, 0.391) else { panic!("reached") };
        // The sheet's pilot, seed 0: 3.2 times 512.
        assert!((n / 512.0 - 3.2).abs() < 0.05, "{n}");
        assert_eq!(reached(&points, 0.2), Some(Reached::NotBy(4096.0)));
        assert_eq!(reached(&points, 0.7), Some(Reached::At(512.0)));
        assert_eq!(reached(&[], 0.7), None);
    }
}
