//! The bootstrap: intervals by resampling what a study would draw anew, seeds first.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{mean, quantile, spearman};
use crate::base::random::{Key, Stream};

/// A value with its percentile interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The statistic of the data as they are.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// What each seed gave, where the value is their mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<f64>,
}

impl Estimate {
    /// A value between two ends, of no seeds in particular.
    pub const fn between(low: f64, value: f64, high: f64) -> Self {
        Estimate { value, low, high, seeds: Vec::new() }
    }

    /// The interval, as checks of a verdict hold it.
    pub const fn interval(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// How the seeds of two conditions belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// They do not: each condition resamples its own seeds.
    Independent,
    /// Seed i of one belongs to seed i of the other: seeds are resampled together, what is inside
    /// them is not.
    BySeed,
}

/// How to resample. Groups are seeds; the values inside are what each seed was judged on (sequences).
/// The statistic of groups is the mean of their means, so every seed weighs the same.
///
/// With a single group there is no variation between seeds to resample: the interval then speaks of
/// that seed alone, and the verdict has to say so.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    /// Resamples.
    pub draws: usize,
    /// Share of resamples inside the interval.
    pub level: f64,
    /// Root of its random streams.
    pub key: Key,
}

impl Bootstrap {
    /// 2,000 draws and a 95 % interval.
    pub const fn new(key: Key) -> Self {
        Bootstrap { draws: 2000, level: 0.95, key }
    }

    /// The hierarchical bootstrap of a mean: seeds are drawn with replacement, then values inside each
    /// drawn seed. None if there is no group, an empty one, or a value that is not finite.
    pub fn mean<G: AsRef<[f64]>>(&self, groups: &[G]) -> Option<Estimate> {
        let means = means(groups)?;
        let value = mean(&means)?;
        let mut stream = self.key.purpose("mean").stream();
        let found = self.estimate(value, || {
            let sum: f64 = groups.iter().map(|_| resampled_mean(pick(groups, &mut stream), &mut stream)).sum();
            Some(sum / groups.len() as f64)
        })?;
        Some(Estimate { seeds: means, ..found })
    }

    /// The difference of two means, first minus second. None as for [`Bootstrap::mean`], or if seeds
    /// are to be paired and are not as many.
    pub fn difference<A, B>(&self, first: &[A], second: &[B], pairing: Pairing) -> Option<Estimate>
    where
        A: AsRef<[f64]>,
        B: AsRef<[f64]>,
    {
        let (ones, twos) = (means(first)?, means(second)?);
        let value = mean(&ones)? - mean(&twos)?;
        let mut stream = self.key.purpose("difference").stream();
        match pairing {
            Pairing::BySeed if first.len() != second.len() => None,
            Pairing::BySeed => {
                let one = |stream: &mut Stream| {
                    let seed = index(first.len(), stream);
                    resampled_mean(first[seed].as_ref(), stream) - resampled_mean(second[seed].as_ref(), stream)
                };
                let resample = || Some((0..first.len()).map(|_| one(&mut stream)).sum::<f64>() / first.len() as f64);
                let found = self.estimate(value, resample)?;
                let seeds = ones.iter().zip(&twos).map(|(one, two)| one - two).collect();
                Some(Estimate { seeds, ..found })
            }
            Pairing::Independent => self.estimate(value, || {
                let a: f64 = first.iter().map(|_| resampled_mean(pick(first, &mut stream), &mut stream)).sum();
                let b: f64 = second.iter().map(|_| resampled_mean(pick(second, &mut stream), &mut stream)).sum();
                Some(a / first.len() as f64 - b / second.len() as f64)
            }),
        }
    }

    /// Spearman's correlation over models, which are resampled whole. None where it is undefined.
    pub fn spearman(&self, x: &[f64], y: &[f64]) -> Option<Estimate> {
        self.over_units(x.len(), |units| {
            let (x, y) = (gather(x, units)?, gather(y, units)?);
            spearman(&x, &y)
        })
    }

    /// How much better `first` ranks `y` than `second` does: the difference of their correlations over
    /// the same models, resampled whole.
    pub fn spearman_difference(&self, first: &[f64], second: &[f64], y: &[f64]) -> Option<Estimate> {
        self.over_units(y.len(), |units| {
            let y = gather(y, units)?;
            Some(spearman(&gather(first, units)?, &y)? - spearman(&gather(second, units)?, &y)?)
        })
    }

