//! What a person does with curves: smoothing, bands over seeds, a value under the cursor. Numbers only.

use crate::base::numbers::mean;

/// A curve: points (x, y), x ascending.
pub type Points = Vec<(f64, f64)>;

/// The middle of several curves with the quarter below and the quarter above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Median at each x.
    pub median: Points,
    /// First quartile.
    pub low: Points,
    /// Third quartile.
    pub high: Points,
}

/// Fewest curves of one label that are shown as a band.
pub const BAND: usize = 3;

/// The exponential moving average with weight `factor` on the past, without the bias of its start: a constant stays
/// the constant. What is not finite stays a gap.
pub fn smoothed(points: &[(f64, f64)], factor: f64) -> Points {
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut step = |(x, y): &(f64, f64)| {
        if !y.is_finite() {
            return (*x, *y);
        }
        sum = factor * sum + (1.0 - factor) * y;
        weight = factor * weight + (1.0 - factor);
        (*x, sum / weight)
    };
    points.iter().map(&mut step).collect()
}

/// The band of curves: at every x that at least half of them have.
pub fn band(curves: &[Points]) -> Band {
    let mut all: Points = curves.iter().flatten().filter(|(_, y)| y.is_finite()).copied().collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut band = Band { median: Vec::new(), low: Vec::new(), high: Vec::new() };
    for here in all.chunk_by(|a, b| a.0 == b.0) {
        if 2 * here.len() < curves.len() {
            continue;
        }
        let mut values: Vec<f64> = here.iter().map(|(_, y)| *y).collect();
        values.sort_by(f64::total_cmp);
        let x = here[0].0;
        band.median.push((x, quantile(&values, 0.5)));
        band.low.push((x, quantile(&values, 0.25)));
        band.high.push((x, quantile(&values, 0.75)));
    }
    band
}

/// The quantile of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// The value of a curve at `x`: of its last point up to there; none before its first.
pub fn value_at(points: &[(f64, f64)], x: f64) -> Option<f64> {
    points.iter().rev().find(|(at, y)| *at <= x && y.is_finite()).map(|(_, y)| *y)
}

/// The x of the point next to `x` among some curves: at or beyond it, forward or backward.
pub fn snapped<'a>(curves: impl Iterator<Item = &'a [(f64, f64)]>, x: f64, forward: bool) -> Option<f64> {
    let all = curves.flatten().map(|(x, _)| *x).filter(|at| at.is_finite());
    if forward {
        all.filter(|at| *at >= x).min_by(f64::total_cmp)
    } else {
        all.filter(|at| *at <= x).max_by(f64::total_cmp)
    }
}

/// A stretch of an axis, a factor as long, about a place in it; inside the whole, of which none is the limit.
pub fn zoomed((low, high): (f64, f64), about: f64, factor: f64, whole: (f64, f64)) -> Option<(f64, f64)> {
    let (low, high) = (about - (about - low) * factor, about + (high - about) * factor);
    inside((low, high), whole)
}

/// A stretch moved by a share of its length.
pub fn moved((low, high): (f64, f64), share: f64, whole: (f64, f64)) -> Option<(f64, f64)> {
    let by = (share * (high - low)).clamp(whole.0 - low, whole.1 - high);
    inside((low + by, high + by), whole)
}

fn inside((low, high): (f64, f64), whole: (f64, f64)) -> Option<(f64, f64)> {
    let (low, high) = (low.max(whole.0), high.min(whole.1));
    let all = low <= whole.0 && high >= whole.1;
    // Closer than this, neighbouring dots are the same number.
    let fine = (high - low) > 1e-6 * (whole.1 - whole.0);
    (!all && fine && low < high).then_some((low, high))
}

/// The middle of the values that curves of one label have at `x`.
pub fn middle_at<'a>(curves: impl Iterator<Item = &'a [(f64, f64)]>, x: f64) -> Option<f64> {
    let mut values: Vec<f64> = curves.filter_map(|points| value_at(points, x)).collect();
    mean(&values)?;
    values.sort_by(f64::total_cmp);
    Some(quantile(&values, 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_constants_and_gaps_and_has_no_lag_at_its_start() {
        let constant: Points = (0..9).map(|i| (f64::from(i), 2.5)).collect();
        assert!(smoothed(&constant, 0.97).iter().all(|(_, y)| (y - 2.5).abs() < 1e-12));
        let found = smoothed(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)], 0.5);
        assert_eq!((found[0], found[1].1.is_nan()), ((0.0, 1.0), true));
        // Weights 1/3 on the older, 2/3 on the newer.
        assert!((found[2].1 - 7.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_band_is_made_of_quartiles_where_half_of_the_curves_are() {
        let curve = |y: f64, to: i32| (0..to).map(|i| (f64::from(i), y)).collect::<Points>();
        let found = band(&[curve(1.0, 3), curve(2.0, 3), curve(4.0, 3), curve(8.0, 5)]);
        assert_eq!(found.median, [(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)]);
        assert_eq!((found.low[0].1, found.high[2].1), (1.75, 5.0));
        assert!(band(&[]).median.is_empty());
    }

    #[test]
    fn the_cursor_reads_the_last_point_up_to_it() {
        let points = [(1.0, 5.0), (3.0, f64::NAN), (4.0, 7.0)];
        assert_eq!([0.5, 1.0, 3.5, 9.0].map(|x| value_at(&points, x)), [None, Some(5.0), Some(5.0), Some(7.0)]);
        let curves = || [&points[..]].into_iter();
        assert_eq!((snapped(curves(), 1.5, true), snapped(curves(), 1.5, false)), (Some(3.0), Some(1.0)));
        assert_eq!(snapped(curves(), 4.5, true), None);
        assert_eq!(middle_at([&points[..], &[(0.0, 1.0)][..]].into_iter(), 2.0), Some(3.0));
    }

    #[test]
    fn a_stretch_stays_inside_and_ends_at_the_whole() {
        let whole = (0.0, 100.0);
        let half = zoomed(whole, 50.0, 0.5, whole).unwrap();
        assert_eq!(half, (25.0, 75.0));
        assert_eq!(zoomed(half, 50.0, 2.0, whole), None);
        assert_eq!(moved(half, 0.5, whole), Some((50.0, 100.0)));
        assert_eq!(moved((50.0, 100.0), 0.5, whole), Some((50.0, 100.0)));
        let mut deep = whole;
        while let Some(deeper) = zoomed(deep, 50.0, 0.5, whole) {
            deep = deeper;
        }
        assert!(deep.1 - deep.0 > 1e-5);
    }
}
