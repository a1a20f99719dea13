//! The chunked form of a memory that is its state, rows of which decay: all slopes of a chunk are taken at
//! the memory `X_0` before it, so that nothing of the chunk waits for a token (Behrouz et al. 2025,
//! chunk-wise training). With `D_ij` the product of alpha over the tokens after `j` up to `i`,
//!
//! `e_i = X_0 k_i - v_i`, `w_i = -eta_i u(e_i)`, `o_i = D_i0 (X_0 q_i) + sum_{j <= i} (q_i . k_j) D_ij w_j`,
//! `X_n = D_n0 X_0 + sum_j (D_nj w_j) k_j^T`:
//!
//! four matrix products, and sums over pairs of tokens for what lies between. The same as token by
//! token up to the order of sums. `D` is never a quotient: every write decays along with the tokens.

use std::ops::Range;

use super::passes::{from_tiles, into_tiles};
use super::products::{Into, Lines, SLACK, Scalars, product};
use super::{ErrorOf, Head, HeadOutputs, Loss, MatrixMemory, Prediction, Steering, take, take_error, take_write};
use crate::kernels::isa::{Arithmetic, kernel};
use crate::kernels::linear_attention::tile_columns;

/// The lengths of a chunk's buffers.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    /// Tokens of a whole chunk.
    pub(super) tokens: usize,
    /// Key channels, and in whole lanes.
    pub(super) key: usize,
    pub(super) key_wide: usize,
    /// Value channels in whole tiles, and of one.
    pub(super) wide: usize,
    pub(super) tile: usize,
}

/// Lanes that lines over tokens or key channels are filled up to.
const LANES: usize = 8;

impl Lengths {
    pub(super) fn of(memory: &MatrixMemory) -> Self {
        let (key, value) = (memory.shape.key, memory.shape.value);
        let tokens = memory.chunk().min(memory.shape.tokens);
        let tile = tile_columns(value);
        Lengths { tokens, key, key_wide: key.next_multiple_of(LANES), wide: memory.sizes().wide, tile }
    }

    /// Tokens in whole lanes.
    pub(super) fn line(&self) -> usize {
        self.tokens.next_multiple_of(LANES)
    }

    /// Vectors over the value channels, one a token.
    pub(super) fn values(&self) -> usize {
        self.tokens * self.wide + SLACK
    }

    /// Vectors over the key channels, one a token.
    pub(super) fn keys(&self) -> usize {
        self.tokens * self.key_wide + SLACK
    }

    /// Vectors over the tokens, one a key channel.
    pub(super) fn keys_across(&self) -> usize {
        self.key * self.line() + SLACK
    }

    /// A number for every pair of tokens.
    pub(super) fn pairs(&self) -> usize {
        self.tokens * self.line() + SLACK
    }

    /// A state.
    pub(super) fn state(&self) -> usize {
        self.key * self.wide + SLACK
    }
}

impl MatrixMemory {
    /// Floats that a head's chunks need forward.
    pub(super) fn chunks_forward_work(&self) -> usize {
        let lengths = Lengths::of(self);
        let vectors = 4 * lengths.values() + lengths.wide * 3;
        lengths.state() + vectors + lengths.keys_across() + lengths.pairs() + self.sizes().steering()
    }
}

/// Of every token of a chunk a vector over the value channels, in whole tiles.
pub(super) struct ChunkValues<'a> {
    /// Alpha.
    pub(super) alpha: &'a mut [f32],
    /// Writes.
    pub(super) write: &'a mut [f32],
    /// What is read of the memory before the chunk: by the keys, later by the queries.
    pub(super) read: &'a mut [f32],
    /// Outputs.
    pub(super) out: &'a mut [f32],
}

kernel! {
    /// The errors (kept in `errors`, unless that is empty), writes and decays of some tokens;
    /// `values.read` is what their keys read.
    fn writes<A>(
        head: &Head<'_>, tokens: Range<usize>, gates: &mut Steering<'_>, values: &mut ChunkValues<'_>,
        errors: &mut [f32], none: &mut [f32], u: &mut [f32]
    ) {
        let wide = u.len();
        for (i, t) in tokens.enumerate() {
            let at = i * wide..(i + 1) * wide;
            gates.load_steps(head, t);
            if let Some(alpha) = head.layout.alpha {
                alpha.spread(head.gates.at(t), head.h, &mut values.alpha[at.clone()]);
            }
            // Nothing is read of a state here: the lanes of its tiles do not matter.
            let prediction = Prediction::Foretold(&values.read[at.clone()], 1.0);
            let error = if errors.is_empty() { &mut *none } else { &mut errors[at.clone()] };
            take_error::<A, 8>(head, t, gates, &[], prediction, error);
            take_write::<A>(head, t, gates, error, [&mut *u, &mut values.write[at]]);
        }
    }
}

