//! The comparison on the screen: its runs, and where the viewer stands in it.

use serde_json::Value;

use super::compared::{self, Chosen, Ran};
use super::{Feed, Item, Shown, Stand};
use crate::contract::Card;

/// One run of a comparison.
pub struct Side {
    /// Where its state comes from.
    pub feed: Box<dyn Feed>,
    /// Its preset, with every default filled in.
    pub preset: Value,
    /// The card of its system, if the system is on this bench.
    pub card: Option<&'static Card>,
}

impl Side {
    fn ran(&self) -> Ran<'_> {
        Ran { state: self.feed.state(), preset: &self.preset, card: self.card }
    }
}

/// Runs side by side.
pub struct Comparison {
    /// The runs, in the order of their letters.
    pub sides: Vec<Side>,
    /// Where the viewer stands; its trial is the selected run.
    pub stand: Stand,
    /// Place of the run that the others are compared with.
    pub baseline: usize,
    /// Place of the condition that is shown alone, from 1 on; 0 for all.
    condition: usize,
}

impl Comparison {
    /// A comparison of some runs with the first of them.
    pub fn of(sides: Vec<Side>, size: (u16, u16)) -> Self {
        let stand = Stand { size, ..Stand::default() };
        Comparison { sides, stand, baseline: 0, condition: 0 }
    }

    fn runs(&self) -> Vec<Ran<'_>> {
        self.sides.iter().map(Side::ran).collect()
    }

    /// Every metric that can be shown.
    pub fn metrics(&self) -> Vec<String> {
        compared::metrics(&self.runs())
    }

    /// The condition that is shown alone.
    pub fn condition(&self) -> Option<String> {
        compared::conditions(&self.runs()).into_iter().nth(self.condition.checked_sub(1)?)
    }

    /// Shows another condition alone, or all.
    pub fn turn_condition(&mut self, by: isize) {
        let count = compared::conditions(&self.runs()).len() as isize + 1;
        self.condition = (self.condition as isize + by).rem_euclid(count) as usize;
    }

    /// The panels.
    pub fn items(&self) -> Vec<Item<'static>> {
        let (runs, metrics, condition) = (self.runs(), self.metrics(), self.condition());
        let chosen = Chosen {
            baseline: self.baseline,
            metric: metrics.get(self.stand.metric % metrics.len().max(1)).map_or("", String::as_str),
            condition: condition.as_deref(),
            along: self.stand.along,
        };
        let item = |panel: crate::contract::Panel| Item {
            key: format!("compare/{}", panel.id),
            shown: Shown::Made(Box::new(panel)),
        };
        compared::panels(&runs, &chosen).into_iter().map(item).collect()
    }

    /// Reads what is new on disk; whether anything is.
    ///
    /// # Errors
    /// A sentence when a run cannot be read (any more).
    pub fn refresh(&mut self) -> Result<bool, String> {
        let mut changed = false;
        for side in &mut self.sides {
            changed |= side.feed.refresh()?;
        }
        Ok(changed)
    }
}
