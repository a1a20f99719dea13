//! What becomes of the same beginning under other optimisers.

use std::sync::Arc;

use super::Instrument;
use crate::base::random::Key;
use crate::contract::{Body, Found, Panel, Quantity, Table};
use crate::engine::{Executor, Graph};
use crate::instruments::subject::{Objective, Recording, Subject, best};
use crate::nn::optimiser::{Method, Moments, Muon, Optimiser, Sgd};
use rand::RngExt;

/// Steps of each run, at most, and multiplications that all of them may take.
const STEPS: u64 = 600;
const WORK: f64 = 6e10;
/// Examples in a step.
const BATCH: usize = 32;
/// The training loss counts as reached at so many times that of the trained model, or below this.
const REACHED: (f64, f64) = (1.2, 0.02);
/// Training examples on which the loss is looked at, and how often.
const LOOK: (usize, u64) = (256, 25);

/// The row.
pub(super) const OPTIMISERS: Instrument = Instrument {
    name: "optimiser",
    question: "what would another optimiser have made of the same beginning and the same examples?",
    meaning: "disagreement: share of test answers that differ from this model's at the same training loss; near 0, the \
              optimiser chose little",
    paper: "Pascanu et al. 2025",
    read: optimisers,
};

/// A method with its learning rates to try.
fn methods() -> [(&'static str, Method, [f32; 2]); 3] {
    [
        ("SGD", Method::Sgd(Sgd { momentum: 0.9, nesterov: false }), [0.1, 0.01]),
        ("Adam", Method::Adam(Moments::default()), [3e-3, 5e-4]),
        ("Muon", Method::Muon(Muon::default()), [0.02, 0.004]),
    ]
}

/// Where a run ended.
struct Ended {
    weights: Vec<Vec<f32>>,
    loss: f64,
    steps: u64,
}

fn optimisers(subject: &Subject) -> Found {
    let Some(initial) = &subject.initial else { return Found::refused("its beginning is not kept") };
    if subject.train.stream {
        return Found::refused("it was trained on a stream, not on a set that others could be trained on");
    }
    if subject.objective == Objective::SquaredError || subject.train.count < BATCH {
        return Found::refused("its answers are no classes, or its examples too few");
    }
    let weights = subject.weights.parameters(&subject.store);
    let steps = (WORK / (6.0 * 6.0 * (weights * BATCH) as f64)).clamp(50.0, STEPS as f64) as u64;
    let looked = subject.train.first(LOOK.0);
    let mean = |weights: &[Vec<f32>]| {
        let losses = subject.losses(weights, &looked);
        losses.iter().map(|x| f64::from(*x)).sum::<f64>() / losses.len() as f64
    };
    let trained = subject.trained();
    let goal = (REACHED.0 * mean(&trained)).max(REACHED.1);
    let own = answers(subject, &trained);
    let mut quantities = Vec::new();
    let mut rows = Vec::new();
    for (name, method, rates) in methods() {
        let runs = rates.map(|rate| run(subject, initial, method, rate, (steps, goal), &mean));
        let Some(ended) = runs
            .into_iter()
            .flatten()
            .min_by(|a, b| a.loss.max(goal).total_cmp(&b.loss.max(goal)).then(a.steps.cmp(&b.steps)))
        else {
            rows.push(vec![name.into(), "no rate stayed finite".into(), String::new(), String::new(), String::new()]);
            continue;
        };
        let theirs = answers(subject, &ended.weights);
        let differ = own.iter().zip(&theirs).filter(|(a, b)| a != b).count() as f64 / own.len().max(1) as f64;
        let right = subject.correct(&subject.outputs(&ended.weights, &subject.test), &subject.test);
        let right = right.map_or(f64::NAN, |right| right.iter().sum::<f64>() / right.len().max(1) as f64);
        let reached = ended.loss <= goal;
        if reached {
            quantities.push(Quantity::new(format!("disagreement, {name}"), differ, "of the test answers"));
            quantities.push(Quantity::new(format!("test accuracy, {name}"), right, ""));
        }
        let took = if reached { ended.steps.to_string() } else { format!("not in {steps}") };
        rows.push(vec![name.into(), took, format!("{:.3}", ended.loss), format!("{right:.3}"), format!("{differ:.3}")]);
    }
    if quantities.is_empty() {
        return Found::refused(format!("no other optimiser reached its training loss within {steps} steps"));
    }
    let columns = ["optimiser", "steps", "training loss", "test accuracy", "disagreement"].map(String::from).to_vec();
    let says =
        "The same weights and the same examples under other optimisers, until the training loss is this model's.";
    let panel = Panel::new("optimiser", "Other optimisers", says, Body::Table(Table { columns, rows }));
    let note = format!("batches of {BATCH}, at most {steps} steps, the faster of two learning rates each");
    Found::Measured { quantities, note, panel: Some(Box::new(panel)) }
}

/// The answer to each test target.
fn answers(subject: &Subject, weights: &[Vec<f32>]) -> Vec<usize> {
    let outputs = subject.outputs(weights, &subject.test);
    match subject.objective {
        Objective::CrossEntropy => {
            let classes = outputs.len() / subject.test.targets.len().max(1);
            outputs.chunks_exact(classes.max(1)).map(best).collect()
        }
        _ => outputs.iter().map(|x| usize::from(*x > 0.0)).collect(),
    }
}

/// Trains from the beginning until the goal or the last step; none if it diverges.
fn run(
    subject: &Subject,
    initial: &[Vec<f32>],
    method: Method,
    rate: f32,
    (steps, goal): (u64, f64),
    mean: &impl Fn(&[Vec<f32>]) -> f64,
) -> Option<Ended> {
    // Only weights: the store of a trial already has an optimiser's state under its names.
    let mut store = crate::engine::Store::new();
    for (slot, values) in subject.weights.slots().iter().zip(initial) {
        let copy = store.add(subject.store.name(*slot), subject.store.shape(*slot).clone());
        if copy != *slot {
            return None;
        }
        store.values_mut(copy).copy_from_slice(values);
    }
    let optimiser = Optimiser::new(&mut store, &subject.weights, method);
    let graph = Graph::new();
    let Recording { inputs, targets, values, asked, forward, .. } = subject.record(&graph, &mut store, BATCH);
    let loss = subject.objective.losses(forward.outputs, asked).mean();
    optimiser.minimise(&graph, &store, &subject.weights, &values, loss).ok()?;
    optimiser.set_learning_rate(&mut store, rate);
    let mut executor = Executor::new(Arc::new(graph.plan()), subject.pool.clone());
    let key: Key = subject.key.purpose("optimisers");
    let mut ended = None;
    for step in 0..steps {
        let mut stream = key.index(step).stream();
        let drawn: Vec<usize> =
            (0..BATCH).map(|_| stream.random_range(0..subject.train.count as u32) as usize).collect();
        let batch = subject.train.select(&drawn);
        store.values_mut(inputs).copy_from_slice(&batch.inputs);
        store.values_mut(targets).copy_from_slice(&batch.targets);
        executor.run(&mut store);
        if (step + 1) % LOOK.1 == 0 || step + 1 == steps {
            let weights: Vec<Vec<f32>> =
                subject.weights.slots().iter().map(|slot| store.values(*slot).to_vec()).collect();
            let loss = mean(&weights);
            if !loss.is_finite() {
                return None;
            }
            ended = Some(Ended { weights, loss, steps: step + 1 });
            if loss <= goal {
                break;
            }
        }
    }
    ended
}
