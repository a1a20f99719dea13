//! What can be set about scattered digits, and what of it cannot be used.

use serde::{Deserialize, Serialize};

use super::FRAGMENT;
use crate::tasks::Refusals;
use crate::tasks::base_set::BaseSet;

/// What can be set about the images; the default is the bench's quick setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// What cannot be used on a base set; all of it, in field order.
    pub fn refusals(&self, base: &BaseSet) -> Refusals {
        let mut refusals = Refusals::default();
        let side = base.picture.map_or(0, |picture| picture.height.max(picture.width));
        let small = base.picture.map_or(0, |picture| picture.height.min(picture.width));
        refusals.check("base", small >= FRAGMENT, format!("pictures of side {small}"), format!("at least {FRAGMENT}"));
        let canvas = format!("{} to 128", side.max(FRAGMENT));
        refusals.check("canvas", (side.max(FRAGMENT)..=128).contains(&self.canvas), self.canvas, canvas);
        refusals.check("fragments", self.fragments <= 100, self.fragments, "0 to 100");
        refusals.check("noise", (0.0..=10.0).contains(&self.noise), self.noise, "0 to 10");
        let most = base.rows().saturating_sub(2);
        refusals.check("test_bases", (1..=most).contains(&self.test_bases), self.test_bases, format!("1 to {most}"));
        let share = self.held_out > 0.0 && self.held_out < 1.0;
        refusals.check("held_out", share, self.held_out, "a share between 0 and 1");
        let mut seen = self.classes.clone();
        seen.sort_unstable();
        seen.dedup();
        let known = seen.len() == self.classes.len() && seen.iter().all(|class| usize::from(*class) < base.classes());
        let expected = format!("distinct classes below {}", base.classes());
        refusals.check("classes", known, format!("{:?}", self.classes), expected);
        refusals.check("turned", !self.turned || side == small, "true", "false where pictures are not square");
        refusals
    }
}
