//! A cache of keys and values: what decoding one token at a time keeps of the tokens before.

use crate::engine::ops::copy::Copy;
use crate::engine::ops::masked_attention::Seen;
use crate::engine::{Graph, Shape, Slot, Store, Var};

/// Stored keys and values of every layer, and how many tokens they hold.
#[derive(Clone, Debug)]
pub struct Cache {
    layers: Vec<[Slot; 2]>,
    length: Slot,
    capacity: usize,
}

/// What a [`Cache`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheShape {
    /// Layers.
    pub layers: usize,
    /// Sequences that are decoded side by side; all have the same length.
    pub batch: usize,
    /// Most tokens of a sequence.
    pub capacity: usize,
    /// Numbers in the keys of a token: heads of keys times their width.
    pub key_width: usize,
    /// Numbers in its values.
    pub value_width: usize,
}

/// A cache within the graph of a step that adds tokens.
#[derive(Clone, Debug)]
pub struct CacheStep<'g, 'c> {
    cache: &'c Cache,
    tokens: usize,
    length: Var<'g>,
    mask: Var<'g>,
}

impl Cache {
    /// An empty cache, stored under `name.`.
    pub fn new(store: &mut Store, name: &str, shape: &CacheShape) -> Self {
        let CacheShape { layers, batch, capacity, key_width, value_width } = *shape;
        let mut layer = |i: usize| {
            let mut add = |part, width| store.add(format!("{name}.{i}.{part}"), [batch, capacity, width]);
            [add("keys", key_width), add("values", value_width)]
        };
        let layers = (0..layers).map(&mut layer).collect();
        Cache { layers, length: store.add(format!("{name}.length"), Shape::SCALAR), capacity }
    }

    /// Tokens that it holds.
    pub fn length(&self, store: &Store) -> usize {
        store.values(self.length)[0] as usize
    }

    /// Tokens that it has room for.
    pub fn room(&self, store: &Store) -> usize {
        self.capacity.saturating_sub(self.length(store))
    }

    /// Forgets all tokens but the first `length`.
    ///
    /// # Panics
    /// If it holds fewer.
    pub fn truncate(&self, store: &mut Store, length: usize) {
        assert!(length <= self.length(store), "a cache cannot be cut to more than it holds");
        store.values_mut(self.length)[0] = length as f32;
    }

    /// Sequence i goes on from what sequence `rows[i]` holds; sequences behind the list stay as they are.
    ///
    /// # Panics
    /// If there are more rows than sequences, or one that is none.
    pub fn pick(&self, store: &mut Store, rows: &[usize]) {
        if rows.iter().enumerate().all(|(i, row)| i == *row) {
            return;
        }
        let length = self.length(store);
        for slot in self.layers.iter().flatten() {
            let width = store.shape(*slot).last_extent();
            let (each, held) = (self.capacity * width, length * width);
            let before = store.values(*slot).to_vec();
            let after = store.values_mut(*slot);
            for (i, row) in rows.iter().enumerate() {
                after[i * each..][..held].copy_from_slice(&before[row * each..][..held]);
            }
        }
    }

    /// Begins a step that adds `tokens` tokens. There must be room for them when it runs: what goes
    /// beyond the capacity is lost.
    ///
    /// # Panics
    /// If they are more than the capacity.
    pub fn begin<'g>(&self, graph: &'g Graph, store: &Store, tokens: usize) -> CacheStep<'g, '_> {
        assert!(tokens <= self.capacity, "{tokens} tokens for a cache of {}", self.capacity);
        let length = graph.read(store, self.length);
        // Token i of the new ones sees the keys s with s <= length + i.
        let lead = |i: usize| (i / self.capacity) as f32 - (i % self.capacity) as f32 + 0.5;
        let leads = graph.constant([tokens, self.capacity], (0..tokens * self.capacity).map(lead).collect());
        CacheStep { cache: self, tokens, length, mask: (leads + length).step() }
    }
}

impl<'g> CacheStep<'g, '_> {
    /// The positions of the new tokens, `[tokens]`.
    pub fn positions(&self) -> Var<'g> {
        let counts = (0..self.tokens).map(|i| i as f32).collect();
        self.length.graph().constant([self.tokens], counts) + self.length
    }

    /// What the new tokens see of the keys that [`CacheStep::extend`] gives.
    pub fn seen(&self) -> Seen<'g> {
        Seen::masked(self.mask)
    }

    /// Adds keys and values `[batch, tokens, width]` to a layer and gives all of it, `[batch, capacity,
    /// width]`.
    pub fn extend(&self, store: &Store, layer: usize, new: [Var<'g>; 2]) -> [Var<'g>; 2] {
        let slots = self.cache.layers[layer];
        std::array::from_fn(|i| {
            self.length.graph().store_rows(store, slots[i], new[i], self.length);
            self.length.graph().read(store, slots[i]).write_rows(new[i], self.length)
        })
    }

    /// Counts the new tokens: the last thing that a step records.
    pub fn end(self, store: &Store) {
        self.length.graph().update(store, Copy, &[self.length + self.tokens as f32], &[self.cache.length]);
    }
}
