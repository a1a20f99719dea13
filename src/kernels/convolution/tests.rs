//! Convolution and its gradients against plain loops in f64.

use super::*;
use crate::kernels::check::{assert_close, assert_same_at_any_threads, noise, on_every_set, wide};

/// A shape whose output is what the windows make, with zeros `after` the image too.
#[allow(clippy::too_many_arguments)]
fn shape(
    [batch, height, width, channels]: [usize; 4],
    filters: usize,
    window: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    before: [usize; 2],
    after: [usize; 2],
    groups: usize,
) -> Geometry {
    let input = [height, width];
    let output = [0, 1].map(|axis| {
        let extent = before[axis] + input[axis] + after[axis];
        windows(extent, window[axis], stride[axis], dilation[axis]).expect("a window fits")
    });
    Geometry { batch, input, channels, output, filters, window, stride, dilation, before, groups }
}

fn shapes() -> Vec<Geometry> {
    vec![
        shape([2, 5, 7, 3], 4, [3, 3], [1, 1], [1, 1], [0, 0], [0, 0], 1),
        shape([3, 6, 5, 2], 17, [3, 2], [2, 1], [1, 1], [1, 1], [1, 0], 1),
        shape([1, 9, 8, 1], 5, [3, 3], [1, 2], [2, 2], [2, 1], [2, 1], 1),
        shape([2, 4, 4, 6], 4, [1, 1], [1, 1], [1, 1], [0, 0], [0, 0], 1),
        shape([2, 5, 5, 4], 6, [1, 1], [2, 2], [1, 1], [0, 0], [0, 0], 1),
        shape([2, 6, 6, 4], 6, [3, 3], [1, 1], [1, 1], [1, 1], [1, 1], 2),
        shape([2, 5, 6, 3], 6, [2, 3], [1, 1], [1, 2], [1, 2], [0, 2], 3),
        shape([2, 5, 6, 19], 19, [3, 3], [1, 2], [1, 1], [1, 1], [1, 1], 19),
        shape([4, 11, 1, 5], 5, [4, 1], [1, 1], [2, 1], [6, 0], [0, 0], 5),
        // A window that lies outside altogether at some positions.
        shape([1, 2, 3, 2], 2, [2, 2], [1, 1], [1, 1], [3, 3], [3, 3], 1),
        // Several lanes of several blocks, the last ones short.
        shape([19, 13, 12, 16], 7, [3, 3], [1, 1], [1, 1], [1, 1], [1, 1], 1),
        shape([3, 27, 31, 40], 8, [3, 3], [1, 1], [1, 1], [0, 0], [0, 0], 1),
    ]
}

/// Output, gradients by input and weights, by the definition.
fn plain(g: &Geometry, x: &[f64], w: &[f64], dy: &[f64]) -> [Vec<f64>; 3] {
    let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    let (seen, made) = (g.channels / g.groups, g.filters / g.groups);
    for at in 0..g.positions() {
        let (image, row, column) = (at / (g.output[0] * g.output[1]), at / g.output[1] % g.output[0], at % g.output[1]);
        for (i, j) in (0..g.window[0]).flat_map(|i| (0..g.window[1]).map(move |j| (i, j))) {
            let place = |axis: usize, at: usize, tap: usize| {
                let place = (at * g.stride[axis] + tap * g.dilation[axis]).checked_sub(g.before[axis])?;
                (place < g.input[axis]).then_some(place)
            };
            let (Some(r), Some(c)) = (place(0, row, i), place(1, column, j)) else { continue };
            for filter in 0..g.filters {
                for channel in 0..seen {
                    let from = filter / made * seen + channel;
                    let from = ((image * g.input[0] + r) * g.input[1] + c) * g.channels + from;
                    let weight = ((i * g.window[1] + j) * seen + channel) * g.filters + filter;
                    let to = at * g.filters + filter;
                    y[to] += x[from] * w[weight];
                    dx[from] += dy[to] * w[weight];
                    dw[weight] += dy[to] * x[from];
                }
            }
        }
    }
    [y, dx, dw]
}

fn numbers(g: &Geometry) -> [Vec<f32>; 4] {
    let output = g.positions() * g.filters;
    [noise(1, g.batch * g.image()), noise(2, g.weights()), noise(3, output), noise(4, g.filters)]
}

/// Output with bias and cut at zero, output without, dx, dw, d bias.
fn run(pool: &Pool, g: &Geometry) -> [Vec<f32>; 5] {
    let [x, w, dy, bias] = numbers(g);
    let scratch = |floats: usize| vec![f32::NAN; floats];
    let [mut cut, mut y] = [(); 2].map(|()| vec![f32::NAN; dy.len()]);
    let (mut dx, mut dw) = (vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
    let mut d_bias = vec![f32::NAN; g.filters];
    convolution(pool, g, &x, &w, Some(&bias), true, &mut cut, &mut scratch(convolution_scratch(g)));
    convolution(pool, g, &x, &w, None, false, &mut y, &mut scratch(convolution_scratch(g)));
    input_gradient(pool, g, &dy, &w, &mut dx, &mut scratch(input_gradient_scratch(g)));
    let into = Some(&mut d_bias[..]);
    weight_gradient(pool, g, &x, &dy, &mut dw, into, &mut scratch(weight_gradient_scratch(g)));
    [cut, y, dx, dw, d_bias]
}

#[test]
fn convolution_and_gradients_agree_with_the_definition() {
    for g in shapes() {
        let [x, w, dy, bias] = numbers(&g).map(|x| wide(&x));
        let [y, dx, dw] = plain(&g, &x, &w, &dy);
        let with_bias = y.iter().enumerate().map(|(i, y)| (y + bias[i % g.filters]).max(0.0)).collect::<Vec<_>>();
        let d_bias: Vec<f64> = (0..g.filters).map(|f| dy.iter().skip(f).step_by(g.filters).sum()).collect();
        on_every_set(|pool| {
            let got = run(pool, &g);
            for (i, want) in [&with_bias, &y, &dx, &dw, &d_bias].into_iter().enumerate() {
                let name = ["relu(y + bias)", "y", "dx", "dw", "d bias"][i];
                assert_close(&format!("{g:?}: {name}"), &got[i], want, 2e-5);
            }
        });
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    for g in shapes() {
        assert_same_at_any_threads(|pool| run(pool, &g).into());
    }
}

#[test]
fn lanes_and_blocks_cover_the_positions() {
    for g in shapes() {
        for (unit, most) in [(1, LANES), (1, SUMS), (g.image_positions(), LANES)] {
            let Blocks { lanes, lane, block } = g.blocks(unit, most);
            assert!((1..=most).contains(&lanes) && lane.is_multiple_of(unit) && block >= 1, "{g:?}");
            assert!(lanes * lane >= g.positions() && (lanes - 1) * lane < g.positions(), "{g:?}");
            assert!(block * g.column() <= GATHERED.max(STEP * g.column()), "{g:?}");
        }
    }
}

#[test]
fn windows_that_fit_are_counted() {
    assert_eq!(windows(28, 3, 1, 1), Some(26));
    assert_eq!(windows(10, 3, 2, 2), Some(3));
    assert_eq!(windows(5, 5, 7, 1), Some(1));
    assert_eq!(windows(4, 3, 1, 2), None);
    assert_eq!(windows(4, 0, 1, 1), None);
    assert_eq!(windows(4, 1, 0, 1), None);
}
