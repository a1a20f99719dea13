//! The first net of an ensemble as the bias card's subject.

use super::network::Ensemble;
use super::settings::Training;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Store, Var};
use crate::instruments::subject::{Examples, Forward, Model, Objective, Subject, Training as Trained};
use crate::nn::layers::Activation;
use crate::nn::optimiser::{Method, Moments};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::mlp::{Mlp, MlpShape};

/// A plain perceptron with its layers named.
struct Net(Mlp);

impl Model for Net {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let hidden = self.0.hidden(values, inputs).into_iter().enumerate();
        Forward {
            outputs: self.0.forward(values, inputs),
            hidden: hidden.map(|(i, layer)| (format!("layer {}", i + 1), layer)).collect(),
        }
    }
}

/// The first net alone, with the weights that it has after `epochs` epochs.
pub(super) fn of_first_net(ensemble: &Ensemble, training: &Training, epochs: u64, key: Key, pool: Pool) -> Subject {
    let sizes = &ensemble.sizes;
    let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
    let shape = MlpShape::plain(inputs, sizes[1], sizes.len() - 2, outputs, Activation::Relu);
    let mut store = Store::new();
    let mut builder = Builder::new(&mut store, key.purpose("card"));
    let model = Mlp::new(&mut builder, &shape);
    let weights = builder.finish();
    let first = |values: &[f32]| values[..values.len() / ensemble.nets].to_vec();
    let learner = &ensemble.learner;
    for (slot, values) in weights.slots().iter().zip(learner.weight_values()) {
        store.values_mut(*slot).copy_from_slice(&first(&values));
    }
    let data = &ensemble.data;
    let examples = |x: &[f64], y: &[f64]| {
        let singles = |values: &[f64]| values.iter().map(|x| *x as f32).collect();
        Examples::new(x.len() / inputs, singles(x), singles(y))
    };
    Subject {
        model: Box::new(Net(model)),
        initial: Some(learner.initial().iter().map(|values| first(values)).collect()),
        reinitialise: Some(Box::new(move |key| {
            let mut store = Store::new();
            let mut builder = Builder::new(&mut store, key);
            let _ = Mlp::new(&mut builder, &shape);
            let slots = builder.finish().slots().to_vec();
            slots.into_iter().map(|slot| store.values(slot).to_vec()).collect()
        })),
        store,
        weights,
        objective: Objective::SquaredError,
        row: vec![inputs],
        target: vec![outputs],
        train: examples(&data.train, &data.train_labels),
        test: examples(&data.test, &data.test_labels),
        features: Vec::new(),
        training: Some(Trained {
            optimiser: Method::Adam(Moments::default()).into(),
            learning_rate: training.learning_rate,
            batch: training.batch,
            steps: epochs * ensemble.steps(),
        }),
        chance: None,
        key: key.purpose("card"),
        pool,
    }
}