    /// Any statistic of `units` exchangeable units: called with 0..units for its value, then with
    /// draws of `units` of them with replacement. Resamples on which it is undefined (one model drawn
    /// every time) are left out; none if the value itself is undefined or less than half are left.
    pub fn over_units(&self, units: usize, statistic: impl Fn(&[usize]) -> Option<f64>) -> Option<Estimate> {
        if units == 0 {
            return None;
        }
        let mut drawn: Vec<usize> = (0..units).collect();
        let value = statistic(&drawn)?;
        let mut stream = self.key.purpose("units").stream();
        self.estimate(value, || {
            drawn.iter_mut().for_each(|unit| *unit = index(units, &mut stream));
            statistic(&drawn)
        })
    }

    /// The mean of one value a seed, seeds resampled whole. None as for [`Bootstrap::over_units`].
    pub fn over_seeds(&self, values: &[f64]) -> Option<Estimate> {
        let found = self.over_units(values.len(), |seeds| mean(&gather(values, seeds)?))?;
        Some(Estimate { seeds: values.to_vec(), ..found })
    }

    /// The percentile interval of `draws` resamples.
    fn estimate(&self, value: f64, resample: impl FnMut() -> Option<f64>) -> Option<Estimate> {
        let mut draws: Vec<f64> = std::iter::repeat_with(resample).take(self.draws).flatten().collect();
        if !value.is_finite() || 2 * draws.len() < self.draws {
            return None;
        }
        draws.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Some(Estimate::between(quantile(&draws, tail)?, value, quantile(&draws, 1.0 - tail)?))
    }
}

fn means<G: AsRef<[f64]>>(groups: &[G]) -> Option<Vec<f64>> {
    groups.iter().map(|group| mean(group.as_ref())).collect()
}

fn index(below: usize, stream: &mut Stream) -> usize {
    stream.random_range(0..below as u32) as usize
}

fn pick<'a, G: AsRef<[f64]>>(groups: &'a [G], stream: &mut Stream) -> &'a [f64] {
    groups[index(groups.len(), stream)].as_ref()
}

/// Mean of as many values drawn with replacement as there are.
fn resampled_mean(values: &[f64], stream: &mut Stream) -> f64 {
    values.iter().map(|_| values[index(values.len(), stream)]).sum::<f64>() / values.len() as f64
}

