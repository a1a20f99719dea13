//! When samples came to stay memorised, or right.

/// Loss below which a training sample counts as memorised, in nats.
pub(super) const MEMORISED: f64 = 0.1;

/// Takes in a look at `step`: since when each sample holds, none while it does not.
pub(super) fn follow(since: &mut [Option<u64>], step: u64, holds: impl Fn(usize) -> bool) {
    for (i, since) in since.iter_mut().enumerate() {
        *since = holds(i).then(|| since.unwrap_or(step));
    }
}

/// The step by which half of the samples had come to stay: the upper median, NaN where half of them never did.
pub(super) fn half_by(since: impl Iterator<Item = Option<u64>>) -> f64 {
    let mut steps: Vec<f64> = since.map(|since| since.map_or(f64::INFINITY, |step| step as f64)).collect();
    steps.sort_unstable_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied().filter(|step| step.is_finite()).unwrap_or(f64::NAN)
}

/// Steps as metrics and vectors have them: -1 where there is none.
pub(super) fn recorded(step: f64) -> f64 {
    if step.is_nan() { -1.0 } else { step }
}

/// A step in words.
pub(super) fn told(step: f64) -> String {
    if step.is_finite() && step >= 0.0 { format!("{step:.0}") } else { "never".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_since_the_last_time_that_it_began_to() {
        let mut since = vec![None; 2];
        for (step, holds) in [(0, [false, true]), (5, [true, false]), (10, [true, true])] {
            follow(&mut since, step, |i| holds[i]);
        }
        assert_eq!(since, [Some(5), Some(10)]);
    }

    #[test]
    fn half_of_the_samples_is_more_than_the_lower_half() {
        assert_eq!(half_by([Some(3), Some(9), Some(5)].into_iter()), 5.0);
        assert_eq!(half_by([Some(3), Some(9)].into_iter()), 9.0);
        assert!(half_by([Some(3), None].into_iter()).is_nan() && half_by([].into_iter()).is_nan());
        assert_eq!((recorded(f64::NAN), recorded(4.0)), (-1.0, 4.0));
        assert_eq!((told(-1.0), told(250.0)), ("never".into(), "250".into()));
    }
}
