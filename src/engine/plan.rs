//! The plan: which ops run in which order, and where every value lies.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::graph::{Recorded, Source};
use super::ops::copy::Copy;
use super::{Op, Shape, Slot};

/// Offsets are multiples of this many floats: a cache line.
pub(super) const LINE: usize = 16;

/// Where a value lies while a plan runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the arena, from an offset in floats.
    Arena { offset: usize, len: usize },
    /// In the store.
    Slot { slot: Slot, len: usize },
    /// Among the plan's constants.
    Constant { index: usize, len: usize },
}

/// One op with its places.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) op: Arc<dyn Op>,
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Place>,
    pub(super) input_shapes: Vec<Shape>,
    pub(super) output_shapes: Vec<Shape>,
    pub(super) scratch: Place,
}

/// What an executor replays. Immutable; share it by [`Arc`] between executors.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) arena: usize,
    pub(super) constants: Vec<Arc<Vec<f32>>>,
    pub(super) outputs: Vec<(String, Place)>,
    /// Slots read or updated, with their lengths: what a store must have.
    pub(super) slots: Vec<(Slot, usize)>,
}

impl Plan {
    /// Floats of working memory that an executor needs.
    pub fn arena(&self) -> usize {
        self.arena
    }

    /// How many ops a step runs.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Floating-point operations of one step.
    pub fn flop(&self) -> u64 {
        self.steps.iter().map(|step| step.op.flop(&step.input_shapes, &step.output_shapes)).sum()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |place: &Place| match place {
            Place::Arena { offset, .. } => format!("@{offset}"),
            Place::Slot { slot, .. } => format!("slot{}", slot.0),
            Place::Constant { index, .. } => format!("const{index}"),
        };
        let list = |places: &[Place], shapes: &[Shape]| {
            let shown: Vec<_> = places.iter().zip(shapes).map(|(p, s)| format!("{}{s}", place(p))).collect();
            shown.join(" ")
        };
        writeln!(f, "arena {} floats, {} steps", self.arena, self.steps.len())?;
        for step in &self.steps {
            let outputs = list(&step.outputs, &step.output_shapes);
            writeln!(f, "{outputs} = {} {}", step.op.label(), list(&step.inputs, &step.input_shapes))?;
        }
        Ok(())
    }
}

/// Makes the plan of a recorded graph.
pub(super) fn make(recorded: &Recorded) -> Plan {
    let mut maker = Maker::new(recorded);
    // The nodes that must run, in order; views need not.
    let live = recorded.live();
    let live: Vec<usize> = (0..live.len()).filter(|&node| live[node] && !recorded.nodes[node].op.is_view()).collect();
    maker.find_last_uses(&live);
    for (at, &node) in live.iter().enumerate() {
        maker.lay_node(at, node);
    }
    maker.lay_updates();
    let outputs = recorded.outputs.iter().map(|(name, id)| (name.clone(), maker.place(*id))).collect();
    let plan = Plan {
        steps: maker.steps,
        arena: maker.arena.top,
        constants: maker.constants,
        outputs,
        slots: maker.slots.into_iter().collect(),
    };
    debug_assert!(plan.steps.iter().all(no_output_overlaps), "a step would overwrite what it reads");
    plan
}

struct Maker<'a> {
    recorded: &'a Recorded,
    /// The value whose memory each value shares (itself, unless it is a view).
    root: Vec<usize>,
    /// The last step that reads a root; `usize::MAX` if it is kept to the end.
    last_use: Vec<usize>,
    places: HashMap<usize, Place>,
    arena: Arena,
    constants: Vec<Arc<Vec<f32>>>,
    slots: std::collections::BTreeMap<Slot, usize>,
    steps: Vec<Step>,
}

