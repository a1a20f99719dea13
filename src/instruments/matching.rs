//! Matching two sets of groups one to one at the least cost in all (Kuhn 1955, the Hungarian method).

use pathfinding::kuhn_munkres::kuhn_munkres_min;
use pathfinding::matrix::Matrix;

/// Steps into which the range of costs is cut: the method counts in whole numbers.
const STEPS: f64 = 1e9;

/// The column of every row such that no column is taken twice and the costs `[rows, columns]` sum to the least. A cost
/// that is not finite counts as the largest that is. None where there is no row, or more rows than columns.
pub fn least_cost_matching(costs: &[f64], columns: usize) -> Option<Vec<usize>> {
    if costs.is_empty() || columns == 0 || !costs.len().is_multiple_of(columns) || costs.len() / columns > columns {
        return None;
    }
    let finite = || costs.iter().copied().filter(|cost| cost.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let range = if high > low { high - low } else { 1.0 };
    let whole =
        |cost: &f64| if cost.is_finite() { ((cost - low) / range * STEPS).round() as i64 } else { STEPS as i64 };
    let matrix = Matrix::from_vec(costs.len() / columns, columns, costs.iter().map(whole).collect()).ok()?;
    Some(kuhn_munkres_min(&matrix).1)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::base::random::Key;

    /// The least cost over every assignment of distinct columns, by trying all.
    fn by_hand(costs: &[f64], columns: usize, row: usize, taken: &mut Vec<usize>) -> f64 {
        if row * columns == costs.len() {
            return taken.iter().enumerate().map(|(row, column)| costs[row * columns + column]).sum();
        }
        let mut least = f64::INFINITY;
        for column in 0..columns {
            if !taken.contains(&column) {
                taken.push(column);
                least = least.min(by_hand(costs, columns, row + 1, taken));
                taken.pop();
            }
        }
        least
    }

    #[test]
    fn no_assignment_costs_less() {
        let mut stream = Key::new(1).stream();
        for (rows, columns) in [(1, 1), (2, 2), (3, 5), (5, 5), (6, 6)] {
            for _ in 0..20 {
                let costs: Vec<f64> = (0..rows * columns).map(|_| stream.random_range(-2.0..3.0)).collect();
                let found = least_cost_matching(&costs, columns).unwrap();
                let cost: f64 = found.iter().enumerate().map(|(row, column)| costs[row * columns + column]).sum();
                assert!((cost - by_hand(&costs, columns, 0, &mut Vec::new())).abs() < 1e-6, "{costs:?} {found:?}");
                assert!(found.iter().enumerate().all(|(i, column)| !found[..i].contains(column)));
            }
        }
    }

    #[test]
    fn the_nearest_is_given_up_where_others_need_it() {
        // Row 0 is nearest to column 0, which row 1 cannot do without.
        assert_eq!(least_cost_matching(&[1.0, 2.0, 1.0, 9.0], 2), Some(vec![1, 0]));
        assert_eq!(least_cost_matching(&[f64::NAN, 2.0, 1.0, 9.0], 2), Some(vec![1, 0]));
        assert_eq!(least_cost_matching(&[1.0, 2.0], 1), None);
        assert_eq!((least_cost_matching(&[], 0), least_cost_matching(&[1.0, 2.0, 3.0], 2)), (None, None));
    }
}
