//! Weights: stored values with path names, and how they begin.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use crate::base::random::Key;
use crate::engine::{Graph, Shape, Slot, Store, Var};

/// How a weight begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Independent normal values with this standard deviation.
    Normal(f32),
    /// Independent values, uniform between minus and plus this.
    Uniform(f32),
    /// One value everywhere.
    Constant(f32),
    /// One value from an index up to another, zero elsewhere: a gate's part of a bias.
    Part {
        /// First index.
        from: usize,
        /// Index behind the last.
        to: usize,
        /// The value.
        value: f32,
    },
}

/// The number of a weight in its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(usize);

/// The weights of a model: which slots of the store they are.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    slots: Vec<Slot>,
}

/// Creates weights under path names.
#[derive(Debug)]
pub struct Builder<'s> {
    store: &'s mut Store,
    key: Key,
    path: String,
    slots: Vec<Slot>,
}

/// What the weights are in a graph.
#[derive(Clone, Debug)]
pub struct Values<'g> {
    vars: Vec<Var<'g>>,
}

impl<'s> Builder<'s> {
    /// Weights go into `store`; each draws its own stream, addressed by `key` and its path, so that
    /// a new layer never changes how the others begin.
    pub fn new(store: &'s mut Store, key: Key) -> Self {
        Builder { store, key, path: String::new(), slots: Vec::new() }
    }

    /// Adds `name.` to the path while `build` runs.
    pub fn within<R>(&mut self, name: impl std::fmt::Display, build: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.path.len();
        self.path.push_str(&format!("{name}."));
        let result = build(self);
        self.path.truncate(before);
        result
    }

    /// A new weight.
    ///
    /// # Panics
    /// If the path is taken.
    pub fn weight(&mut self, name: &str, shape: impl Into<Shape>, init: Init) -> Weight {
        let path = format!("{}{name}", self.path);
        let slot = self.store.add(path.as_str(), shape);
        let values = self.store.values_mut(slot);
        match init {
            Init::Constant(value) => values.fill(value),
            Init::Uniform(bound) => {
                let mut stream = self.key.purpose(&path).stream();
                values.fill_with(|| stream.random_range(-bound..=bound));
            }
            Init::Part { from, to, value } => values[from..to].fill(value),
            Init::Normal(std) => {
                let mut stream = self.key.purpose(&path).stream();
                values.fill_with(|| {
                    let normal: f32 = StandardNormal.sample(&mut stream);
                    std * normal
                });
            }
        }
        self.slots.push(slot);
        Weight(self.slots.len() - 1)
    }

    /// A stored value that is no weight and that no optimiser changes, for example a running mean. It
    /// begins at `value` everywhere.
    ///
    /// # Panics
    /// If the path is taken.
    pub fn state(&mut self, name: &str, shape: impl Into<Shape>, value: f32) -> Slot {
        let slot = self.store.add(format!("{}{name}", self.path), shape);
        self.store.values_mut(slot).fill(value);
        slot
    }

    /// The finished list.
    pub fn finish(self) -> Weights {
        Weights { slots: self.slots }
    }
}

impl Weights {
    /// The slots, in the order in which the weights were made.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many numbers they hold together.
    pub fn parameters(&self, store: &Store) -> usize {
        self.slots.iter().map(|slot| store.shape(*slot).size()).sum()
    }

    /// The stored weights as values of a graph.
    pub fn read<'g>(&self, graph: &'g Graph, store: &Store) -> Values<'g> {
        Values { vars: self.slots.iter().map(|slot| graph.read(store, *slot)).collect() }
    }
}

impl<'g> Values<'g> {
    /// Weights that were computed instead of stored, in the same order.
    pub fn from_vars(vars: Vec<Var<'g>>) -> Self {
        Values { vars }
    }

    /// All of them, in order.
    pub fn vars(&self) -> &[Var<'g>] {
        &self.vars
    }
}

impl<'g> std::ops::Index<Weight> for Values<'g> {
    type Output = Var<'g>;

    fn index(&self, weight: Weight) -> &Var<'g> {
        &self.vars[weight.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_weights_stay_within_their_bound() {
        let mut store = Store::new();
        let mut builder = Builder::new(&mut store, Key::new(3));
        builder.weight("weight", [1000], Init::Uniform(0.5));
        let slot = builder.finish().slots()[0];
        let values = store.values(slot);
        assert!(values.iter().all(|x| x.abs() <= 0.5));
        // The variance of a uniform value is bound^2 / 3.
        let variance = values.iter().map(|x| x * x).sum::<f32>() / 1000.0;
        assert!((variance - 0.25 / 3.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn a_new_weight_leaves_the_others_as_they_were() {
        let build = |extra: bool| {
            let mut store = Store::new();
            let mut builder = Builder::new(&mut store, Key::new(3));
            if extra {
                builder.within("first", |b| b.weight("weight", [4], Init::Normal(1.0)));
            }
            builder.within("second", |b| b.weight("weight", [400], Init::Normal(0.5)));
            let slot = store.find("second.weight").unwrap();
            store.values(slot).to_vec()
        };
        let values = build(false);
        assert_eq!(values, build(true));
        let square = values.iter().map(|x| x * x).sum::<f32>() / 400.0;
        assert!((square.sqrt() - 0.5).abs() < 0.05);
    }
}