/// The values of some units; none if a list is too short.
fn gather(values: &[f64], units: &[usize]) -> Option<Vec<f64>> {
    units.iter().map(|&unit| values.get(unit).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, Normal, StandardNormal};

    fn bootstrap(seed: u64) -> Bootstrap {
        Bootstrap::new(Key::new(seed))
    }

    fn normal(n: usize, seed: u64) -> Vec<f64> {
        let mut stream = Key::new(seed).purpose("sample").stream();
        (0..n).map(|_| StandardNormal.sample(&mut stream)).collect()
    }

    #[test]
    fn the_interval_of_one_group_has_its_closed_form() {
        // Of the bootstrap mean the deviation is s/sqrt(n) exactly: the interval is +-1.96 of them.
        let values = normal(400, 1);
        let estimate = bootstrap(0).mean(&[&values]).unwrap();
        let error = super::super::deviation(&values).unwrap() / 20.0;
        assert_eq!(estimate.value, mean(&values).unwrap());
        assert!(((estimate.high - estimate.value) / error - 1.96).abs() < 0.15, "{estimate:?}");
        assert!(((estimate.value - estimate.low) / error - 1.96).abs() < 0.15, "{estimate:?}");
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        // 300 samples of 40: the true mean 0 lies inside in about 94 % (a percentile interval of a
        // small sample is a little short); the deviation of that share is 1.4 %.
        let covers = |seed| {
            let quick = Bootstrap { draws: 400, ..bootstrap(seed) };
            let estimate = quick.mean(&[normal(40, 1000 + seed)]).unwrap();
            estimate.low < 0.0 && 0.0 < estimate.high
        };
        let share = (0..300).filter(|&seed| covers(seed)).count() as f64 / 300.0;
        assert!((0.89..0.985).contains(&share), "{share}");
    }

    #[test]
    fn variation_between_seeds_widens_the_interval() {
        // Seeds 0.2, 0.5, 0.8 with nothing to vary inside: the means of 3 drawn with replacement,
        // of which all three are the least in 1 of 27 (3.7 %): so 2.5 % lies there.
        let groups = [vec![0.2; 50], vec![0.5; 50], vec![0.8; 50]];
        let estimate = bootstrap(0).mean(&groups).unwrap();
        assert!((estimate.value - 0.5).abs() < 1e-12);
        assert!((estimate.low - 0.2).abs() < 1e-12 && (estimate.high - 0.8).abs() < 1e-12, "{estimate:?}");
        let pooled = bootstrap(0).mean(&[groups.concat()]).unwrap();
        assert!(pooled.high - pooled.low < 0.1);
    }

    #[test]
    fn pairing_by_seed_removes_what_seeds_share() {
        let shift = Normal::new(0.1, 0.01).unwrap();
        let mut stream = Key::new(6).stream();
        let second: Vec<Vec<f64>> = (0..4).map(|seed| vec![f64::from(seed); 30]).collect();
        let first: Vec<Vec<f64>> =
            second.iter().map(|group| group.iter().map(|v| v + shift.sample(&mut stream)).collect()).collect();
        let paired = bootstrap(0).difference(&first, &second, Pairing::BySeed).unwrap();
        let apart = bootstrap(0).difference(&first, &second, Pairing::Independent).unwrap();
        assert_eq!(paired.value, apart.value);
        assert!((paired.value - 0.1).abs() < 0.005);
        assert!(paired.low > 0.09 && paired.high < 0.11, "{paired:?}");
        // Each side's deviation is sqrt(1.25/4) = 0.56; of the difference 0.79.
        assert!((apart.high - apart.low) > 2.5 && (apart.high - apart.low) < 3.7, "{apart:?}");
        assert_eq!(bootstrap(0).difference(&first, &second[..3], Pairing::BySeed), None);
        assert!(bootstrap(0).difference(&first, &second[..3], Pairing::Independent).is_some());
    }

    #[test]
    fn correlations_over_models() {
        let y: Vec<f64> = (0..20).map(f64::from).collect();
        let noise = normal(20, 3);
        let exact = bootstrap(0).spearman(&y, &y).unwrap();
        assert_eq!((exact.value, exact.low, exact.high), (1.0, 1.0, 1.0));
        let none = bootstrap(0).spearman(&noise, &y).unwrap();
        assert!(none.low < 0.0 && none.high > 0.0, "{none:?}");
        let difference = bootstrap(0).spearman_difference(&y, &noise, &y).unwrap();
        assert!((difference.value - (1.0 - none.value)).abs() < 1e-12 && difference.low > 0.2, "{difference:?}");
        // Two models: half of the resamples draw one twice and are undefined; the rest still tell.
        assert_eq!(bootstrap(0).spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(bootstrap(0).spearman(&y, &y[..3]), None);
    }

    #[test]
    fn degenerate_data() {
        let constant = bootstrap(0).mean(&[[0.4; 8], [0.4; 8]]).unwrap();
        assert!([constant.value, constant.low, constant.high].iter().all(|v| (v - 0.4).abs() < 1e-15));
        assert_eq!(bootstrap(0).mean(&[[7.0]]).unwrap().interval(), (7.0, 7.0));
        assert_eq!(bootstrap(0).mean::<Vec<f64>>(&[]), None);
        assert_eq!(bootstrap(0).mean(&[vec![1.0], vec![]]), None);
        assert_eq!(bootstrap(0).mean(&[[1.0, f64::NAN]]), None);
        assert_eq!(bootstrap(0).over_units(0, |_| Some(1.0)), None);
        assert_eq!(Bootstrap { draws: 0, ..bootstrap(0) }.mean(&[[1.0]]), None);
    }

    #[test]
    fn the_same_key_gives_the_same_bits() {
        let groups = [normal(64, 1), normal(64, 2), normal(64, 3)];
        let bits = |seed| bootstrap(seed).mean(&groups).map(|e| (e.low.to_bits(), e.high.to_bits()));
        assert_eq!(bits(4), bits(4));
        assert_ne!(bits(4), bits(5));
    }
}
