//! What an op is: one file in `ops/`, one implementation of [`Op`].

use std::fmt::Debug;

use super::{GradientError, Shape, Var};
use crate::base::threads::Pool;
use crate::kernels::map::{self, Unary};

/// Most inputs that an op may have.
pub const MAX_INPUTS: usize = 10;
/// Most outputs that an op may have.
pub const MAX_OUTPUTS: usize = 6;

/// Shapes that an op cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{op} cannot take {shapes}: {expected}")]
pub struct ShapeError {
    /// Name of the op.
    pub op: &'static str,
    /// The shapes it was given.
    pub shapes: String,
    /// What it takes.
    pub expected: String,
}

impl ShapeError {
    /// An error about these inputs.
    pub fn new(op: &'static str, inputs: &[&Shape], expected: impl Into<String>) -> Self {
        let shapes: Vec<String> = inputs.iter().map(ToString::to_string).collect();
        ShapeError { op, shapes: shapes.join(" and "), expected: expected.into() }
    }
}

/// What an op works on: slices of the arena and of stored values. Meant to be taken apart:
/// `let Io { inputs: [x, w, ..], outputs: [y, ..], .. } = io;`
pub struct Io<'a> {
    /// Values of the inputs; empty beyond their number.
    pub inputs: [&'a [f32]; MAX_INPUTS],
    /// Values of the outputs, to be filled whole. In an update they hold the values so far.
    pub outputs: [&'a mut [f32]; MAX_OUTPUTS],
    /// Shapes of the inputs.
    pub input_shapes: &'a [Shape],
    /// Shapes of the outputs.
    pub output_shapes: &'a [Shape],
    /// As many floats as [`Op::scratch`] asked for; content undefined.
    pub scratch: &'a mut [f32],
    /// Threads to use; must not change the bits.
    pub pool: &'a Pool,
}

/// What a gradient rule works on.
#[derive(Debug)]
pub struct Backward<'g, 'a> {
    /// The inputs of the node.
    pub inputs: &'a [Var<'g>],
    /// Its outputs.
    pub outputs: &'a [Var<'g>],
    /// The gradient of the loss by each output; none where the loss does not depend on it.
    pub d_outputs: &'a [Option<Var<'g>>],
    /// Which inputs the gradient is wanted of; a rule may skip the others.
    pub wanted: &'a [bool],
}

impl<'g> Backward<'g, '_> {
    /// The gradient by the only (or first) output.
    ///
    /// # Panics
    /// If the loss does not depend on it; then the node would not have been visited for an op with
    /// one output.
    pub fn d_output(&self) -> Var<'g> {
        self.d_outputs[0].expect("a node is only visited when the loss depends on an output")
    }

    /// The gradient by output `i`, zeros if the loss does not depend on it.
    pub fn d_output_or_zero(&self, i: usize) -> Var<'g> {
        self.d_outputs[i].unwrap_or_else(|| self.outputs[i].zeros_like())
    }
}

/// The gradients by the inputs of a node, in their order; none where there is none.
pub type Gradients<'g> = Result<Vec<Option<Var<'g>>>, GradientError>;

/// What an op does element by element, for a product before it that can do the same at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointwise {
    /// The sum of its two inputs, with broadcasting.
    Add,
    /// A function of its one input.
    Map(Unary),
    /// Its first input times the slope of a function, from its second.
    Slope(map::Backward),
}

/// What a product does at its end, block by block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Adds a further input `[columns]` to every row.
    Bias,
    /// Adds a further input of its own shape.
    Add,
    /// Applies a function.
    Map(Unary),
    /// Applies a function and keeps its argument: two outputs, the argument first.
    Keep(Unary),
    /// Multiplies with the slope of a function, from a further input of its own shape.
    Slope(map::Backward),
}

/// One operation. Implementations are small values that hold what is fixed in the graph.
pub trait Op: Debug + Send + Sync + 'static {
    /// Name in plans and messages.
    fn name(&self) -> &'static str;

    /// What plans and profiles call it: the name, and what a fused op does besides.
    fn label(&self) -> String {
        self.name().to_owned()
    }

    /// Shapes of the outputs.
    ///
    /// # Errors
    /// When the inputs do not fit.
    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError>;

    /// Fills the outputs.
    fn run(&self, io: Io<'_>);

    /// The gradient rule, as graph ops; or a fused backward op, which then says so when it has no
    /// second derivative.
    ///
    /// # Errors
    /// [`GradientError`] when there is no rule.
    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g>;

    /// Floats of workspace that [`Op::run`] needs.
    fn scratch(&self, inputs: &[Shape], outputs: &[Shape]) -> usize {
        let _ = (inputs, outputs);
        0
    }

    /// Floating-point operations of one run, for cost estimates and profiles.
    fn flop(&self, inputs: &[Shape], outputs: &[Shape]) -> u64 {
        let _ = inputs;
        outputs.iter().map(|shape| shape.size() as u64).sum()
    }

    /// What this op does element by element, if a product before it may do it instead.
    fn pointwise(&self) -> Option<Pointwise> {
        None
    }

    /// The same op with something done at its end, whose further inputs follow its own in order; none
    /// if it cannot.
    fn with_epilogue(&self, follow: &[Follow]) -> Option<Box<dyn Op>> {
        let _ = follow;
        None
    }

    /// Whether this op sums an input of this shape over all axes but the last.
    fn sums_rows(&self, input: &Shape) -> bool {
        let _ = input;
        false
    }

    /// The same op with one more output: the sum of its second input over all axes but the last. None
    /// if it cannot.
    fn with_row_sums(&self) -> Option<Box<dyn Op>> {
        None
    }

    /// Whether the only output is the first input under another shape: then nothing is run or copied.
    fn is_view(&self) -> bool {
        false
    }
}
