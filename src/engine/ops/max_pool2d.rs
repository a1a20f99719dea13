//! `max_pool2d`: the largest number of each window, y[b, o, c] = max over taps t of
//! x[b, o stride + t - padding, c]; dy goes to the first of the largest. The places are kept, and
//! the gradient and its transpose read them, so that second derivatives are exact.

use super::conv2d::{CHECKED, Conv2d};
use crate::engine::{Backward, GradientError, Gradients, Io, Op, Shape, ShapeError, Var};
use crate::kernels::convolution::Geometry;
use crate::kernels::pooling as kernel;

/// How maximum pooling goes over its images. Pairs are of height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Extents of a window.
    pub window: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// Places on each side of the image that no window draws from; below the window.
    pub padding: [usize; 2],
    /// Cut the maxima at zero. `max_pool2d(relu(x))` is the same numbers and gradients for more passes.
    pub relu: bool,
}

impl MaxPool2d {
    /// Square windows side by side.
    pub const fn square(window: usize) -> Self {
        MaxPool2d { window: [window; 2], stride: [window; 2], padding: [0; 2], relu: false }
    }

    /// With this stride along both axes.
    pub const fn stride(self, stride: usize) -> Self {
        MaxPool2d { stride: [stride; 2], ..self }
    }

    /// With this padding on all four sides.
    pub const fn padding(self, padding: usize) -> Self {
        MaxPool2d { padding: [padding; 2], ..self }
    }

    /// Cut at zero.
    pub const fn relu(self) -> Self {
        MaxPool2d { relu: true, ..self }
    }

    fn geometry(&self, images: &[usize]) -> Option<Geometry> {
        let channels = *images.last()?;
        let padding = self.padding.map(|padding| [padding; 2]);
        let options = Conv2d { stride: self.stride, padding, ..Conv2d::default() }.groups(channels);
        let below = self.padding.iter().zip(&self.window).all(|(padding, window)| padding < window);
        options.geometry(images, &[self.window[0], self.window[1], 1, channels]).filter(|_| below)
    }
}

/// The shape of the output for images.
fn pooled(g: &Geometry) -> Shape {
    [g.batch, g.output[0], g.output[1], g.channels].into()
}

/// Input: x. Outputs: y and the places, for the gradient alone.
impl Op for MaxPool2d {
    fn name(&self) -> &'static str {
        if self.relu { "max_pool2d_relu" } else { "max_pool2d" }
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let geometry = if let [x] = inputs { self.geometry(x) } else { None };
        let expected = || format!("[batch, height, width, channels] that fits {self:?}, with padding below the window");
        let g = geometry.ok_or_else(|| ShapeError::new(self.name(), inputs, expected()))?;
        Ok(vec![pooled(&g); 2])
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, places, ..], input_shapes, pool, .. } = io;
        let g = self.geometry(&input_shapes[0]).expect(CHECKED);
        kernel::max_pool(pool, &g, self.relu, x, y, places);
    }

    fn flop(&self, _: &[Shape], outputs: &[Shape]) -> u64 {
        (outputs[0].size() * self.window[0] * self.window[1]) as u64
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule { op: self.name(), why: "places have no gradient" });
        }
        let scatter = Scatter { pool: *self, input: at.inputs[0].shape() };
        Ok(vec![Some(at.inputs[0].graph().apply_one(scatter, &[at.d_output(), at.outputs[1]]))])
    }
}

/// Inputs: dy and places. Output: dx.
#[derive(Clone, Debug)]
struct Scatter {
    pool: MaxPool2d,
    input: Shape,
}

/// Inputs: x and places. Output: the numbers of x at the places.
#[derive(Clone, Debug)]
struct Gather {
    pool: MaxPool2d,
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "max_pool2d_scatter"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match (inputs, self.pool.geometry(&self.input)) {
            ([dy, places], Some(g)) if **dy == pooled(&g) && dy == places => Ok(vec![self.input.clone()]),
            _ => Err(ShapeError::new(self.name(), inputs, format!("gradient and places of {self:?}"))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [dy, places, ..], outputs: [dx, ..], pool, .. } = io;
        kernel::max_pool_scatter(pool, &self.pool.geometry(&self.input).expect(CHECKED), dy, places, dx);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let gather = || at.inputs[0].graph().apply_one(Gather { pool: self.pool }, &[at.d_output(), at.inputs[1]]);
        Ok(vec![at.wanted[0].then(gather), None])
    }
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "max_pool2d_gather"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [x, places] if self.pool.geometry(x).is_some_and(|g| **places == pooled(&g)) => Ok(vec![(*places).clone()]),
            _ => Err(ShapeError::new(self.name(), inputs, format!("images and places of {self:?}"))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, places, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        kernel::max_pool_gather(pool, &self.pool.geometry(&input_shapes[0]).expect(CHECKED), x, places, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let scatter = Scatter { pool: self.pool, input: at.inputs[0].shape() };
        let scatter = || at.inputs[0].graph().apply_one(scatter, &[at.d_output(), at.inputs[1]]);
        Ok(vec![at.wanted[0].then(scatter), None])
    }
}

impl<'g> Var<'g> {
    /// The largest number of each window and channel of images `[batch, height, width, channels]`.
    ///
    /// # Panics
    /// If the shape does not fit the options.
    pub fn max_pool2d(self, options: MaxPool2d) -> Var<'g> {
        self.graph().apply_one(options, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    // The square makes a second derivative, which reads the places once more.
    let case = |label: &str, shape: [usize; 4], options: MaxPool2d| {
        let oracle = move |x: &[Array]| {
            let g = options.geometry(x[0].shape()).expect("the case fits");
            Array::from_shape_fn(pooled(&g).to_vec(), |i| {
                let taps = (0..g.window[0]).flat_map(|row| (0..g.window[1]).map(move |column| [row, column]));
                let seen = taps.filter_map(|tap| {
                    let place = |axis: usize| (i[axis + 1] * g.stride[axis] + tap[axis]).checked_sub(g.before[axis]);
                    x[0].get([i[0], place(0)?, place(1)?, i[3]]).copied()
                });
                let largest = seen.fold(f64::NEG_INFINITY, f64::max);
                if options.relu && largest < 0.0 { 0.0 } else { largest * largest }
            })
        };
        Case::one(
            label,
            [real(shape)],
            move |x| {
                let y = x[0].max_pool2d(options);
                y * y
            },
            oracle,
        )
    };
    let overlapping = MaxPool2d { window: [3, 2], stride: [2, 1], padding: [1, 0], relu: false };
    vec![
        case("squares", [2, 4, 7, 3], MaxPool2d::square(2)),
        case("squares and relu", [2, 5, 4, 3], MaxPool2d::square(2).relu()),
        case("overlapping", [2, 5, 4, 3], overlapping),
        case("overlapping and relu", [1, 5, 5, 17], overlapping.relu()),
        case("padded", [1, 4, 4, 2], MaxPool2d::square(3).stride(1).padding(1)),
    ]
}