impl<'a> Maker<'a> {
    fn new(recorded: &'a Recorded) -> Self {
        Maker {
            recorded,
            root: recorded.roots(),
            last_use: vec![0; recorded.values.len()],
            places: HashMap::new(),
            arena: Arena::default(),
            constants: Vec::new(),
            slots: std::collections::BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    fn find_last_uses(&mut self, live: &[usize]) {
        for (at, &node) in live.iter().enumerate() {
            for &id in self.recorded.nodes[node].inputs.iter().chain(&self.recorded.nodes[node].outputs) {
                let root = self.root[id];
                self.last_use[root] = self.last_use[root].max(at);
            }
        }
        for id in self.recorded.kept() {
            self.last_use[self.root[id]] = usize::MAX;
        }
    }

    /// The place of a value that was laid or needs no laying.
    fn place(&mut self, id: usize) -> Place {
        let root = self.root[id];
        if let Some(place) = self.places.get(&root) {
            return *place;
        }
        let len = self.recorded.values[root].shape.size();
        let place = match &self.recorded.values[root].source {
            Source::Slot(slot) => {
                self.slots.insert(*slot, len);
                Place::Slot { slot: *slot, len }
            }
            Source::Constant(values) => {
                self.constants.push(Arc::clone(values));
                Place::Constant { index: self.constants.len() - 1, len }
            }
            Source::Node(_) => unreachable!("a node's outputs are laid when it is"),
        };
        self.places.insert(root, place);
        place
    }

    fn shapes(&self, ids: &[usize]) -> Vec<Shape> {
        ids.iter().map(|&id| self.recorded.values[id].shape.clone()).collect()
    }

    fn lay_node(&mut self, at: usize, node: usize) {
        let node = &self.recorded.nodes[node];
        let inputs: Vec<Place> = node.inputs.iter().map(|&id| self.place(id)).collect();
        let outputs: Vec<Place> = node.outputs.iter().map(|&id| self.lay(id)).collect();
        self.push_step(Arc::clone(&node.op), inputs, outputs, self.shapes(&node.inputs), self.shapes(&node.outputs));
        let mut ended: Vec<usize> = node.inputs.iter().chain(&node.outputs).map(|&id| self.root[id]).collect();
        ended.sort_unstable();
        ended.dedup();
        for root in ended {
            if self.last_use[root] == at
                && let Some(place) = self.places.get(&root)
            {
                self.arena.free(*place);
            }
        }
    }

    fn lay(&mut self, id: usize) -> Place {
        let place = self.arena.take(self.recorded.values[id].shape.size());
        self.places.insert(id, place);
        place
    }

    fn push_step(
        &mut self,
        op: Arc<dyn Op>,
        inputs: Vec<Place>,
        outputs: Vec<Place>,
        input_shapes: Vec<Shape>,
        output_shapes: Vec<Shape>,
    ) {
        let scratch = self.arena.take(op.scratch(&input_shapes, &output_shapes));
        self.arena.free(scratch);
        self.steps.push(Step { op, inputs, outputs, input_shapes, output_shapes, scratch });
    }

    /// Updates run last. An input that is itself a slot which some update overwrites is copied
    /// before the first update, so that every update sees the values of before.
    fn lay_updates(&mut self) {
        let recorded = self.recorded;
        let written: Vec<Slot> = recorded.updates.iter().flat_map(|u| u.slots.iter().copied()).collect();
        let mut copies: HashMap<Slot, Place> = HashMap::new();
        for id in recorded.updates.iter().flat_map(|u| u.inputs.iter().copied()) {
            let place = self.place(id);
            if let Place::Slot { slot, len } = place
                && written.contains(&slot)
                && !copies.contains_key(&slot)
            {
                let copy = self.arena.take(len);
                let shape = self.shapes(&[id]);
                self.push_step(Arc::new(Copy), vec![place], vec![copy], shape.clone(), shape);
                copies.insert(slot, copy);
            }
        }
        for update in &recorded.updates {
            let input = |maker: &mut Self, id: usize| match maker.place(id) {
                Place::Slot { slot, .. } if copies.contains_key(&slot) => copies[&slot],
                place => place,
            };
            let inputs: Vec<Place> = update.inputs.iter().map(|&id| input(self, id)).collect();
            let input_shapes = self.shapes(&update.inputs);
            let output_shapes = update
                .op
                .shapes(&input_shapes.iter().collect::<Vec<_>>())
                .expect("the shapes were checked when the update was recorded");
            let slots = update.slots.iter().zip(&output_shapes);
            let outputs: Vec<Place> =
                slots.map(|(slot, shape)| Place::Slot { slot: *slot, len: shape.size() }).collect();
            self.slots.extend(update.slots.iter().zip(&output_shapes).map(|(slot, shape)| (*slot, shape.size())));
            self.push_step(Arc::clone(&update.op), inputs, outputs, input_shapes, output_shapes);
        }
    }
}

/// Offsets for lifetimes: first fit, freed neighbours joined.
#[derive(Debug, Default)]
struct Arena {
    top: usize,
    /// Free ranges below `top`, ascending, never touching each other.
    free: Vec<(usize, usize)>,
}

impl Arena {
    fn take(&mut self, len: usize) -> Place {
        let room = len.div_ceil(LINE) * LINE;
        if room == 0 {
            return Place::Arena { offset: 0, len: 0 };
        }
        if let Some(i) = self.free.iter().position(|(start, end)| end - start >= room) {
            let (start, end) = self.free[i];
            if end - start == room {
                self.free.remove(i);
            } else {
                self.free[i].0 += room;
            }
            return Place::Arena { offset: start, len };
        }
        // A free range at the top grows instead of being skipped.
        let offset = match self.free.last() {
            Some(&(start, end)) if end == self.top => {
                self.free.pop();
                start
            }
            _ => self.top,
        };
        self.top = offset + room;
        Place::Arena { offset, len }
    }

    fn free(&mut self, place: Place) {
        let Place::Arena { offset, len } = place else { return };
        let end = offset + len.div_ceil(LINE) * LINE;
        if end == offset {
            return;
        }
        let i = self.free.partition_point(|(start, _)| *start < offset);
        self.free.insert(i, (offset, end));
        if i + 1 < self.free.len() && self.free[i + 1].0 == end {
            self.free[i].1 = self.free.remove(i + 1).1;
        }
        if i > 0 && self.free[i - 1].1 == offset {
            self.free[i - 1].1 = self.free.remove(i).1;
        }
    }
}

/// What the executor's safety rests on: nothing a step writes is anything else that it touches.
pub(super) fn no_output_overlaps(step: &Step) -> bool {
    let overlap = |a: &Place, b: &Place| match (a, b) {
        (Place::Arena { offset: x, len: m }, Place::Arena { offset: y, len: n }) => x < &(y + n) && y < &(x + m),
        (Place::Slot { slot: x, .. }, Place::Slot { slot: y, .. }) => x == y,
        _ => false,
    };
    let written: Vec<&Place> = step.outputs.iter().chain([&step.scratch]).collect();
    written.iter().enumerate().all(|(i, a)| {
        !matches!(a, Place::Constant { .. })
            && !step.inputs.iter().any(|b| overlap(a, b))
            && !written[i + 1..].iter().any(|b| overlap(a, b))
    })
}
