//! How many bits the task itself asks for, whatever the model.

use super::Instrument;
use crate::contract::{Found, Quantity};
use crate::instruments::difficulty::Problem;
use crate::instruments::difficulty::points::{class_count, class_distance, neighbours, radius};
use crate::instruments::subject::{Objective, Subject};

/// Training examples, at most: all pairs are compared.
const EXAMPLES: usize = 1_500;
/// Neighbours that the dimension is measured by.
const NEIGHBOURS: usize = 5;
/// Wanted error over the Lipschitz constant of the loss, as in the paper's tables for images.
const ERROR: f64 = 0.01;

/// The row.
pub(super) const DIFFICULTY: Instrument = Instrument {
    name: "difficulty",
    question: "how much must any learner bring to this task, beyond these examples?",
    meaning: "an upper bound in bits: it grows with the dimension of the inputs exponentially, with closeness of the classes \
              polynomially; compare tasks by it, not models",
    paper: "Boopathy et al. 2023",
    read: difficulty,
};

fn difficulty(subject: &Subject) -> Found {
    let vectors = subject.row.len() == 1 || subject.row.iter().product::<usize>() <= 4096;
    if subject.objective != Objective::CrossEntropy || !subject.target.is_empty() || !vectors {
        return Found::refused("the task does not ask for one class of each vector");
    }
    let examples = subject.train.first(EXAMPLES);
    let width = subject.row.iter().product::<usize>();
    let rows: Vec<f64> = examples.inputs.iter().map(|x| f64::from(*x)).collect();
    let classes: Vec<u8> = examples.targets.iter().map(|t| *t as u8).collect();
    let Some(dimension) = neighbours(&rows, width, NEIGHBOURS).and_then(|near| near.dimension(NEIGHBOURS)) else {
        return Found::refused("its examples are too few, or the same");
    };
    let Some(distance) = class_distance(&rows, width, &classes).filter(|distance| *distance > 0.0) else {
        return Found::refused("an example of one class is also one of another");
    };
    let (radius, count) = (radius(&rows, width), class_count(&classes));
    let whole = dimension.round().max(1.0);
    let found = Problem::classification(ERROR, examples.count, whole, radius, distance, count).difficulty();
    let mut quantities = vec![
        Quantity::new("intrinsic dimension", dimension, ""),
        Quantity::new("distance of the classes", distance, ""),
        Quantity::new("radius", radius, ""),
    ];
    let note = match found.bits() {
        Some(bits) => {
            quantities.insert(0, Quantity::new("bits", bits, "bits"));
            format!("error {ERROR} of the loss's slope, {} training examples, {count} classes", examples.count)
        }
        None => "bits below 0: the bound is not valid for so many examples of so few directions".into(),
    };
    Found::Measured { quantities, note, panel: None }
}
