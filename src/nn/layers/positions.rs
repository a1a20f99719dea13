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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Store};

    fn run(graph: &Graph, var: Var<'_>) -> Vec<f32> {
        let output = graph.output("", var);
        let mut executor = Executor::new(graph.plan().into(), Pool::serial());
        let mut store = Store::new();
        executor.run(&mut store);
        executor.output(output, &store)
    }

    #[test]
    fn waves_are_those_of_the_paper() {
        let graph = Graph::new();
        let table = run(&graph, sinusoidal_positions(&graph, 3, 4));
        let second = [1f64.sin(), 1f64.cos(), 0.01f64.sin(), 0.01f64.cos()];
        assert_eq!(table[..4], [0.0, 1.0, 0.0, 1.0]);
        assert!(table[4..8].iter().zip(second).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-7));
        assert!((f64::from(table[8]) - 2f64.sin()).abs() < 1e-7);
    }

    #[test]
    fn documents_see_themselves_alone_and_backwards_alone() {
        let graph = Graph::new();
        let documents = graph.constant([2, 3], vec![4.0, 4.0, 7.0, 1.0, 2.0, 2.0]);
        let mask = run(&graph, document_mask(documents));
        assert_eq!(mask[..9], [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(mask[9..], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