kernel! {
    /// What the queries of `count` tokens read: `values.read` is what they read of the state before, `scores`
    /// (`line` apart) are the products of queries and keys. Leaves in `values.write` the writes as they
    /// are after the chunk, and decays the state.
    fn reads<A>(
        lengths: Lengths, count: usize, decays: bool, scores: &[f32], values: &mut ChunkValues<'_>, state: &mut [f32]
    ) {
        match (lengths.tile, decays) {
            (8, false) => reads_tiles::<A, 8, false>(lengths, count, scores, values, state),
            (8, true) => reads_tiles::<A, 8, true>(lengths, count, scores, values, state),
            (16, false) => reads_tiles::<A, 16, false>(lengths, count, scores, values, state),
            (16, true) => reads_tiles::<A, 16, true>(lengths, count, scores, values, state),
            (_, false) => reads_tiles::<A, 32, false>(lengths, count, scores, values, state),
            (_, true) => reads_tiles::<A, 32, true>(lengths, count, scores, values, state),
        }
    }
}

#[inline(always)]
fn reads_tiles<A: Arithmetic, const L: usize, const DECAYS: bool>(
    lengths: Lengths,
    count: usize,
    scores: &[f32],
    values: &mut ChunkValues<'_>,
    state: &mut [f32],
) {
    let tiles = lengths.wide / L;
    let ChunkValues { alpha, write, read, out } = values;
    let [alpha, read] = [&**alpha, &**read].map(|x| x.as_chunks::<L>().0);
    let [write, out] = [&mut **write, &mut **out].map(|x| x.as_chunks_mut::<L>().0);
    for (tile, states) in state.as_chunks_mut::<L>().0.chunks_exact_mut(lengths.key).take(tiles).enumerate() {
        let mut kept = [1.0; L];
        for i in 0..count {
            let at = i * tiles + tile;
            let (alpha, mut total) = (alpha[at], read[at]);
            if DECAYS {
                for j in 0..L {
                    kept[j] *= alpha[j];
                    total[j] *= kept[j];
                }
            }
            let scores = &scores[i * lengths.line()..][..i + 1];
            let (own, earlier) = scores.split_last().expect("a token has its own score");
            for (s, &score) in earlier.iter().enumerate() {
                let mut carried = write[s * tiles + tile];
                for j in 0..L {
                    if DECAYS {
                        carried[j] *= alpha[j];
                    }
                    total[j] = A::mul_add(score, carried[j], total[j]);
                }
                write[s * tiles + tile] = carried;
            }
            let write = &write[at];
            for j in 0..L {
                total[j] = A::mul_add(*own, write[j], total[j]);
            }
            out[at] = total;
        }
        if DECAYS {
            for row in states {
                let mut x = *row;
                for j in 0..L {
                    x[j] *= kept[j];
                }
                *row = x;
            }
        }
    }
}

kernel! {
    /// `across[channel][i]` from `count` vectors that are `stride` apart, over `width` channels.
    pub(super) fn turn<A>(vectors: &[f32], stride: usize, count: usize, width: usize, across: &mut [f32], line: usize) {
        // Squares of eight by eight, and what is left number by number.
        let (whole, channels) = (count - count % 8, width - width % 8);
        for i in (0..whole).step_by(8) {
            for channel in (0..channels).step_by(8) {
                let mut square = [[0.0; 8]; 8];
                for (j, row) in square.iter_mut().enumerate() {
                    *row = *vectors[(i + j) * stride + channel..].first_chunk().expect("a whole square");
                }
                for j in 0..8 {
                    let column = [
                        square[0][j], square[1][j], square[2][j], square[3][j],
                        square[4][j], square[5][j], square[6][j], square[7][j],
                    ];
                    across[(channel + j) * line + i..][..8].copy_from_slice(&column);
                }
            }
        }
        for i in 0..count {
            for channel in if i < whole { channels } else { 0 }..width {
                across[channel * line + i] = vectors[i * stride + channel];
            }
        }
    }
}

/// The products of all queries and keys of a chunk.
pub(super) fn scores(
    head: &Head<'_>,
    lengths: Lengths,
    [first, count]: [usize; 2],
    across: &mut [f32],
    scores: &mut [f32],
) {
    let (line, keys, queries) = (lengths.line(), vectors(&head.k, first), vectors(&head.q, first));
    turn(keys.data, keys.row, count, lengths.key, across, line);
    let into = Into { data: scores, stride: line, add: false };
    product([count, lengths.key, count], queries, Lines { data: across, stride: line }, into);
}

/// The vectors of a track from token `first` on, as the rows of a matrix.
pub(super) fn vectors<'a>(track: &crate::kernels::lanes::Track<'a>, first: usize) -> Scalars<'a> {
    Scalars { data: &track.data[first * track.stride..], row: track.stride, column: 1 }
}

