//! Optimisers as updates at the end of a graph, one file a method.
//!
//! [`OptimiserSettings`] says everything; [`Optimiser::new`] lays the state into the store, under
//! `optimiser.`, and [`Optimiser::minimise`] appends gradient, clipping and update to the graph.

mod accumulator;
mod adagrad;
mod adam;
mod lion;
mod method;
mod muon;
mod rms_prop;
mod sam;
mod sgd;
mod shampoo;
mod sign;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::ops::copy::Copy;
use crate::engine::{GradientError, Graph, Output, Shape, Slot, Store, Var};
use crate::nn::weights::{Values, Weights};

pub use super::schedule::warm_up;
pub use accumulator::Accumulator;
pub use adagrad::Adagrad;
pub use adam::Moments;
pub use lion::Lion;
pub use method::Method;
pub use muon::{Muon, MuonScale, Orthogonalisation};
pub use rms_prop::RmsProp;
pub use sam::Sam;
pub use sgd::Sgd;
pub use shampoo::{Grafting, Shampoo};
pub use sign::Sign;

use method::Update;

/// Weight decay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// None.
    #[default]
    None,
    /// An L2 penalty: the factor times the weight is part of the gradient.
    Coupled(f32),
    /// Apart from the gradient: each step the weight loses the factor times the learning rate of
    /// itself (Loshchilov and Hutter 2019). Adam with this is AdamW.
    Decoupled(f32),
}

/// What an optimiser is set to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserSettings {
    /// How a gradient becomes a step.
    pub method: Method,
    /// Weight decay.
    pub decay: Decay,
    /// Largest global norm of the gradient; a longer one is shortened to it (Pascanu, Mikolov and
    /// Bengio 2013).
    pub clip_norm: Option<f32>,
    /// Bound on the magnitude of each number of the gradient, after the norm was clipped.
    pub clip_value: Option<f32>,
}

/// How a weight is treated apart from the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    /// Factor on the learning rate.
    pub learning_rate: f32,
    /// Factor on the weight decay.
    pub decay: f32,
    /// Not changed, not differentiated and without state.
    pub frozen: bool,
    /// No matrix to a method that treats matrices as such: embeddings and heads under [`Muon`].
    pub elementwise: bool,
}

impl Default for Group {
    fn default() -> Self {
        Group { learning_rate: 1.0, decay: 1.0, frozen: false, elementwise: false }
    }
}

/// One weight that is trained.
#[derive(Clone, Debug)]
struct Member {
    /// Its place among the weights.
    index: usize,
    weight: Slot,
    group: Group,
    state: Vec<Slot>,
}

/// An optimiser with its state in the store, and a learning rate that is set before each step.
#[derive(Clone, Debug)]
pub struct Optimiser {
    settings: OptimiserSettings,
    members: Vec<Member>,
    /// How many weights there are, frozen ones too.
    weights: usize,
    learning_rate: Slot,
    steps: Slot,
}

impl From<Method> for OptimiserSettings {
    fn from(method: Method) -> Self {
        OptimiserSettings { method, ..Default::default() }
    }
}

impl Optimiser {
    /// State for `weights`, all treated alike.
    ///
    /// # Panics
    /// If the store already has an optimiser.
    pub fn new(store: &mut Store, weights: &Weights, settings: impl Into<OptimiserSettings>) -> Self {
        Optimiser::with_groups(store, weights, settings, |_, _| Group::default())
    }

    /// State for `weights`; `group` says from the path and the shape of a weight how it is treated.
    ///
    /// # Panics
    /// If the store already has an optimiser.
    pub fn with_groups(
        store: &mut Store,
        weights: &Weights,
        settings: impl Into<OptimiserSettings>,
        group: impl Fn(&str, &Shape) -> Group,
    ) -> Self {
        let settings = settings.into();
        let mut members = Vec::new();
        for (index, &weight) in weights.slots().iter().enumerate() {
            let (name, shape) = (store.name(weight).to_owned(), store.shape(weight).clone());
            let group = group(&name, &shape);
            if !group.frozen {
                let states = settings.method.rule().states(&group, &shape).into_iter();
                let state = states.map(|(state, shape)| store.add(format!("optimiser.{state}.{name}"), shape));
                members.push(Member { index, weight, group, state: state.collect() });
            }
        }
        let learning_rate = store.add("optimiser.learning_rate", Shape::SCALAR);
        let steps = store.add("optimiser.steps", Shape::SCALAR);
        Optimiser { settings, members, weights: weights.slots().len(), learning_rate, steps }
    }

    /// Appends to the graph: gradient of `loss`, clipping, update. Gives the gradient's norm before
    /// clipping, over the weights that are not frozen.
    ///
    /// # Errors
    /// When the loss cannot be differentiated.
    pub fn minimise<'g>(
        &self,
        graph: &'g Graph,
        store: &Store,
        weights: &Weights,
        values: &Values<'g>,
        loss: Var<'g>,
    ) -> Result<Output, GradientError> {
        assert_eq!(weights.slots().len(), self.weights, "the optimiser is of other weights");
        let by: Vec<Var<'g>> = self.members.iter().map(|member| values.vars()[member.index]).collect();
        let gradients = graph.gradient(loss, &by)?;
        Ok(self.update(graph, store, &gradients))
    }

    /// Appends clipping and update to the graph for gradients that were made elsewhere ([`Sam`],
    /// [`Accumulator`], a policy gradient), one a weight; those of frozen weights are not used. Gives
    /// their norm before clipping.
    ///
    /// # Panics
    /// If there is not one gradient a weight.
    pub fn apply<'g>(&self, graph: &'g Graph, store: &Store, gradients: &[Var<'g>]) -> Output {
        assert_eq!(gradients.len(), self.weights, "one gradient a weight");
        let gradients: Vec<Var<'g>> = self.members.iter().map(|member| gradients[member.index]).collect();
        self.update(graph, store, &gradients)
    }

    /// Clipping and update, with the gradients of the members.
    fn update<'g>(&self, graph: &'g Graph, store: &Store, gradients: &[Var<'g>]) -> Output {
        let squares = gradients.iter().map(|g| g.sum_squares()).reduce(|a, b| a + b);
        let squares = squares.unwrap_or_else(|| graph.scalar(0.0));
        let one = || graph.scalar(1.0);
        let factor = self.settings.clip_norm.map_or_else(one, |limit| squares.clip_scale(limit));
        let (learning_rate, steps) = (graph.read(store, self.learning_rate), graph.read(store, self.steps));
        for (member, &gradient) in self.members.iter().zip(gradients) {
            let update = Update {
                graph,
                store,
                weight: member.weight,
                state: &member.state,
                group: &member.group,
                gradient,
                factor,
                learning_rate,
                steps,
                settings: &self.settings,
            };
            self.settings.method.rule().update(&update);
        }
        graph.update(store, Copy, &[steps + 1.0], &[self.steps]);
        graph.output("gradient_norm", squares.sqrt())
    }

    /// Sets the learning rate of the next step.
    pub fn set_learning_rate(&self, store: &mut Store, learning_rate: f32) {
        store.values_mut(self.learning_rate)[0] = learning_rate;
    }

    /// How many steps were done.
    pub fn steps(&self, store: &Store) -> u64 {
        store.values(self.steps)[0] as u64
    }

    /// Forgets the past: all state begins again as zeros; the learning rate stays.
    pub fn reset(&self, store: &mut Store) {
        let state = self.members.iter().flat_map(|member| &member.state).chain([&self.steps]);
        state.for_each(|slot| store.values_mut(*slot).fill(0.0));
    }
}
