//! What the formula needs to know of a set of points: intrinsic dimension and the distance between classes.

use rand::RngExt;

use crate::base::random::Stream;
use crate::instruments::hypothesis_bits::posterior::squared_distance;

/// The authors' number of largest values in their number of pairs.
const TOP_SHARE: f64 = 2000.0 / 4e6;
/// Fewer largest values than this say nothing of a tail.
const LEAST_TOP: usize = 20;

/// The distances of every point to its nearest others.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// Distances in ascending order, `[points, count]`.
    pub distances: Vec<f64>,
    /// Neighbours of each point.
    pub count: usize,
    /// Points left out because they are the same as another.
    pub duplicates: usize,
}

/// The `count` nearest neighbours of each of the rows of `width` numbers, by comparing all pairs. Of rows that
/// are the same one is kept. Nothing if there are not more different rows than that.
pub fn neighbours(rows: &[f64], width: usize, count: usize) -> Option<Neighbours> {
    let mut points: Vec<&[f64]> = rows.chunks_exact(width).collect();
    let all = points.len();
    points.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    points.dedup();
    if count == 0 || points.len() <= count || !rows.iter().all(|x| x.is_finite()) {
        return None;
    }
    let mut distances = Vec::with_capacity(points.len() * count);
    for (i, point) in points.iter().enumerate() {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        let mut squares: Vec<f64> = others.map(|(_, other)| squared_distance(point, other)).collect();
        squares.select_nth_unstable_by(count - 1, f64::total_cmp);
        squares.truncate(count);
        squares.sort_unstable_by(f64::total_cmp);
        distances.extend(squares.into_iter().map(f64::sqrt));
    }
    Some(Neighbours { distances, count, duplicates: all - points.len() })
}

impl Neighbours {
    /// The intrinsic dimension by the `k` nearest neighbours (Levina and Bickel 2005 with the average of MacKay
    /// and Ghahramani): `1 / mean over points and j < k of ln(T_k / T_j)`. Biased low above 10 dimensions.
    /// Nothing for k below 2 or above [`Neighbours::count`], or where all distances are equal.
    pub fn dimension(&self, k: usize) -> Option<f64> {
        if k < 2 || k > self.count {
            return None;
        }
        let of = |t: &[f64]| t[..k - 1].iter().map(|near| (t[k - 1] / near).ln()).sum::<f64>();
        let sum: f64 = self.distances.chunks_exact(self.count).map(of).sum();
        let mean = sum / (self.distances.len() / self.count * (k - 1)) as f64;
        (mean > 0.0).then(|| 1.0 / mean)
    }
}

/// The largest norm of a row.
pub fn radius(rows: &[f64], width: usize) -> f64 {
    rows.chunks_exact(width).map(|x| x.iter().map(|x| x * x).sum::<f64>()).fold(0.0, f64::max).sqrt()
}

/// The smallest distance between rows of different classes; nothing if there is one class alone.
pub fn class_distance(rows: &[f64], width: usize, classes: &[u8]) -> Option<f64> {
    let points: Vec<(&[f64], u8)> = rows.chunks_exact(width).zip(classes.iter().copied()).collect();
    let of = |i: usize| {
        let (point, class) = points[i];
        let others = points[..i].iter().filter(move |(_, other)| *other != class);
        others.map(|(other, _)| squared_distance(point, other)).min_by(f64::total_cmp)
    };
    (0..points.len()).filter_map(of).min_by(f64::total_cmp).map(f64::sqrt)
}

