//! Convolution of images `[batch, height, width, channels]` with weights
//! `[window height, window width, channels / groups, filters]`, and its two gradients:
//! `y[b, o, f] = sum over taps t and channels c of x[b, o stride + t dilation - before, c] w[t, c, f]`,
//! with zeros outside the image (Dumoulin and Visin 2016).
//!
//! Implicit products of matrices (Chetlur et al. 2014, section 3): a block of output positions at a
//! time, the inputs that its windows see are gathered into the rows of a small matrix, which a
//! product turns into outputs while it is in the cache. Depthwise convolutions have loops of their own.
//!
//! Positions are split over at most [`LANES`] lanes, each with its own scratch; lanes and blocks
//! depend on the shape alone.

mod columns;
mod depthwise;
mod product;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::isa::kernel;
use crate::base::threads::Pool;

/// The most lanes of outputs that are computed side by side.
const LANES: usize = 16;
/// The most lanes of the gradient by the weights, each of which sums apart.
const SUMS: usize = 8;
/// Floats gathered at once: 192 kB, which leaves room in a second-level cache of 512 kB.
const GATHERED: usize = 48 << 10;
/// The most positions of a block.
const MOST: usize = 504;
/// Blocks are multiples of this many positions: whole register tiles of 4, 6, 8 or 12 rows.
const STEP: usize = 24;

/// The shape of a convolution, or of pooling. Pairs are of height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Extents of an image.
    pub input: [usize; 2],
    /// Numbers in a pixel of the input.
    pub channels: usize,
    /// Extents of the output: those that the windows make.
    pub output: [usize; 2],
    /// Numbers in a pixel of the output.
    pub filters: usize,
    /// Taps of a window.
    pub window: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// From one tap of a window to the next.
    pub dilation: [usize; 2],
    /// Zeros above and left of the image.
    pub before: [usize; 2],
    /// Parts into which channels and filters are split: a filter sees the channels of its part.
    pub groups: usize,
}

/// How many windows of `window` taps, `dilation` apart, fit an axis every `stride`; none when it is
/// shorter than one.
pub fn windows(extent: usize, window: usize, stride: usize, dilation: usize) -> Option<usize> {
    let span = window.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
    Some(extent.checked_sub(span)?.checked_div(stride)? + 1)
}

/// Positions of the output, cut into lanes and these into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Blocks {
    lanes: usize,
    /// Positions of a lane; the last may have fewer.
    lane: usize,
    /// Positions of a block; the last of a lane may have fewer.
    block: usize,
}

/// The part of a window that lies inside its image.
struct Seen {
    rows: Range<usize>,
    columns: Range<usize>,
    /// Row and column of the first tap in the image; negative in its padding.
    corner: [isize; 2],
    image: usize,
}

impl Geometry {
    /// Output positions of an image.
    fn image_positions(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Output positions of all images.
    pub fn positions(&self) -> usize {
        self.batch * self.image_positions()
    }

    /// Numbers in an image of the input.
    pub fn image(&self) -> usize {
        self.input[0] * self.input[1] * self.channels
    }

    /// Channels that a filter sees.
    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    /// Filters of a group.
    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Numbers that a filter sees at a position.
    pub fn column(&self) -> usize {
        self.window[0] * self.window[1] * self.group_channels()
    }

    /// Numbers in the weights.
    fn weights(&self) -> usize {
        self.column() * self.filters
    }

    /// Every channel has one filter of its own.
    fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels && self.groups == self.filters
    }

    /// The gathered inputs would be the input itself.
    fn is_pointwise(&self) -> bool {
        self.groups == 1 && self.window == [1, 1] && self.stride == [1, 1] && self.input == self.output
    }

    /// At most `most` lanes of whole multiples of `unit` positions.
    fn blocks(&self, unit: usize, most: usize) -> Blocks {
        let units = self.positions() / unit.max(1);
        let fit = (GATHERED / self.column().max(1) / STEP * STEP).clamp(STEP, MOST);
        let lanes = (units * unit).div_ceil(fit).min(units).clamp(1, most);
        let lane = units.div_ceil(lanes).next_multiple_of(if unit == 1 { STEP } else { 1 }) * unit;
        let block = lane.div_ceil(lane.div_ceil(fit).max(1)).next_multiple_of(STEP);
        Blocks { lanes: (units * unit).div_ceil(lane.max(1)), lane, block }
    }

    /// The position `at` as image, row and column of the output.
    #[inline(always)]
    fn place(&self, at: usize) -> [usize; 3] {
        let (row, column) = (at / self.output[1], at % self.output[1]);
        [row / self.output[0], row % self.output[0], column]
    }

    /// The taps along an axis of the `at`-th window that lie inside the image, and the index that tap
    /// 0 would have, which may be outside.
    #[inline(always)]
    fn inside(&self, axis: usize, at: usize) -> (Range<usize>, isize) {
        let (step, extent) = (self.dilation[axis], self.input[axis] as isize);
        let first = (at * self.stride[axis]) as isize - self.before[axis] as isize;
        let from = if first >= 0 { 0 } else { (-first as usize).div_ceil(step) };
        let to = if first >= extent { 0 } else { ((extent - first) as usize).div_ceil(step) };
        let to = to.min(self.window[axis]);
        (from.min(to)..to, first)
    }

    /// The part of the window at position `at` that lies inside the image.
    #[inline(always)]
    fn seen(&self, at: usize) -> Seen {
        let [image, row, column] = self.place(at);
        let ((rows, top), (columns, left)) = (self.inside(0, row), self.inside(1, column));
        Seen { rows, columns, corner: [top, left], image }
    }

