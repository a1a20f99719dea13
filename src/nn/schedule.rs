//! Learning rates as functions of the step, as plain data that presets can hold.

use serde::{Deserialize, Serialize};

/// The learning rate at each step, counted from 0. Schedules compose: [`Schedule::WarmUp`] goes before
/// any other, [`Schedule::Then`] puts one behind another, [`Schedule::Times`] scales one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always the same.
    Constant(f32),
    /// `peak (1 - t) + floor t` at `t = min(step / steps, 1)`.
    Linear {
        /// At step 0.
        peak: f32,
        /// From step `steps` on.
        floor: f32,
        /// How long it falls (or rises).
        steps: u64,
    },
    /// `floor + (peak - floor) (1 + cos(pi t)) / 2` at `t = min(step / steps, 1)`
    /// (Loshchilov and Hutter 2017, equation 5, one period).
    Cosine {
        /// At step 0.
        peak: f32,
        /// From step `steps` on.
        floor: f32,
        /// How long it falls.
        steps: u64,
    },
    /// `peak sqrt(offset / (offset + step))`: `peak` at step 0, half of it at `3 offset`.
    InverseSquareRoot {
        /// At step 0.
        peak: f32,
        /// Steps that are taken to have gone before.
        offset: u64,
    },
    /// `factor width^-1/2 min(n^-1/2, n warm_up^-3/2)` at `n = step + 1` (Vaswani et al. 2017,
    /// equation 3); highest at `n = warm_up`.
    Noam {
        /// Scale; 1 in the paper.
        factor: f32,
        /// Width of the model.
        width: u32,
        /// Steps of rise.
        warm_up: u64,
    },
    /// `start factor^k` after `k` of the steps `at` were reached.
    Steps {
        /// At step 0.
        start: f32,
        /// What each drop multiplies with.
        factor: f32,
        /// Steps at which it drops.
        at: Vec<u64>,
    },
    /// `start factor^(step / every)`, the quotient whole or not.
    Exponential {
        /// At step 0.
        start: f32,
        /// What `every` steps multiply with.
        factor: f32,
        /// Steps for one factor.
        every: u64,
        /// Drops once in `every` steps instead of a little at each.
        staircase: bool,
    },
    /// Rises to `peak` by `peak (step + 1) / warm_up`, stays for `stable` steps and then falls
    /// linearly to `floor` over `decay` steps (Hu et al. 2024, section 4.2).
    WarmUpStableDecay {
        /// Highest.
        peak: f32,
        /// Lowest, at the end.
        floor: f32,
        /// Steps of rise.
        warm_up: u64,
        /// Steps at the peak.
        stable: u64,
        /// Steps of fall.
        decay: u64,
    },
    /// Rises linearly to where `then` begins, by `then(0) (step + 1) / steps`; `then` starts to count
    /// when `steps` are done.
    WarmUp {
        /// Steps of rise.
        steps: u64,
        /// What follows.
        then: Box<Schedule>,
    },
    /// `first` for a number of steps, then `then` from its own step 0.
    Then {
        /// What comes first.
        first: Box<Schedule>,
        /// For how many steps.
        steps: u64,
        /// What follows.
        then: Box<Schedule>,
    },
    /// The product of both.
    Times(Box<Schedule>, Box<Schedule>),
}

/// Linear warm-up: `peak * (step + 1) / warm_up` until `peak` is reached; `step` from 0.
pub fn warm_up(peak: f32, warm_up: u64, step: u64) -> f32 {
    if step + 1 >= warm_up { peak } else { peak * (step + 1) as f32 / warm_up as f32 }
}

/// How far `step` is on the way through `steps`, 0 to 1.
fn progress(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}

impl Schedule {
    /// Rises over `warm_up` steps, holds, and falls to zero over the last `decay` of `steps`; with no decay it stays.
    pub const fn falling_at_the_end(peak: f32, steps: u64, warm_up: u64, decay: u64) -> Self {
        let floor = if decay == 0 { peak } else { 0.0 };
        Schedule::WarmUpStableDecay { peak, floor, warm_up, stable: steps.saturating_sub(warm_up + decay), decay }
    }

