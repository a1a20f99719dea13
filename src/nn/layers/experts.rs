//! A mixture of experts: a router sends every token to the k feed-forward nets of its highest
//! probabilities (Shazeer et al. 2017; load loss of Fedus, Zoph and Shazeer 2021).

use super::{Activation, Linear, Spread};
use crate::engine::Var;
use crate::engine::ops::expert_routes::Dispatch;
use crate::nn::weights::{Builder, Init, Values, Weight};

/// What an [`Experts`] layer is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpertSettings {
    /// Width of a token.
    pub width: usize,
    /// Hidden units of an expert.
    pub hidden: usize,
    /// How many experts.
    pub experts: usize,
    /// How many of them a token goes to.
    pub chosen: usize,
    /// Between the maps of an expert; with `gated`, of the gate.
    pub activation: Activation,
    /// Whether an expert is gated, as in [`super::SwiGlu`].
    pub gated: bool,
    /// Whether the weights of the chosen experts are made to sum to one (Shazeer) or stay the router's
    /// probabilities (Fedus).
    pub renormalise: bool,
    /// How weights begin.
    pub spread: Spread,
    /// What the last map of an expert begins smaller by.
    pub output_scale: f32,
}

/// Router and experts, without biases.
#[derive(Clone, Debug)]
pub struct Experts {
    router: Linear,
    gate: Option<Weight>,
    up: Weight,
    down: Weight,
    settings: ExpertSettings,
}

/// What a mixture computed and decided, for N tokens.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'g> {
    /// In the shape of the input.
    pub output: Var<'g>,
    /// The router's probabilities, `[N, experts]`.
    pub probabilities: Var<'g>,
    /// The experts of every token by falling probability, `[N, chosen]`; equal ones by number.
    pub chosen: Var<'g>,
    /// How many slots went to every expert, `[experts]`.
    pub counts: Var<'g>,
    /// E sum_e f_e p_e, with f_e the share of slots and p_e the mean probability of expert e: 1 at an even
    /// load, up to E. To be added to the loss with a small factor.
    pub load_loss: Var<'g>,
}

impl Experts {
    /// `experts.router`, `experts.up`, `experts.down` and perhaps `experts.gate`.
    ///
    /// # Panics
    /// If there are fewer experts than a token is to go to.
    pub fn new(b: &mut Builder<'_>, settings: &ExpertSettings) -> Self {
        let ExpertSettings { width, hidden, experts, chosen, gated, spread, output_scale, .. } = *settings;
        assert!((1..=experts).contains(&chosen), "{chosen} of {experts} experts cannot be chosen");
        let normal = |inputs: usize, scale: f32| Init::Normal(scale * spread.scale(inputs) / (inputs as f32).sqrt());
        b.within("experts", |b| Experts {
            router: Linear::new(b, "router", width, experts, spread.scale(width)),
            gate: gated.then(|| b.weight("gate.weight", [experts, width, hidden], normal(width, 1.0))),
            up: b.weight("up.weight", [experts, width, hidden], normal(width, 1.0)),
            down: b.weight("down.weight", [experts, hidden, width], normal(hidden, output_scale)),
            settings: *settings,
        })
    }

    /// The router's weight, `[width, experts]`: a column is what an expert answers to.
    pub const fn router(&self) -> Weight {
        self.router.weight()
    }

