//! The graph: what Rust code records while it runs.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use super::fuse::fuse;
use super::{MAX_INPUTS, MAX_OUTPUTS, Op, Plan, Shape, Slot, Store, plan};

/// A value that a plan hands out by [`super::Executor::output`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output(pub(super) usize);

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// An output of a node.
    Node(usize),
    /// A stored value.
    Slot(Slot),
    /// A constant.
    Constant(Arc<Vec<f32>>),
}

#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) shape: Shape,
    pub(super) source: Source,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) op: Arc<dyn Op>,
    pub(super) inputs: Vec<usize>,
    pub(super) outputs: Vec<usize>,
}

/// An op that overwrites stored values after everything else of the step was computed.
#[derive(Clone, Debug)]
pub(super) struct Update {
    pub(super) op: Arc<dyn Op>,
    pub(super) inputs: Vec<usize>,
    pub(super) slots: Vec<Slot>,
}

#[derive(Clone, Default)]
pub(super) struct Recorded {
    pub(super) values: Vec<Value>,
    pub(super) nodes: Vec<Node>,
    pub(super) updates: Vec<Update>,
    pub(super) outputs: Vec<(String, usize)>,
}

impl Recorded {
    /// The value whose memory each value shares: itself, unless it is a view.
    pub(super) fn roots(&self) -> Vec<usize> {
        let mut roots: Vec<usize> = (0..self.values.len()).collect();
        for node in self.nodes.iter().filter(|node| node.op.is_view()) {
            roots[node.outputs[0]] = roots[node.inputs[0]];
        }
        roots
    }

    /// The values that are needed after all nodes have run.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> + '_ {
        let updates = self.updates.iter().flat_map(|update| update.inputs.iter().copied());
        updates.chain(self.outputs.iter().map(|(_, id)| *id))
    }

    /// Which nodes make something that is needed.
    pub(super) fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        let mut open: Vec<usize> = self.kept().collect();
        while let Some(id) = open.pop() {
            if let Source::Node(node) = self.values[id].source
                && !live[node]
            {
                live[node] = true;
                open.extend(&self.nodes[node].inputs);
            }
        }
        live
    }
}

/// Records nodes as Rust code runs. Nodes stand in an order in which they can be computed.
#[derive(Default)]
pub struct Graph {
    pub(super) recorded: RefCell<Recorded>,
}

/// A value of a graph: cheap to copy, used like a number.
#[derive(Clone, Copy)]
pub struct Var<'g> {
    pub(super) graph: &'g Graph,
    pub(super) id: usize,
}

impl fmt::Debug for Var<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}{}", self.id, self.shape())
    }
}

impl Graph {
    /// A graph with nothing in it.
    pub fn new() -> Self {
        Graph::default()
    }

    fn add_value(&self, shape: Shape, source: Source) -> Var<'_> {
        let mut recorded = self.recorded.borrow_mut();
        recorded.values.push(Value { shape, source });
        Var { graph: self, id: recorded.values.len() - 1 }
    }

    /// The stored value of a slot, as it is when a step begins.
    pub fn read(&self, store: &Store, slot: Slot) -> Var<'_> {
        self.add_value(store.shape(slot).clone(), Source::Slot(slot))
    }

    /// A constant.
    ///
    /// # Panics
    /// If `values` has another number of elements than `shape`.
    pub fn constant(&self, shape: impl Into<Shape>, values: Vec<f32>) -> Var<'_> {
        let shape = shape.into();
        assert_eq!(shape.size(), values.len(), "a constant of shape {shape}");
        self.add_value(shape, Source::Constant(Arc::new(values)))
    }

    /// A constant number.
    pub fn scalar(&self, value: f32) -> Var<'_> {
        self.constant(Shape::SCALAR, vec![value])
    }

    /// Records an op.
    ///
    /// # Panics
    /// If the shapes do not fit: a model was put together wrong. The message names op and shapes.
    pub fn apply<'g>(&'g self, op: impl Op, inputs: &[Var<'g>]) -> Vec<Var<'g>> {
        self.apply_shared(Arc::new(op), inputs)
    }

    pub(super) fn apply_shared<'g>(&'g self, op: Arc<dyn Op>, inputs: &[Var<'g>]) -> Vec<Var<'g>> {
        assert!(inputs.iter().all(|v| std::ptr::eq(v.graph, self)), "{}: a value of another graph", op.name());
        let shapes: Vec<Shape> = inputs.iter().map(Var::shape).collect();
        let shapes = op.shapes(&shapes.iter().collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{error}"));
        assert!(inputs.len() <= MAX_INPUTS && shapes.len() <= MAX_OUTPUTS, "{}: too many values", op.name());
        let node = self.recorded.borrow().nodes.len();

        let outputs: Vec<Var<'g>> = shapes.into_iter().map(|shape| self.add_value(shape, Source::Node(node))).collect();
        let ids = |vars: &[Var<'_>]| vars.iter().map(|v| v.id).collect();
        self.recorded.borrow_mut().nodes.push(Node { op, inputs: ids(inputs), outputs: ids(&outputs) });
        outputs
    }

    /// Records an op with one output.
    ///
    /// # Panics
    /// As [`Graph::apply`].
    pub fn apply_one<'g>(&'g self, op: impl Op, inputs: &[Var<'g>]) -> Var<'g> {
        self.apply(op, inputs)[0]
    }

    /// Records an op that overwrites `slots` after everything else of the step was computed; its
    /// inputs are what they were before any update.
    ///
    /// # Panics
    /// If the op's outputs have other shapes than the slots, or a slot is updated twice.
    pub fn update<'g>(&'g self, store: &Store, op: impl Op, inputs: &[Var<'g>], slots: &[Slot]) {
        let shapes: Vec<Shape> = inputs.iter().map(Var::shape).collect();
        let shapes = op.shapes(&shapes.iter().collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{error}"));
        let stored: Vec<Shape> = slots.iter().map(|slot| store.shape(*slot).clone()).collect();
        assert_eq!(shapes, stored, "{}: the slots have other shapes", op.name());
        let mut recorded = self.recorded.borrow_mut();
        let mut taken: Vec<Slot> = recorded.updates.iter().flat_map(|u| u.slots.iter().copied()).collect();
        for slot in slots {
            assert!(!taken.contains(slot), "{} is updated twice", store.name(*slot));
            taken.push(*slot);
        }
        let inputs = inputs.iter().map(|v| v.id).collect();
        recorded.updates.push(Update { op: Arc::new(op), inputs, slots: slots.to_vec() });
    }

    /// Asks for a value to be kept until the end of the step.
    pub fn output(&self, name: impl Into<String>, value: Var<'_>) -> Output {
        let mut recorded = self.recorded.borrow_mut();
        recorded.outputs.push((name.into(), value.id));
        Output(recorded.outputs.len() - 1)
    }

    /// Makes the plan: fusion, order, lifetimes, arena.
    pub fn plan(&self) -> Plan {
        plan::make(&fuse(&self.recorded.borrow()))
    }
}

impl<'g> Var<'g> {
    /// The graph it belongs to.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.graph.recorded.borrow().values[self.id].shape.clone()
    }

    /// Zeros of the same shape.
    pub fn zeros_like(&self) -> Var<'g> {
        let shape = self.shape();
        let values = vec![0.0; shape.size()];
        self.graph.constant(shape, values)
    }
}
