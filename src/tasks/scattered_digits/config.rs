//! What can be set about scattered digits, and what of it cannot be used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FRAGMENT;
use crate::base::checks::Checks;
use crate::tasks::base_set::BaseSet;

/// What can be set about the images; the default is the bench's quick setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// H: side of the square canvas.
    pub canvas: usize,
    /// 3x3 fragments of other base pictures on a canvas.
    pub fragments: usize,
    /// Standard deviation of the noise on every pixel; full ink is 1.
    pub noise: f32,
    /// Whether the picture lies anywhere; otherwise it is in the middle.
    pub scatter: bool,
    /// Base pictures of the test part.
    pub test_bases: usize,
    /// Share of the other base pictures that is kept from training, to choose a checkpoint by.
    pub held_out: f64,
    /// Classes in play, numbered anew in this order; empty for all.
    pub classes: Vec<u8>,
    /// Every class four times, once for each quarter turn: class c turned k times is k C + c.
    pub turned: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            canvas: 12,
            fragments: 2,
            noise: 0.1,
            scatter: true,
            test_bases: 500,
            held_out: 0.1,
            classes: Vec::new(),
            turned: false,
        }
    }
}

impl Config {
    /// Checks that there are pictures in a base set, large enough to cut fragments from.
    pub fn check_base(base: &BaseSet, checks: &mut Checks) {
        let small = base.picture.map_or(0, |picture| picture.height.min(picture.width));
        checks.holds("base", small >= FRAGMENT, format!("pictures of side {small}"), format!("at least {FRAGMENT}"));
    }

    /// Checks every field for such a base set.
    pub fn check(&self, base: &BaseSet, checks: &mut Checks) {
        let side = base.picture.map_or(0, |picture| picture.height.max(picture.width));
        let small = base.picture.map_or(0, |picture| picture.height.min(picture.width));
        checks.range("canvas", self.canvas, side.max(FRAGMENT)..=128);
        checks.range("fragments", self.fragments, 0..=100);
        checks.range("noise", self.noise, 0.0..=10.0);
        checks.range("test_bases", self.test_bases, 1..=base.rows().saturating_sub(2));
        let share = self.held_out > 0.0 && self.held_out < 1.0;
        checks.holds("held_out", share, self.held_out, "a share between 0 and 1");
        let mut seen = self.classes.clone();
        seen.sort_unstable();
        seen.dedup();
        let known = seen.len() == self.classes.len() && seen.iter().all(|class| usize::from(*class) < base.classes());
        let expected = format!("distinct classes below {}", base.classes());
        checks.holds("classes", known, format!("{:?}", self.classes), expected);
        checks.holds("turned", !self.turned || side == small, "true", "false where pictures are not square");
    }
}
