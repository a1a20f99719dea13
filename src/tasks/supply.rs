//! How many distinct examples there are to train on, and in which order they come.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::random::Key;

/// How many distinct examples there are to train on. In files: a number, or `"fresh"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub enum Supply {
    /// The first so many, again and again, in a new order each time.
    Examples(u64),
    /// No example twice.
    Fresh,
}

impl Supply {
    /// How many, where there is an end to them.
    pub const fn examples(self) -> Option<u64> {
        match self {
            Supply::Examples(count) => Some(count),
            Supply::Fresh => None,
        }
    }
}

impl std::fmt::Display for Supply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Supply::Examples(count) => write!(f, "{count}"),
            Supply::Fresh => f.write_str("fresh"),
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number of examples or \"fresh\"")]
enum Written {
    Number(u64),
    Word(#[schemars(extend("const" = "fresh"))] String),
}

impl TryFrom<Written> for Supply {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(count) => Ok(Supply::Examples(count)),
            Written::Word(word) if word == "fresh" => Ok(Supply::Fresh),
            Written::Word(word) => Err(format!("expected a number of examples or \"fresh\", found \"{word}\"")),
        }
    }
}

impl From<Supply> for Written {
    fn from(supply: Supply) -> Self {
        match supply {
            Supply::Examples(count) => Written::Number(count),
            Supply::Fresh => Written::Word("fresh".into()),
        }
    }
}

/// Which example comes when: epochs over the first so many examples, each in an order of its own.
#[derive(Clone, Debug)]
pub struct Order {
    supply: Supply,
    key: Key,
    epoch: Option<u64>,
    order: Vec<u32>,
}

impl Order {
    /// The order of a supply, from the streams below `key`.
    pub const fn new(supply: Supply, key: Key) -> Self {
        Order { supply, key, epoch: None, order: Vec::new() }
    }

    /// Number of the example that is shown as the `position`-th, counted from 0.
    pub fn example(&mut self, position: u64) -> u64 {
        let Supply::Examples(count) = self.supply else { return position };
        let (epoch, place) = (position / count, (position % count) as usize);
        if self.epoch != Some(epoch) {
            self.order = (0..count as u32).collect();
            self.order.shuffle(&mut self.key.purpose("epoch").index(epoch).stream());
            self.epoch = Some(epoch);
        }
        u64::from(self.order[place])
    }
}

/// Whole batches of a fixed set: every epoch goes once through the examples in an order of its own; what is left of
/// a whole batch waits for another epoch.
#[derive(Clone, Debug)]
pub struct Epochs {
    batch: usize,
    key: Key,
    epoch: Option<u64>,
    order: Vec<u32>,
}

impl Epochs {
    /// Batches of `batch` of `examples` examples, from the streams below `key`.
    ///
    /// # Panics
    /// If there are fewer examples than a batch has.
    pub fn new(examples: usize, batch: usize, key: Key) -> Self {
        assert!(0 < batch && batch <= examples, "{examples} examples make no batch of {batch}");
        Epochs { batch, key, epoch: None, order: (0..examples as u32).collect() }
    }

    /// Batches of an epoch.
    pub const fn batches(&self) -> u64 {
        (self.order.len() / self.batch) as u64
    }

    /// Numbers of the examples of step `step`, counted from 0.
    pub fn batch(&mut self, step: u64) -> &[u32] {
        let (epoch, at) = (step / self.batches(), (step % self.batches()) as usize);
        if self.epoch != Some(epoch) {
            self.order.sort_unstable();
            self.order.shuffle(&mut self.key.index(epoch).stream());
            self.epoch = Some(epoch);
        }
        &self.order[at * self.batch..][..self.batch]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_shows_every_example_once_and_fresh_ones_never_come_back() {
        let mut order = Order::new(Supply::Examples(5), Key::new(1));
        let shown: Vec<u64> = (0..15).map(|i| order.example(i)).collect();
        for epoch in shown.chunks(5) {
            let mut epoch = epoch.to_vec();
            epoch.sort_unstable();
            assert_eq!(epoch, [0, 1, 2, 3, 4]);
        }
        assert_ne!(shown[..5], shown[5..10]);
        assert_eq!(order.example(3), shown[3]);
        assert_eq!(Order::new(Supply::Fresh, Key::new(1)).example(77), 77);
        assert_eq!(ron::from_str::<Supply>("\"fresh\"").unwrap(), Supply::Fresh);
        assert_eq!(ron::from_str::<Supply>("512").unwrap(), Supply::Examples(512));
        assert!(ron::from_str::<Supply>("\"old\"").unwrap_err().to_string().contains("found \"old\""));
    }

    #[test]
    fn whole_batches_of_an_epoch_share_no_example_and_can_be_asked_for_in_any_order() {
        let mut epochs = Epochs::new(7, 3, Key::new(1));
        assert_eq!(epochs.batches(), 2);
        let shown: Vec<Vec<u32>> = (0..6).map(|step| epochs.batch(step).to_vec()).collect();
        for epoch in shown.chunks(2) {
            let mut epoch = epoch.concat();
            epoch.sort_unstable();
            epoch.dedup();
            assert_eq!(epoch.len(), 6);
        }
        assert_ne!(shown[..2], shown[2..4]);
        assert_eq!(Epochs::new(7, 3, Key::new(1)).batch(3), shown[3]);
        assert_eq!(epochs.batch(0), shown[0]);
    }
}
