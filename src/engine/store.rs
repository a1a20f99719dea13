//! What outlives a step: weights, optimiser state, inputs.

use super::Shape;
use crate::kernels::memory;

/// The address of a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(super) usize);

#[derive(Clone, Debug)]
struct Stored {
    name: String,
    shape: Shape,
    values: Vec<f32>,
}

/// Named values that plans read and update in place. Several executors may share one plan, each
/// with a store of its own.
#[derive(Clone, Debug, Default)]
pub struct Store {
    stored: Vec<Stored>,
}

impl Store {
    /// A store with nothing in it.
    pub fn new() -> Self {
        Store::default()
    }

    /// Adds a value of zeros under a path name, for example `layers.0.attention.query.weight`.
    ///
    /// # Panics
    /// If the name is taken: two parts of a model would share weights without meaning to.
    pub fn add(&mut self, name: impl Into<String>, shape: impl Into<Shape>) -> Slot {
        let (name, shape) = (name.into(), shape.into());
        assert!(self.find(&name).is_none(), "the store already has a value named {name}");
        let values = memory::filled(shape.size(), 0.0);
        self.stored.push(Stored { name, shape, values });
        Slot(self.stored.len() - 1)
    }

    /// The slot of a name.
    pub fn find(&self, name: &str) -> Option<Slot> {
        self.stored.iter().position(|stored| stored.name == name).map(Slot)
    }

    /// Every slot, in the order in which they were added.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.stored.len()).map(Slot)
    }

    /// The name of a slot.
    pub fn name(&self, slot: Slot) -> &str {
        &self.stored[slot.0].name
    }

    /// The shape of a slot.
    pub fn shape(&self, slot: Slot) -> &Shape {
        &self.stored[slot.0].shape
    }

    /// The values of a slot, row-major.
    pub fn values(&self, slot: Slot) -> &[f32] {
        &self.stored[slot.0].values
    }

    /// The values of a slot, to be overwritten.
    pub fn values_mut(&mut self, slot: Slot) -> &mut [f32] {
        &mut self.stored[slot.0].values
    }
}
