//! `expert_routes`: the k experts of the highest scores for every token, and the order of slots sorted
//! by expert, then by token (Shazeer et al. 2017). Equal scores go by the expert's number. Choices are
//! indices: there is no gradient through them; it flows through the scores at the chosen places.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::experts::{self as kernel, Routes};

/// Input: scores `[N, E]`. Outputs: experts `[N, k]`; token, expert and place among the scores of every
/// slot `[N k]`; slots of every expert `[E]`.
#[derive(Clone, Copy, Debug)]
struct ExpertRoutes {
    k: usize,
}

/// Where every token goes. A slot is one pair of token and expert; slots lie sorted by expert.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'g> {
    /// The experts of every token by falling score, `[N, k]`.
    pub chosen: Var<'g>,
    /// The token of every slot, `[N k]`.
    pub tokens: Var<'g>,
    /// The expert of every slot, `[N k]`.
    pub experts: Var<'g>,
    /// Where the score of every slot lies among all scores read as a list, `[N k]`.
    pub places: Var<'g>,
    /// How many slots every expert has, `[E]`.
    pub counts: Var<'g>,
}

/// Whole numbers up to here are exact in f32.
const EXACT: usize = 1 << 24;

impl Op for ExpertRoutes {
    fn name(&self) -> &'static str {
        "expert_routes"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [scores] if scores.len() == 2 && (1..=scores[1]).contains(&self.k) && scores.size() <= EXACT => {
                let slots: Shape = [scores[0] * self.k].into();
                Ok(vec![[scores[0], self.k].into(), slots.clone(), slots.clone(), slots, [scores[1]].into()])
            }
            _ => {
                let expected = format!("scores [tokens, experts], at most 2^24, of at least {} experts", self.k);
                Err(ShapeError::new("expert_routes", inputs, expected))
            }
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [scores, ..], outputs: [chosen, tokens, experts, places, counts, ..], input_shapes, .. } = io;
        let all = input_shapes[0][1];
        kernel::route(self.k, all, scores, Routes { chosen, tokens, experts, counts });
        for ((place, token), expert) in places.iter_mut().zip(&*tokens).zip(&*experts) {
            *place = token * all as f32 + expert;
        }
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "expert_routes", why: "choices are indices; use the scores at them" })
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        (self.k * inputs[0].size()) as u64
    }
}

impl<'g> Var<'g> {
    /// Sends every token to the `k` experts of its highest scores; these are `[N, E]`.
    ///
    /// # Panics
    /// If there are fewer than `k` experts.
    pub fn expert_routes(self, k: usize) -> Dispatch<'g> {
        let found = self.graph().apply(ExpertRoutes { k }, &[self]);
        Dispatch { chosen: found[0], tokens: found[1], experts: found[2], places: found[3], counts: found[4] }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::{Array, real};
    fn oracle(scores: &Array, k: usize) -> Vec<Array> {
        let (tokens, experts) = (scores.shape()[0], scores.shape()[1]);
        let order = |n: usize| {
            let mut order: Vec<usize> = (0..experts).collect();
            order.sort_by(|a, b| scores[[n, *b]].total_cmp(&scores[[n, *a]]));
            order.truncate(k);
            order
        };
        let chosen: Vec<Vec<usize>> = (0..tokens).map(order).collect();
        let mut slots: Vec<(usize, usize)> =
            chosen.iter().enumerate().flat_map(|(n, chosen)| chosen.iter().map(move |e| (*e, n))).collect();
        slots.sort_unstable();
        let list = |values: Vec<usize>, shape: &[usize]| {
            Array::from_shape_vec(shape, values.iter().map(|x| *x as f64).collect()).expect("as many as the shape says")
        };
        let of =
            |f: fn(&(usize, usize), usize) -> usize| list(slots.iter().map(|s| f(s, experts)).collect(), &[tokens * k]);
        let counts = (0..experts).map(|e| slots.iter().filter(|slot| slot.0 == e).count()).collect();
        vec![
            list(chosen.concat(), &[tokens, k]),
            of(|slot, _| slot.1),
            of(|slot, _| slot.0),
            of(|slot, experts| slot.1 * experts + slot.0),
            list(counts, &[experts]),
        ]
    }
    let case = |tokens: usize, experts: usize, k: usize| {
        Case::new(
            format!("{tokens} {experts} {k}"),
            [real([tokens, experts])],
            move |x| {
                let Dispatch { chosen, tokens, experts, places, counts } = x[0].expert_routes(k);
                vec![chosen, tokens, experts, places, counts]
            },
            move |x| oracle(&x[0], k),
        )
        .no_gradient()
    };
    vec![case(1, 1, 1), case(7, 5, 1), case(13, 4, 2), case(3, 3, 3)]
}