/// The smallest distance between classes that n points are to be expected to have, from the tail of the
/// inverse distances of `pairs` random pairs of different classes: the moment estimator of Dekkers, Einmahl and
/// de Haan (1989) as in the authors' code. Not larger than that of the sample.
///
/// Nothing, so that the sample's own is to be used, where the tail gives no number: too few pairs, or moments
/// that divide by nearly zero.
pub fn extreme_class_distance(
    rows: &[f64],
    width: usize,
    classes: &[u8],
    pairs: usize,
    stream: &mut Stream,
) -> Option<f64> {
    let points: Vec<&[f64]> = rows.chunks_exact(width).collect();
    let sample = class_distance(rows, width, classes)?;
    let top = (pairs as f64 * TOP_SHARE).round() as usize;
    if top < LEAST_TOP || sample <= 0.0 {
        return None;
    }
    let mut inverse = Vec::with_capacity(pairs);
    while inverse.len() < pairs {
        let mut one = || stream.random_range(0..points.len() as u32) as usize;
        let (i, j) = (one(), one());
        if classes[i] != classes[j] {
            inverse.push(1.0 / squared_distance(points[i], points[j]).sqrt());
        }
    }
    inverse.sort_unstable_by(|a, b| b.total_cmp(a));
    let u = inverse[top];
    let logs: Vec<f64> = inverse[..top].iter().map(|y| (y / u).ln()).collect();
    let moment = |power: i32| logs.iter().map(|x| x.powi(power)).sum::<f64>() / top as f64;
    let (first, second) = (moment(1), moment(2));
    let slack = 1.0 - first * first / second;
    if slack.is_nan() || slack <= 1e-3 {
        return None;
    }
    let g = first + 1.0 - 0.5 / slack;
    let different = 1.0 - 1.0 / class_count(classes) as f64;
    let a = top as f64 / pairs as f64 * (points.len() as f64).powi(2) * different;
    // (a^g - 1) / g, which is ln a at g = 0.
    let growth = if g.abs() < 1e-9 { a.ln() } else { (g * a.ln()).exp_m1() / g };
    let distance = 1.0 / (growth * u * first + u);
    (distance.is_finite() && distance > 0.0).then(|| distance.min(sample))
}

/// Number of different classes.
pub fn class_count(classes: &[u8]) -> usize {
    let mut seen = classes.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use rand_distr::{Distribution, StandardNormal};

    /// Uniform points of the sphere S^m in m + 1 dimensions.
    fn sphere(m: usize, count: usize, seed: u64) -> Vec<f64> {
        let mut stream = Key::new(seed).purpose("sphere").stream();
        let mut point = || {
            let z: Vec<f64> = (0..=m).map(|_| StandardNormal.sample(&mut stream)).collect();
            let norm = z.iter().map(|x| x * x).sum::<f64>().sqrt();
            z.into_iter().map(move |x| x / norm)
        };
        (0..count).flat_map(|_| point()).collect()
    }

    #[test]
    fn spheres_have_their_dimension() {
        // The sheet's pilot: 1.00, 2.02, 3.92, 7.70 for 2,000 points; one draw is within about 3 %.
        for (m, expected) in [(1, 1.0), (2, 2.02), (4, 3.92), (8, 7.7)] {
            let found = neighbours(&sphere(m, 2000, 3), m + 1, 5).unwrap().dimension(5).unwrap();
            assert!((found / expected - 1.0).abs() < 0.06, "{m}: {found}");
        }
    }

    #[test]
    fn scale_and_duplicates_change_no_dimension() {
        let points = sphere(2, 300, 1);
        let dimension = |rows: &[f64]| neighbours(rows, 3, 5).unwrap().dimension(5).unwrap();
        let scaled: Vec<f64> = points.iter().map(|x| 7.5 * x).collect();
        assert!((dimension(&points) - dimension(&scaled)).abs() < 1e-9);
        let twice = [points.clone(), points[..30].to_vec()].concat();
        assert!((dimension(&points) - dimension(&twice)).abs() < 1e-12);
        assert_eq!(neighbours(&twice, 3, 5).unwrap().duplicates, 10);
        assert!(neighbours(&points, 3, 300).is_none() && neighbours(&[f64::NAN; 9], 1, 2).is_none());
        assert!(neighbours(&points, 3, 5).unwrap().dimension(1).is_none());
    }

    #[test]
    fn distances_between_classes() {
        let rows = [0.0, 0.0, 3.0, 4.0, 0.1, 0.0];
        assert_eq!(class_distance(&rows, 2, &[0, 1, 0]), Some((2.9f64.powi(2) + 16.0).sqrt()));
        assert_eq!(class_distance(&rows, 2, &[1, 1, 1]), None);
        assert_eq!((radius(&rows, 2), class_count(&[3, 1, 3])), (5.0, 2));
    }

    #[test]
    fn the_tail_of_many_pairs_is_near_the_smallest_and_few_give_none() {
        let rows = sphere(3, 400, 5);
        let classes: Vec<u8> = (0..400).map(|i| (i % 4) as u8).collect();
        let sample = class_distance(&rows, 4, &classes).unwrap();
        let mut stream = Key::new(2).stream();
        let found = extreme_class_distance(&rows, 4, &classes, 100_000, &mut stream).unwrap();
        assert!(found <= sample && found > 0.2 * sample, "{found} {sample}");
        assert_eq!(extreme_class_distance(&rows, 4, &classes, 1000, &mut stream), None);
    }
}