    /// The learning rate of a step, counted from 0.
    pub fn at(&self, step: u64) -> f32 {
        self.exact(step) as f32
    }

    fn exact(&self, step: u64) -> f64 {
        let between = |from: f32, to: f32, t: f64| f64::from(from) + f64::from(to - from) * t;
        let rise = |peak: f64, steps: u64| peak * (step + 1) as f64 / steps as f64;
        match *self {
            Schedule::Constant(rate) => f64::from(rate),
            Schedule::Linear { peak, floor, steps } => between(peak, floor, progress(step, steps)),
            Schedule::Cosine { peak, floor, steps } => {
                let fallen = (1.0 - (std::f64::consts::PI * progress(step, steps)).cos()) / 2.0;
                between(peak, floor, fallen)
            }
            Schedule::InverseSquareRoot { peak, offset } => {
                let offset = offset.max(1) as f64;
                f64::from(peak) * (offset / (offset + step as f64)).sqrt()
            }
            Schedule::Noam { factor, width, warm_up } => {
                let (n, warm_up) = ((step + 1) as f64, warm_up.max(1) as f64);
                f64::from(factor) / f64::from(width).sqrt() * n.powf(-0.5).min(n * warm_up.powf(-1.5))
            }
            Schedule::Steps { start, factor, ref at } => {
                let drops = at.iter().filter(|at| **at <= step).count();
                f64::from(start) * f64::from(factor).powi(drops as i32)
            }
            Schedule::Exponential { start, factor, every, staircase } => {
                let quotient = step as f64 / every.max(1) as f64;
                f64::from(start) * f64::from(factor).powf(if staircase { quotient.floor() } else { quotient })
            }
            Schedule::WarmUpStableDecay { peak, .. } if step + 1 < self.warm_up_steps() => {
                rise(f64::from(peak), self.warm_up_steps())
            }
            Schedule::WarmUpStableDecay { peak, floor, warm_up, stable, decay } => {
                between(peak, floor, progress(step.saturating_sub(warm_up + stable), decay))
            }
            Schedule::WarmUp { steps, ref then } if step < steps => rise(then.exact(0), steps),
            Schedule::WarmUp { steps, ref then } => then.exact(step - steps),
            Schedule::Then { ref first, steps, .. } if step < steps => first.exact(step),
            Schedule::Then { steps, ref then, .. } => then.exact(step - steps),
            Schedule::Times(ref a, ref b) => a.exact(step) * b.exact(step),
        }
    }

    /// The same after a linear rise of `steps` steps.
    #[must_use]
    pub fn after_warm_up(self, steps: u64) -> Schedule {
        Schedule::WarmUp { steps, then: Box::new(self) }
    }