impl Scalars<'_> {
    /// Rows as columns.
    pub(super) fn turned(self) -> Self {
        Scalars { row: self.column, column: self.row, ..self }
    }
}

/// `out_i = X x_i` for vectors `x` over the key channels.
pub(super) fn read_all(lengths: Lengths, count: usize, state: &[f32], x: Scalars<'_>, out: &mut [f32]) {
    for (tile, first) in (0..lengths.wide).step_by(lengths.tile).enumerate() {
        let lines = Lines { data: &state[tile * lengths.key * lengths.tile..], stride: lengths.tile };
        let into = Into { data: &mut out[first..], stride: lengths.wide, add: false };
        product([count, lengths.key, lengths.tile], x, lines, into);
    }
}

/// `X += sum_i y_i x_i^T` for vectors `y` over the value channels.
pub(super) fn write_all(lengths: Lengths, count: usize, y: &[f32], x: Scalars<'_>, state: &mut [f32]) {
    for (tile, first) in (0..lengths.wide).step_by(lengths.tile).enumerate() {
        let lines = Lines { data: &y[first..], stride: lengths.wide };
        let into = Into { data: &mut state[tile * lengths.key * lengths.tile..], stride: lengths.tile, add: true };
        product([lengths.key, count, lengths.tile], x.turned(), lines, into);
    }
}

/// One head from the first token to the last, as [`super::head_forward`].
pub(super) fn head_forward_by_chunks(head: &Head<'_>, initial: &[f32], outputs: HeadOutputs<'_>, mut work: &mut [f32]) {
    let (memory, lengths) = (head.memory, Lengths::of(&head.memory));
    let sizes = memory.sizes();
    let (matrix, wide) = (sizes.matrix(), lengths.wide);
    let work = &mut work;
    let state = take(work, lengths.state());
    let [alpha, write, read, out] = [(); 4].map(|()| take(work, lengths.values()));
    // The lanes beyond the last value channel keep what they hold.
    alpha.fill(1.0);
    let mut values = ChunkValues { alpha, write, read, out };
    let (across, pairs) = (take(work, lengths.keys_across()), take(work, lengths.pairs()));
    let mut gates = Steering::new(sizes, take(work, sizes.steering()));
    let [none, u] = [(); 2].map(|()| take(work, wide));
    let (states, errors) = outputs.checkpoints.split_at_mut(memory.states_len());
    match initial {
        [] => state[..matrix].fill(0.0),
        _ => fill_tiles(lengths.tile, initial, &mut state[..matrix], lengths.key),
    }
    for (chunk, kept) in states.chunks_exact_mut(matrix).enumerate() {
        let first = chunk * lengths.tokens;
        let count = lengths.tokens.min(memory.shape.tokens - first);
        kept.copy_from_slice(&state[..matrix]);
        if memory.rule.loss != Loss::DotProduct {
            read_all(lengths, count, state, vectors(&head.k, first), values.read);
        }
        let errors = errors.get_mut(first * wide..).unwrap_or_default();
        writes(head, first..first + count, &mut gates, &mut values, errors, none, u);
        read_all(lengths, count, state, vectors(&head.q, first), values.read);
        scores(head, lengths, [first, count], across, pairs);
        reads(lengths, count, memory.gates.alpha.is_some(), pairs, &mut values, &mut state[..matrix]);
        write_all(lengths, count, values.write, vectors(&head.k, first), state);
        for (i, out) in values.out.chunks_exact(wide).take(count).enumerate() {
            outputs.out[(first + i) * head.v.stride..][..head.v.width].copy_from_slice(&out[..head.v.width]);
        }
    }
    empty_tiles(lengths.tile, &state[..matrix], outputs.last, lengths.key);
}

/// [`into_tiles`] for the tile of these lanes.
pub(super) fn fill_tiles(tile: usize, matrix: &[f32], state: &mut [f32], key: usize) {
    match tile {
        8 => into_tiles::<8>(matrix, state, key),
        16 => into_tiles::<16>(matrix, state, key),
        _ => into_tiles::<32>(matrix, state, key),
    }
}

/// [`from_tiles`] for the tile of these lanes.
pub(super) fn empty_tiles(tile: usize, state: &[f32], matrix: &mut [f32], key: usize) {
    match tile {
        8 => from_tiles::<8>(state, matrix, key),
        16 => from_tiles::<16>(state, matrix, key),
        _ => from_tiles::<32>(state, matrix, key),
    }
}

impl MatrixMemory {
    /// Whether chunks are products of matrices: the memory is its state, and only rows of it decay.
    pub(super) fn by_chunks(&self) -> bool {
        use super::{Channels, Retention};
        matches!(self.rule.error_of, ErrorOf::Chunk(2..))
            && self.rule.retention == Retention::Linear
            && self.shape.value > 0
            && self.gates.theta.is_none()
            && self.gates.alpha != Some(Channels::Key)
    }
}
