//! A choice between two arrays by a third, with numpy's broadcasting.

use super::isa::kernel;
use super::map::BLOCK;
use super::strided::{View, Walk, broadcast};
use crate::base::threads::Pool;

/// The three operands of a run of rows: slices from the first element on, and the steps between rows.
#[derive(Clone, Copy)]
struct Operands<'a> {
    data: [&'a [f32]; 3],
    rows: [usize; 3],
    columns: usize,
}

/// One row; a step of 0 repeats one number, a step of 1 walks along.
#[inline(always)]
fn select_row<const M: usize, const A: usize, const B: usize>(mask: &[f32], a: &[f32], b: &[f32], z: &mut [f32]) {
    let len = z.len();
    let cut = |step: usize| if step == 0 { 1 } else { len };
    let (mask, a, b) = (&mask[..cut(M)], &a[..cut(A)], &b[..cut(B)]);
    for (i, z) in z.iter_mut().enumerate() {
        *z = if mask[i * M] != 0.0 { a[i * A] } else { b[i * B] };
    }
}

kernel! {
    fn select_block<A>(o: Operands<'_>, steps: [usize; 3], z: &mut [f32]) {
        for (row, z) in z.chunks_mut(o.columns).enumerate() {
            let [mask, a, b]: [&[f32]; 3] = std::array::from_fn(|i| &o.data[i][row * o.rows[i]..]);
            match steps {
                [0, 0, 0] => select_row::<0, 0, 0>(mask, a, b, z),
                [0, 0, _] => select_row::<0, 0, 1>(mask, a, b, z),
                [0, _, 0] => select_row::<0, 1, 0>(mask, a, b, z),
                [0, _, _] => select_row::<0, 1, 1>(mask, a, b, z),
                [_, 0, 0] => select_row::<1, 0, 0>(mask, a, b, z),
                [_, 0, _] => select_row::<1, 0, 1>(mask, a, b, z),
                [_, _, 0] => select_row::<1, 1, 0>(mask, a, b, z),
                [_, _, _] => select_row::<1, 1, 1>(mask, a, b, z),
            }
        }
    }
}

/// `z = a` where `mask` is not 0 (NaN is not), else `b`; `shape` is that of `z`.
///
/// # Panics
/// When an operand cannot be broadcast to `shape` or `z` has another length: a bug in the caller.
pub fn select(pool: &Pool, operands: [View<'_>; 3], z: &mut [f32], shape: &[usize]) {
    let walk = Walk::new(shape, operands.map(|view| broadcast(view.shape, shape)));
    let columns = walk.columns();
    assert_eq!(z.len(), walk.rows() * columns, "select: the output is not {shape:?}");
    let steps: [usize; 3] = std::array::from_fn(|i| walk.column_stride(i));
    let rows: [usize; 3] = std::array::from_fn(|i| walk.row_stride(i));
    let at = |offsets: [usize; 3], columns: usize| Operands {
        data: std::array::from_fn(|i| &operands[i].data[offsets[i]..]),
        rows,
        columns,
    };
    if walk.rows() == 1 {
        pool.parts(z, BLOCK, |block, z| {
            select_block(at(steps.map(|step| block * BLOCK * step), z.len()), steps, z);
        });
        return;
    }
    let part = (BLOCK / columns.max(1)).max(1);
    pool.parts(z, part * columns, |block, z| {
        let (first, mut done) = (block * part, 0);
        walk.runs(first, first + z.len() / columns, |offsets, rows| {
            select_block(at(offsets, columns), steps, &mut z[done..done + rows * columns]);
            done += rows * columns;
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::check::{assert_same_at_any_threads, noise, on_every_set};

    #[test]
    fn every_broadcast_chooses_as_the_definition_does() {
        let shapes: [[&[usize]; 3]; 9] = [
            [&[30, 41], &[30, 41], &[30, 41]],
            [&[41], &[30, 41], &[]],
            [&[30, 1], &[], &[30, 41]],
            [&[30, 1], &[30, 41], &[41]],
            [&[30, 41], &[1], &[1]],
            [&[30, 41], &[30, 1], &[41]],
            [&[], &[30, 41], &[30, 1]],
            [&[1, 41], &[30, 1], &[30, 1]],
            [&[1, 1], &[30, 1], &[30, 41]],
        ];
        for shapes in shapes {
            let data = [1, 2, 3].map(|i| noise(i, shapes[i as usize - 1].iter().product()));
            let mask: Vec<f32> = data[0].iter().map(|x| f32::from(u8::from(*x > 0.0))).collect();
            let views = [View::new(&mask, shapes[0]), View::new(&data[1], shapes[1]), View::new(&data[2], shapes[2])];
            let value = |view: &View<'_>, place: usize| {
                let strides = broadcast(view.shape, &[30, 41]);
                view.data[place / 41 * strides[0] + place % 41 * strides[1]]
            };
            on_every_set(|pool| {
                let mut z = vec![f32::NAN; 30 * 41];
                select(pool, views, &mut z, &[30, 41]);
                for (place, &z) in z.iter().enumerate() {
                    let chosen = if value(&views[0], place) != 0.0 { &views[1] } else { &views[2] };
                    assert_eq!(z, value(chosen, place), "{shapes:?} at {place}");
                }
            });
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() {
        let x = noise(4, 700 * 71);
        let mask: Vec<f32> = noise(5, 71).iter().map(|x| f32::from(u8::from(*x > 0.0))).collect();
        assert_same_at_any_threads(|pool| {
            let mut out = vec![vec![0.0; x.len()]; 2];
            let whole = View::new(&x, &[700, 71]);
            select(pool, [View::new(&mask, &[71]), whole, View::new(&[0.5], &[])], &mut out[0], &[700, 71]);
            select(pool, [whole, View::new(&[2.0], &[]), whole], &mut out[1], &[700, 71]);
            out
        });
    }
}