    /// Steps of rise at the beginning.
    const fn warm_up_steps(&self) -> u64 {
        match self {
            Schedule::WarmUpStableDecay { warm_up, .. } => *warm_up,
            Schedule::WarmUp { steps, .. } => *steps,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: &Schedule, expected: &[(u64, f64)]) {
        for &(step, expected) in expected {
            let got = f64::from(schedule.at(step));
            assert!((got - expected).abs() <= 1e-6 * expected.abs(), "{schedule:?} at {step}: {got}, not {expected}");
        }
    }

    #[test]
    fn a_rate_falls_at_the_end_or_stays() {
        let falls = Schedule::falling_at_the_end(0.5, 100, 10, 20);
        check(&falls, &[(0, 0.05), (9, 0.5), (79, 0.5), (80, 0.5), (90, 0.25), (99, 0.025)]);
        check(&Schedule::falling_at_the_end(0.5, 100, 10, 0), &[(4, 0.25), (50, 0.5), (99, 0.5)]);
    }

    #[test]
    fn the_warm_up_ends_at_the_peak() {
        assert_eq!(warm_up(1.0, 4, 0), 0.25);
        assert_eq!(warm_up(1.0, 4, 3), 1.0);
        assert_eq!(warm_up(1.0, 4, 100), 1.0);
        assert_eq!(warm_up(1.0, 0, 0), 1.0);
        let schedule = Schedule::Constant(1.0).after_warm_up(4);
        for step in 0..10 {
            assert_eq!(schedule.at(step), warm_up(1.0, 4, step));
        }
        assert_eq!(Schedule::Constant(0.5).after_warm_up(0).at(0), 0.5);
    }

    #[test]
    fn lines_and_cosines_reach_their_floor_and_stay() {
        let linear = Schedule::Linear { peak: 1.0, floor: 0.2, steps: 8 };
        check(&linear, &[(0, 1.0), (2, 0.8), (4, 0.6), (8, 0.2), (1000, 0.2)]);
        let cosine = Schedule::Cosine { peak: 1.0, floor: 0.1, steps: 100 };
        let third = 0.1 + 0.9 * (1.0 + (std::f64::consts::PI / 4.0).cos()) / 2.0;
        check(&cosine, &[(0, 1.0), (25, third), (50, 0.55), (100, 0.1), (101, 0.1)]);
        check(&Schedule::Cosine { peak: 1.0, floor: 0.1, steps: 0 }, &[(0, 0.1)]);
    }

    #[test]
    fn roots() {
        let root = Schedule::InverseSquareRoot { peak: 0.01, offset: 100 };
        check(&root, &[(0, 0.01), (300, 0.005), (9900, 0.001)]);
        let noam = Schedule::Noam { factor: 1.0, width: 512, warm_up: 4000 };
        let highest = (512.0f64 * 4000.0).powf(-0.5);
        check(&noam, &[(0, highest / 4000.0), (1999, highest / 2.0), (3999, highest), (15_999, highest / 2.0)]);
    }

    #[test]
    fn drops() {
        let steps = Schedule::Steps { start: 1.0, factor: 0.1, at: vec![10, 20] };
        check(&steps, &[(0, 1.0), (9, 1.0), (10, 0.1), (19, 0.1), (20, 0.01)]);
        let smooth = Schedule::Exponential { start: 2.0, factor: 0.25, every: 10, staircase: false };
        check(&smooth, &[(0, 2.0), (5, 1.0), (10, 0.5), (20, 0.125)]);
        let stairs = Schedule::Exponential { start: 2.0, factor: 0.25, every: 10, staircase: true };
        check(&stairs, &[(0, 2.0), (9, 2.0), (10, 0.5)]);
    }

    #[test]
    fn warm_up_stable_decay() {
        let schedule = Schedule::WarmUpStableDecay { peak: 1.0, floor: 0.0, warm_up: 4, stable: 6, decay: 10 };
        check(&schedule, &[(0, 0.25), (3, 1.0), (4, 1.0), (10, 1.0), (15, 0.5), (20, 0.0), (99, 0.0)]);
    }

    #[test]
    fn schedules_compose() {
        let cosine = Schedule::Cosine { peak: 0.4, floor: 0.0, steps: 10 };
        let warmed = cosine.after_warm_up(4);
        check(&warmed, &[(0, 0.1), (1, 0.2), (3, 0.4), (4, 0.4), (9, 0.2), (14, 0.0)]);
        let then = Schedule::Then { first: Box::new(Schedule::Constant(3.0)), steps: 2, then: Box::new(warmed) };
        check(&then, &[(1, 3.0), (2, 0.1), (5, 0.4)]);
        let times = Schedule::Times(Box::new(Schedule::Constant(0.5)), Box::new(then));
        check(&times, &[(1, 1.5), (2, 0.05)]);
    }

    #[test]
    fn a_schedule_is_plain_data() {
        let text = "warm_up(steps: 10, then: cosine(peak: 0.001, floor: 0.0, steps: 90))";
        let schedule: Schedule = ron::from_str(text).unwrap();
        assert_eq!(schedule, Schedule::Cosine { peak: 0.001, floor: 0.0, steps: 90 }.after_warm_up(10));
        assert_eq!(ron::from_str::<Schedule>(&ron::to_string(&schedule).unwrap()).unwrap(), schedule);
        assert!(ron::from_str::<Schedule>("cosine(peak: 0.001, flor: 0.0, steps: 90)").is_err());
    }
}
