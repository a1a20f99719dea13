//! Whether the model holds its examples, finds out which problem it is in, or has the rule.

use super::Instrument;
use crate::contract::{Found, Quantity};
use crate::instruments::regime::{Accuracies, Regime};
use crate::instruments::subject::{Examples, Subject};

/// Positions that count as the first and as the last of a sequence.
const ENDS: (usize, usize) = (4, 8);

/// The row.
pub(super) const REGIME: Instrument = Instrument {
    name: "regime",
    question: "does it memorise, identify or generalise?",
    meaning: "the share of what it gained over guessing that it keeps on what it never saw: 0 memorises, 1 generalises",
    paper: "Kirsch et al. 2022 for sequences",
    read: regime,
};

fn regime(subject: &Subject) -> Found {
    let Some(chance) = subject.chance else { return Found::refused("its answers are no classes") };
    let trained = subject.trained();
    let correct = |examples: &Examples| subject.correct(&subject.outputs(&trained, examples), examples);
    let Some((train, test)) = correct(&subject.train).zip(correct(&subject.test)) else {
        return Found::refused("its answers are no classes");
    };
    let positions = subject.target.iter().product::<usize>();
    let mean = |values: &[f64], from: usize, to: usize| {
        let rows = values.chunks_exact(positions).flat_map(|row| &row[from..to]);
        let (sum, count) = rows.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
        sum / count
    };
    let (seen, unseen) = (mean(&train, 0, positions), mean(&test, 0, positions));
    let kept = (unseen - chance) / (seen - chance).max(1e-9);
    let found = if positions > ENDS.0 + ENDS.1 {
        let ends = |values: &[f64]| (mean(values, 0, ENDS.0), mean(values, positions - ENDS.1, positions));
        let (unseen_first, unseen_last) = ends(&test);
        Regime::of(&Accuracies { unseen_first, unseen_last, seen: Some(ends(&train)) }, chance)
    } else if seen < chance + 0.2 {
        Regime::Fails
    } else if kept < 0.5 {
        Regime::Memorises
    } else {
        Regime::Learns
    };
    let mut quantities = vec![Quantity::new("accuracy, seen", seen, ""), Quantity::new("accuracy, unseen", unseen, "")];
    if seen > chance + 0.05 {
        quantities.insert(0, Quantity::new("kept on what it never saw", kept, "of the gain over guessing"));
    }
    Found::Measured { quantities, note: format!("it {found}; chance {chance:.2}"), panel: None }
}
