//! Fixed positions.

use crate::engine::{Graph, Var};

/// Sinusoidal positions `[tokens, width]` (Vaswani et al. 2017, section 3.5): even columns are
/// sin(t / 10000^(i / width)), odd ones the cosine of the same angle.
pub fn sinusoidal_positions(graph: &Graph, tokens: usize, width: usize) -> Var<'_> {
    let value = |i: usize| {
        let (t, column) = (i / width, i % width);
        let angle = t as f64 / 10_000f64.powf((column / 2 * 2) as f64 / width as f64);
        (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    };
    graph.constant([tokens, width], (0..tokens * width).map(value).collect())
}

/// A mask `[tokens, tokens]` with which every token sees itself and those before it.
pub fn causal_mask(graph: &Graph, tokens: usize) -> Var<'_> {
    let value = |i: usize| if i % tokens <= i / tokens { 1.0 } else { 0.0 };
    graph.constant([tokens, tokens], (0..tokens * tokens).map(value).collect())
}

/// A mask `[B, T, T]` for several documents in a row: every token sees itself and those before it with
/// the same number in `documents` `[B, T]`, whole numbers.
///
/// # Panics
/// If `documents` has not two axes.
pub fn document_mask(documents: Var<'_>) -> Var<'_> {
    let shape = documents.shape();
    let (batch, tokens) = (shape[0], shape[1]);
    let distance = documents.reshape([batch, tokens, 1]) - documents.reshape([batch, 1, tokens]);
    (distance * distance * -1.0 + 0.5).step() * causal_mask(documents.graph(), tokens)
}
