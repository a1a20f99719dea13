//! What a guess without any steps would say: the rows that a trained network must beat.

use super::Sample;

/// The lowest node with an edge to each node, itself where it has one to itself; the node itself without any.
pub(super) fn lowest(sample: &Sample) -> Vec<usize> {
    let of = |node: usize| (0..sample.nodes).find(|from| sample.edge(*from, node) > 0.0);
    (0..sample.nodes).map(|node| of(node).unwrap_or(node)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Algorithm;
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn guesses_are_as_good_as_the_sheet_computed() {
        for (algorithm, nodes, own, low) in [
            (Algorithm::Dfs, 8, 0.131, 0.393),
            (Algorithm::Dfs, 16, 0.0625, 0.180),
            (Algorithm::Bfs, 8, 0.42, 0.48),
            (Algorithm::Bfs, 16, 0.089, 0.37),
        ] {
            let mut right = [0.0, 0.0];
            for i in 0..1000 {
                let sample = Sample::draw(algorithm, nodes, &mut Key::new(6).index(i).stream());
                let trace = algorithm.trace(&sample);
                let guesses = [(0..nodes).collect(), sample.lowest_neighbours()];
                for (right, guess) in right.iter_mut().zip(guesses) {
                    let same = |(a, b): &(&usize, &usize)| a == b;
                    *right += trace.pointers().iter().zip(&guess).filter(same).count() as f64 / nodes as f64 / 1000.0;
                }
            }
            assert!((right[0] - own).abs() < 0.03 && (right[1] - low).abs() < 0.03, "{algorithm:?} {nodes} {right:?}");
        }
    }
}