    /// `[.., width]`, kept.
    pub fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Routed<'g> {
        let ExpertSettings { width, experts, chosen: k, renormalise, .. } = self.settings;
        let shape = x.shape();
        let tokens = shape.rows();
        let flat = x.reshape([tokens, width]);
        let probabilities = self.router.forward(values, flat).softmax();
        let dispatch = probabilities.stop_gradient().expert_routes(k);
        let mut weight = probabilities.reshape([tokens * experts, 1]).gather_rows(dispatch.places);
        if renormalise {
            let total = weight.scatter_add_rows(dispatch.tokens, tokens).gather_rows(dispatch.tokens);
            weight = weight / total;
        }
        let found = self.experts(values, flat.gather_rows(dispatch.tokens), &dispatch);
        let output = (found * weight).scatter_add_rows(dispatch.tokens, tokens).reshape(shape);
        let mean = probabilities.sum_axes(&[0]) * (1.0 / tokens as f32);
        let load_loss = (dispatch.counts.stop_gradient() * mean).sum() * (experts as f32 / (tokens * k) as f32);
        Routed { output, probabilities, chosen: dispatch.chosen, counts: dispatch.counts, load_loss }
    }

    /// The experts' answers to rows `[slots, width]` that lie sorted by expert.
    fn experts<'g>(&self, values: &Values<'g>, x: Var<'g>, dispatch: &Dispatch<'g>) -> Var<'g> {
        let up = x.expert_matmul(values[self.up], dispatch.counts);
        let activation = self.settings.activation;
        let hidden = match self.gate {
            Some(gate) => activation.forward(x.expert_matmul(values[gate], dispatch.counts)) * up,
            None => activation.forward(up),
        };
        hidden.expert_matmul(values[self.down], dispatch.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};
    use rand::RngExt;

    fn settings(chosen: usize, gated: bool, renormalise: bool) -> ExpertSettings {
        ExpertSettings {
            width: 6,
            hidden: 5,
            experts: 3,
            chosen,
            activation: Activation::Silu,
            gated,
            renormalise,
            spread: Spread::FanIn(1.0),
            output_scale: 1.0,
        }
    }

    /// Every expert on every token by plain matrix products, weighted where it was chosen.
    fn dense<'g>(layer: &Experts, values: &Values<'g>, x: Var<'g>, renormalise: bool, chosen: Var<'g>) -> Var<'g> {
        let p = layer.router.forward(values, x).softmax();
        let tokens = x.shape()[0];
        let expert = |e: usize| {
            let of = |weight: Weight| {
                let shape = values[weight].shape();
                values[weight].slice(0, e, 1).reshape([shape[1], shape[2]])
            };
            let up = x.matmul(of(layer.up));
            let hidden = layer.gate.map_or_else(|| up.silu(), |gate| x.matmul(of(gate)).silu() * up);
            // 1 where this expert is among the chosen.
            let distance = chosen - e as f32;
            let is = (distance * distance * -1.0 + 0.5).step().sum_axes(&[1]).reshape([tokens, 1]);
            (hidden.matmul(of(layer.down)), p.slice(1, e, 1) * is)
        };
        let experts: Vec<_> = (0..3).map(expert).collect();
        let total = experts.iter().map(|(_, weight)| *weight).reduce(|a, b| a + b).expect("three experts");
        let weighted = experts.into_iter().map(|(y, weight)| y * if renormalise { weight / total } else { weight });
        weighted.reduce(|a, b| a + b).expect("three experts")
    }

    #[test]
    fn dispatch_computes_what_all_experts_weighted_by_their_choice_do() {
        for (k, gated, renormalise) in [(1, false, false), (2, true, true), (2, false, true), (3, true, false)] {
            let mut store = Store::new();
            let mut b = Builder::new(&mut store, Key::new(1));
            let layer = Experts::new(&mut b, &settings(k, gated, renormalise));
            let weights = b.finish();
            let mut stream = Key::new(2).stream();
            let input = store.add("input", [11, 6]);
            store.values_mut(input).fill_with(|| stream.random_range(-2.0..2.0));
            let graph = Graph::new();
            let values = weights.read(&graph, &store);
            let x = graph.read(&store, input);
            let routed = layer.forward(&values, x);
            let mut by = values.vars().to_vec();
            by.push(x);
            let mut asked = Vec::new();
            for y in [routed.output, dense(&layer, &values, x, renormalise, routed.chosen)] {
                asked.push(y);
                asked.extend(graph.gradient((y * y * y).sum(), &by).expect("it has a gradient"));
            }
            let outputs: Vec<_> = asked.iter().map(|var| graph.output("", *var)).collect();
            let mut executor = Executor::new(graph.plan().into(), Pool::serial());
            executor.run(&mut store);
            let found: Vec<Vec<f32>> = outputs.iter().map(|output| executor.output(*output, &store)).collect();
            let (got, want) = found.split_at(found.len() / 2);
            for (got, want) in got.iter().zip(want) {
                let size = want.iter().fold(1e-3f32, |m, x| m.max(x.abs()));
                assert!(
                    got.iter().zip(want).all(|(a, b)| (a - b).abs() < 2e-5 * size),
                    "{k} {gated}: {got:?} {want:?}"
                );
            }
            assert!(want[0].iter().any(|x| x.abs() > 0.01));
        }
    }
}
