//! `permute`: axes in another order; dx = dy with the order undone.

use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::copy;
use crate::kernels::strided::View;

/// Axis `i` of the output is axis `axes[i]` of the input.
#[derive(Debug)]
struct Permute {
    axes: Vec<usize>,
}

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        match inputs {
            [x] if sorted.iter().copied().eq(0..x.len()) => {
                Ok(vec![self.axes.iter().map(|axis| x[*axis]).collect::<Vec<_>>().into()])
            }
            _ => Err(ShapeError::new("permute", inputs, format!("one input with just the axes {:?}", self.axes))),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [x, ..], outputs: [y, ..], input_shapes, pool, .. } = io;
        copy::permute(pool, View::new(x, &input_shapes[0]), &self.axes, y);
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        let mut back = vec![0; self.axes.len()];
        self.axes.iter().enumerate().for_each(|(i, axis)| back[*axis] = i);
        Ok(vec![Some(at.d_output().permute(&back))])
    }
}

impl<'g> Var<'g> {
    /// Axes in another order: axis `i` of the result is axis `axes[i]` of this.
    ///
    /// # Panics
    /// If `axes` is not an order of all axes.
    pub fn permute(self, axes: &[usize]) -> Var<'g> {
        self.graph().apply_one(Permute { axes: axes.to_vec() }, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    let case = |shape: &'static [usize], axes: &'static [usize]| {
        let oracle = move |x: &[Array]| {
            let y = x[0].clone().permuted_axes(axes.to_vec()).as_standard_layout().into_owned();
            &y * &y
        };
        Case::one(
            format!("{shape:?} {axes:?}"),
            [real(shape)],
            move |x| {
                let y = x[0].permute(axes);
                y * y
            },
            oracle,
        )
    };
    vec![
        case(&[5, 7], &[1, 0]),
        case(&[2, 3, 5, 7], &[0, 2, 1, 3]),
        case(&[2, 3, 5], &[2, 0, 1]),
        case(&[3, 4, 9], &[0, 2, 1]),
    ]
}