    /// The tap and the pixel at row `i` and column `j` of a window; pixels count through all images of the input.
    #[inline(always)]
    fn tap(&self, seen: &Seen, i: usize, j: usize) -> (usize, usize) {
        let y = (seen.corner[0] + (i * self.dilation[0]) as isize) as usize;
        let x = (seen.corner[1] + (j * self.dilation[1]) as isize) as usize;
        (i * self.window[1] + j, (seen.image * self.input[0] + y) * self.input[1] + x)
    }

    /// Calls `visit(tap, pixel)` for every tap of the window at position `at` that lies inside the
    /// image. Kernels that do arithmetic in it loop by themselves: what is called is not compiled for their set.
    #[inline(always)]
    pub(super) fn taps(&self, at: usize, mut visit: impl FnMut(usize, usize)) {
        let seen = self.seen(at);
        for i in seen.rows.clone() {
            for j in seen.columns.clone() {
                let (tap, pixel) = self.tap(&seen, i, j);
                visit(tap, pixel);
            }
        }
    }

    fn check(&self, x: usize, w: usize, y: usize) {
        let fits = x == self.batch * self.image()
            && w == self.weights()
            && y == self.positions() * self.filters
            && self.channels.is_multiple_of(self.groups)
            && self.filters.is_multiple_of(self.groups);
        assert!(fits, "convolution: {x}, {w} and {y} numbers do not fit {self:?}");
    }
}

kernel! {
    /// Adds the bias (if there is one) to rows of `filters` numbers, and cuts negative ones to zero if
    /// `relu`.
    fn finish<A>(filters: usize, bias: Option<&[f32]>, relu: bool, y: &mut [f32]) {
        match (bias, relu) {
            (None, false) => {}
            (None, true) => y.iter_mut().for_each(|y| *y = if *y < 0.0 { 0.0 } else { *y }),
            (Some(bias), false) => {
                for y in y.chunks_exact_mut(filters) {
                    y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
                }
            }
            (Some(bias), true) => {
                for y in y.chunks_exact_mut(filters) {
                    for (y, bias) in y.iter_mut().zip(bias) {
                        let sum = *y + bias;
                        *y = if sum < 0.0 { 0.0 } else { sum };
                    }
                }
            }
        }
    }
}

/// `y = x * w (+ bias)`, cut at zero if `relu`. `x`: `[batch, input, channels]`, `w`:
/// `[window, channels / groups, filters]`, `bias`: `[filters]`, `y`: `[batch, output, filters]`.
/// `scratch`: [`convolution_scratch`] floats.
///
/// # Panics
/// When lengths disagree: a bug in the caller.
#[allow(clippy::too_many_arguments)]
pub fn convolution(
    pool: &Pool,
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    y: &mut [f32],
    scratch: &mut [f32],
) {
    g.check(x.len(), w.len(), y.len());
    assert!(bias.is_none_or(|bias| bias.len() == g.filters), "convolution: {g:?} has a bias a filter");
    if g.is_depthwise() {
        depthwise::convolution(pool, g, x, w, bias, relu, y);
    } else {
        product::convolution(pool, g, x, w, bias, relu, y, scratch);
    }
}

/// Scratch of [`convolution`], in floats.
pub fn convolution_scratch(g: &Geometry) -> usize {
    if g.is_depthwise() || g.is_pointwise() {
        return 0;
    }
    let blocks = g.blocks(1, LANES);
    blocks.lanes * blocks.block * g.column()
}

/// The gradient of [`convolution`] by `x` from that by its output: `dx` is overwritten. As an operation
/// of its own it is the transposed convolution. `scratch`: [`input_gradient_scratch`] floats.
///
/// # Panics
/// When lengths disagree: a bug in the caller.
pub fn input_gradient(pool: &Pool, g: &Geometry, dy: &[f32], w: &[f32], dx: &mut [f32], scratch: &mut [f32]) {
    g.check(dx.len(), w.len(), dy.len());
    if g.is_depthwise() {
        depthwise::input_gradient(pool, g, dy, w, dx);
    } else {
        product::input_gradient(pool, g, dy, w, dx, scratch);
    }
}

/// Scratch of [`input_gradient`], in floats.
pub fn input_gradient_scratch(g: &Geometry) -> usize {
    if g.is_depthwise() || g.is_pointwise() {
        return 0;
    }
    let blocks = g.blocks(g.image_positions(), LANES);
    blocks.lanes * blocks.block * g.column()
}

/// The gradients of [`convolution`] by `w` and by the bias from that by its output, which are
/// overwritten. Every lane sums apart and the sums are added in the order of the lanes. `scratch`:
/// [`weight_gradient_scratch`] floats.
///
/// # Panics
/// When lengths disagree: a bug in the caller.
pub fn weight_gradient(
    pool: &Pool,
    g: &Geometry,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    d_bias: Option<&mut [f32]>,
    scratch: &mut [f32],
) {
    g.check(x.len(), dw.len(), dy.len());
    let d_bias = d_bias.filter(|d_bias| {
        assert_eq!(d_bias.len(), g.filters, "convolution: {g:?} has a bias a filter");
        true
    });
    product::weight_gradient(pool, g, x, dy, dw, d_bias, scratch);
}

/// Scratch of [`weight_gradient`], in floats.
pub fn weight_gradient_scratch(g: &Geometry) -> usize {
    let blocks = g.blocks(1, SUMS);
    let gathered = if g.is_depthwise() || g.is_pointwise() { 0 } else { blocks.block * g.column() };
    blocks.lanes * (gathered + g.weights() + g.filters)
}
