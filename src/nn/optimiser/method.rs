//! What the methods share: the choice between them, and what one weight's update is made from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Adagrad, Decay, Group, Lion, Moments, Muon, OptimiserSettings, RmsProp, Sgd, Shampoo, Sign};
use crate::engine::ops::copy::Copy;
use crate::engine::ops::optimiser_step::{OptimiserStep, Rule};
use crate::engine::{Graph, Shape, Slot, Store, Var};

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Gradient descent, with or without momentum.
    Sgd(Sgd),
    /// Adam; with decoupled decay AdamW.
    Adam(Moments),
    /// Lion.
    Lion(Lion),
    /// signSGD and Signum.
    Sign(Sign),
    /// RMSProp.
    RmsProp(RmsProp),
    /// Adagrad.
    Adagrad(Adagrad),
    /// Shampoo, full or diagonal.
    Shampoo(Shampoo),
    /// Muon.
    Muon(Muon),
}

impl Default for Method {
    fn default() -> Self {
        Method::Adam(Moments::default())
    }
}

impl Method {
    pub(super) fn rule(&self) -> &dyn Stepping {
        match self {
            Method::Sgd(rule) => rule,
            Method::Adam(rule) => rule,
            Method::Lion(rule) => rule,
            Method::Sign(rule) => rule,
            Method::RmsProp(rule) => rule,
            Method::Adagrad(rule) => rule,
            Method::Shampoo(rule) => rule,
            Method::Muon(rule) => rule,
        }
    }
}

/// What a method does for one weight.
pub(super) trait Stepping {
    /// Names and shapes of the state for a weight; it begins as zeros.
    fn states(&self, group: &Group, shape: &Shape) -> Vec<(&'static str, Shape)>;

    /// Appends the update of weight and state.
    fn update(&self, at: &Update<'_, '_>);
}

/// What the update of one weight is made from.
pub(super) struct Update<'g, 'a> {
    pub(super) graph: &'g Graph,
    pub(super) store: &'a Store,
    pub(super) weight: Slot,
    pub(super) state: &'a [Slot],
    pub(super) group: &'a Group,
    /// As differentiated; [`Update::prepared`] clips and decays it.
    pub(super) gradient: Var<'g>,
    /// What clipping the norm multiplies the gradient with.
    pub(super) factor: Var<'g>,
    pub(super) learning_rate: Var<'g>,
    /// Steps done before this one.
    pub(super) steps: Var<'g>,
    pub(super) settings: &'a OptimiserSettings,
}

impl<'g> Update<'g, '_> {
    /// State `i` as it was.
    pub(super) fn read(&self, i: usize) -> Var<'g> {
        self.graph.read(self.store, self.state[i])
    }

    /// State `i` as it is to be.
    pub(super) fn assign(&self, i: usize, value: Var<'g>) {
        self.graph.update(self.store, Copy, &[value], &[self.state[i]]);
    }

    /// The gradient clipped and with its coupled decay, as graph ops, for methods that treat it as a
    /// matrix.
    pub(super) fn prepared(&self) -> Var<'g> {
        let mut gradient = self.gradient * self.factor;
        if let Some(limit) = self.settings.clip_value {
            let (above, below) = ((gradient - limit).relu(), (gradient * -1.0 - limit).relu());
            gradient = gradient - above + below;
        }
        match self.decays() {
            (0.0, _) => gradient,
            (coupled, _) => gradient + self.graph.read(self.store, self.weight) * coupled,
        }
    }

    /// Coupled and decoupled decay of this weight.
    fn decays(&self) -> (f32, f32) {
        match self.settings.decay {
            Decay::None => (0.0, 0.0),
            Decay::Coupled(factor) => (factor * self.group.decay, 0.0),
            Decay::Decoupled(factor) => (0.0, factor * self.group.decay),
        }
    }

    /// A step of a rule that treats every number by itself, with `state` in the order the rule names.
    /// `learning_rate` is a factor beside that of the group.
    pub(super) fn step(&self, rule: Rule, learning_rate: f32, state: &[Slot]) {
        let (coupled_decay, decoupled_decay) = self.decays();
        let step = OptimiserStep {
            rule,
            learning_rate: self.group.learning_rate * learning_rate,
            coupled_decay,
            decoupled_decay,
            largest: self.settings.clip_value.unwrap_or(f32::INFINITY),
        };
        let inputs = [self.gradient, self.factor, self.learning_rate, self.steps];
        self.update_by(step, &inputs, state);
    }

    /// A step along `direction`, which was made from [`Update::prepared`], with decoupled decay. `rule`
    /// may add momentum.
    pub(super) fn step_along(&self, direction: Var<'g>, rule: Rule, state: &[Slot]) {
        let step = OptimiserStep {
            rule,
            learning_rate: self.group.learning_rate,
            coupled_decay: 0.0,
            decoupled_decay: self.decays().1,
            largest: f32::INFINITY,
        };
        self.update_by(step, &[direction, self.graph.scalar(1.0), self.learning_rate, self.steps], state);
    }

    fn update_by(&self, step: OptimiserStep, inputs: &[Var<'g>], state: &[Slot]) {
        let slots: Vec<Slot> = [self.weight].iter().chain(state).copied().collect();
        self.graph.update(self.store, step, inputs, &slots);
    }
}

/// State of a rule that treats every number by itself: arrays of the weight's shape.
pub(super) fn states_of(rule: Rule, shape: &Shape) -> Vec<(&'static str, Shape)> {
    rule.states().iter().map(|name| (*name, shape.clone())).collect()
}

/// Lets a settings type that is one element-wise rule be a method.
macro_rules! elementwise {
    ($type:ty) => {
        impl super::method::Stepping for $type {
            fn states(
                &self,
                _: &super::Group,
                shape: &crate::engine::Shape,
            ) -> Vec<(&'static str, crate::engine::Shape)> {
                super::method::states_of(self.rule(), shape)
            }

            fn update(&self, at: &super::method::Update<'_, '_>) {
                at.step(self.rule(), 1.0, at.state);
            }
        }
    };
}
pub(super) use elementwise;
