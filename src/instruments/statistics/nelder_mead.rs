//! The simplex method of Nelder and Mead (1965): a minimum without derivatives, for a few parameters.

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NelderMead {
    /// Size of the first simplex, the same in every parameter.
    pub size: f64,
    /// Done when the values at its corners differ by less than this.
    pub tolerance: f64,
    /// Most evaluations.
    pub evaluations: usize,
}

/// Where the search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The best point.
    pub point: Vec<f64>,
    /// The value there.
    pub value: f64,
    /// Whether the tolerance was met, not the budget.
    pub converged: bool,
}

type Corner = (Vec<f64>, f64);

impl NelderMead {
    /// The minimum of `of` near `start`, with the factors of the paper (reflection 1, expansion 2,
    /// contraction and shrinking 1/2). A value that is no number counts as infinite. Nothing without
    /// parameters or when `start` itself has no finite value.
    pub fn minimise(&self, start: &[f64], of: impl Fn(&[f64]) -> f64) -> Option<Minimum> {
        let value = |point: &[f64]| match of(point) {
            value if value.is_nan() => f64::INFINITY,
            value => value,
        };
        let mut corners: Vec<Corner> = vec![(start.to_vec(), value(start))];
        if start.is_empty() || !corners[0].1.is_finite() {
            return None;
        }
        for i in 0..start.len() {
            let mut point = start.to_vec();
            point[i] += self.size;
            let found = value(&point);
            corners.push((point, found));
        }
        let mut used = corners.len();
        let converged = loop {
            corners.sort_by(|a, b| a.1.total_cmp(&b.1));
            if corners[start.len()].1 - corners[0].1 <= self.tolerance {
                break true;
            }
            if used >= self.evaluations {
                break false;
            }
            used += move_simplex(&mut corners, &value);
        };
        let (point, value) = corners.swap_remove(0);
        Some(Minimum { point, value, converged })
    }
}

/// One move of a simplex sorted by value; gives how many evaluations it took.
fn move_simplex(corners: &mut [Corner], value: &impl Fn(&[f64]) -> f64) -> usize {
    let last = corners.len() - 1;
    let centre: Vec<f64> =
        (0..last).map(|i| corners[..last].iter().map(|(point, _)| point[i]).sum::<f64>() / last as f64).collect();
    let along = |factor: f64| -> Corner {
        let worst = &corners[last].0;
        let point: Vec<f64> = centre.iter().zip(worst).map(|(c, w)| c + factor * (c - w)).collect();
        let found = value(&point);
        (point, found)
    };
    let reflected = along(1.0);
    if reflected.1 < corners[0].1 {
        let expanded = along(2.0);
        corners[last] = if expanded.1 < reflected.1 { expanded } else { reflected };
        return 2;
    }
    if reflected.1 < corners[last - 1].1 {
        corners[last] = reflected;
        return 1;
    }
    let contracted = along(if reflected.1 < corners[last].1 { 0.5 } else { -0.5 });
    if contracted.1 < reflected.1.min(corners[last].1) {
        corners[last] = contracted;
        return 2;
    }
    let best = corners[0].0.clone();
    for (point, found) in &mut corners[1..] {
        point.iter_mut().zip(&best).for_each(|(p, b)| *p = b + 0.5 * (*p - b));
        *found = value(point);
    }
    2 + last
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: NelderMead = NelderMead { size: 0.5, tolerance: 1e-14, evaluations: 5000 };

    #[test]
    fn the_banana_and_the_bowl_are_solved() {
        let banana = |p: &[f64]| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2);
        let found = SEARCH.minimise(&[-1.2, 1.0], banana).unwrap();
        assert!(found.converged && found.point.iter().all(|x| (x - 1.0).abs() < 1e-5), "{found:?}");
        let bowl = |p: &[f64]| p.iter().enumerate().map(|(i, x)| (i + 1) as f64 * (x - i as f64).powi(2)).sum::<f64>();
        let found = SEARCH.minimise(&[9.0, 9.0, 9.0, 9.0], bowl).unwrap();
        assert!(found.point.iter().enumerate().all(|(i, x)| (x - i as f64).abs() < 1e-4), "{found:?}");
    }

    #[test]
    fn walls_and_budgets_are_kept() {
        // No number left of zero: the minimum of x ln x is at 1/e.
        let found = SEARCH.minimise(&[0.1], |p| p[0] * p[0].ln()).unwrap();
        assert!((found.point[0] - (-1.0f64).exp()).abs() < 1e-6, "{found:?}");
        let short = NelderMead { evaluations: 10, ..SEARCH }.minimise(&[5.0], |p| p[0] * p[0]).unwrap();
        assert!(!short.converged && short.value < 25.0);
        assert_eq!(SEARCH.minimise(&[], |_| 0.0), None);
        assert_eq!(SEARCH.minimise(&[-1.0], |p| p[0].ln()), None);
    }
}
