//! Boolean features of 16 bits (after Lampinen, Chan and Hermann 2024): a bit, a parity, a majority. All 65,536
//! inputs exist, so that independence of two features is a matter of counting.

use std::io::Write;

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DataError, Entry, read};
use crate::base::random::Stream;

/// Bits of an input.
pub const WIDTH: usize = 16;
/// Inputs that exist.
pub const INPUTS: usize = 1 << WIDTH;

/// A feature of the bits, which are numbered from 1 and are -1 or +1, as it is itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// One bit: linear.
    Bit(usize),
    /// The product of some: no bit, and no product of fewer of them, tells anything of it.
    Parity(Vec<usize>),
    /// The sign of the sum of an odd number of bits: linear, of several bits.
    Majority(Vec<usize>),
}

/// Bit `i` (from 1) of an input, -1 or +1.
fn bit(input: u16, i: usize) -> i32 {
    if input >> (i - 1) & 1 == 1 { 1 } else { -1 }
}

impl Formula {
    /// The bits that it depends on.
    pub fn bits(&self) -> &[usize] {
        match self {
            Formula::Bit(i) => std::slice::from_ref(i),
            Formula::Parity(bits) | Formula::Majority(bits) => bits,
        }
    }

    /// Its value for an input.
    pub fn value(&self, input: u16) -> f32 {
        let bits = self.bits().iter().map(|i| bit(input, *i));
        match self {
            Formula::Bit(_) | Formula::Parity(_) => bits.product::<i32>() as f32,
            Formula::Majority(_) => bits.sum::<i32>().signum() as f32,
        }
    }

    /// What is wrong with it, if anything: no bits, bits that are not there or there twice, an even majority.
    pub fn problem(&self) -> Option<String> {
        let bits = self.bits();
        let missing = bits.iter().find(|i| !(1..=WIDTH).contains(*i));
        let twice = bits.iter().enumerate().find(|(at, i)| bits[..*at].contains(i));
        match (missing, twice, self) {
            _ if bits.is_empty() => Some("no bits".into()),
            (Some(i), ..) => Some(format!("bit {i}; bits are 1 to {WIDTH}")),
            (_, Some((_, i)), _) => Some(format!("bit {i} twice")),
            (.., Formula::Majority(bits)) if bits.len() % 2 == 0 => Some("a majority of an even number of bits".into()),
            _ => None,
        }
    }
}

impl std::fmt::Display for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |bits: &[usize]| bits.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match self {
            Formula::Bit(i) => write!(f, "bit {i}"),
            Formula::Parity(bits) => write!(f, "parity {}", list(bits)),
            Formula::Majority(bits) => write!(f, "majority {}", list(bits)),
        }
    }
}

/// Inputs as rows of bits, `[inputs, 16]`, -1 or +1.
pub fn rows(inputs: &[u16]) -> Vec<f32> {
    inputs.iter().flat_map(|input| (1..=WIDTH).map(|i| bit(*input, i) as f32)).collect()
}

/// Every input once: a random half to train on, the other to validate and test on.
#[derive(Clone, Debug, PartialEq)]
pub struct Pools {
    /// To train on.
    pub train: Vec<u16>,
    /// The others.
    pub held_out: Vec<u16>,
}

impl Pools {
    /// A split from `stream` alone.
    pub fn new(stream: &mut Stream) -> Self {
        let mut train: Vec<u16> = (0..=u16::MAX).collect();
        train.shuffle(stream);
        let held_out = train.split_off(INPUTS / 2);
        Pools { train, held_out }
    }
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "bits",
    what: "16 bits, -1 or +1, with an easy feature (bit 1) and a hard one (parity of bits 2, 3, 4) behind them",
    source: "after Lampinen, Chan, Hermann, Learned feature representations are biased by complexity, 2024",
    settings: || serde_json::json!({ "features": [Formula::Bit(1), Formula::Parity(vec![2, 3, 4])] }),
    write,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    features: Vec<Formula>,
}

fn write(settings: serde_json::Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let refused = |message: String| DataError::Settings { path: "features".into(), message };
    let sample: Sample = read(settings)?;
    if let Some(problem) = sample.features.iter().find_map(Formula::problem) {
        return Err(refused(problem));
    }
    let heads = (1..=WIDTH).map(|i| format!("bit{i}"));
    let heads: Vec<String> = heads.chain((1..=sample.features.len()).map(|i| format!("feature{i}"))).collect();
    writeln!(out, "{}", heads.join(","))?;
    for input in (0..=u16::MAX).take(limit) {
        let features = sample.features.iter().map(|feature| feature.value(input));
        let row: Vec<String> = rows(&[input]).into_iter().chain(features).map(|x| x.to_string()).collect();
        writeln!(out, "{}", row.join(","))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn mean(of: impl Fn(u16) -> f32) -> f64 {
        (0..=u16::MAX).map(|input| f64::from(of(input))).sum::<f64>() / INPUTS as f64
    }

    #[test]
    fn all_inputs_together_are_balanced_and_uncorrelated() {
        let mut features: Vec<Formula> = (1..=WIDTH).map(Formula::Bit).collect();
        features.push(Formula::Parity(vec![2, 3, 4]));
        features.push(Formula::Parity(vec![5, 6, 7]));
        features.extend([[2, 3], [2, 4], [3, 4]].map(|pair| Formula::Parity(pair.to_vec())));
        for (i, a) in features.iter().enumerate() {
            assert_eq!(mean(|input| a.value(input)), 0.0, "{a}");
            for b in &features[..i] {
                assert_eq!(mean(|input| a.value(input) * b.value(input)), 0.0, "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_majority_is_correlated_with_its_bits_and_their_parity() {
        let bits = vec![1, 2, 3];
        let majority = Formula::Majority(bits.clone());
        let formula = |input: u16| {
            let b = |i| bit(input, i) as f32;
            (b(1) + b(2) + b(3) - b(1) * b(2) * b(3)) / 2.0
        };
        assert!((0..=7u16).all(|input| majority.value(input) == formula(input)));
        assert_eq!(mean(|input| majority.value(input) * Formula::Bit(2).value(input)), 0.5);
        assert_eq!(mean(|input| majority.value(input) * Formula::Parity(bits.clone()).value(input)), -0.5);
        assert_eq!(mean(|input| majority.value(input) * Formula::Parity(vec![4, 5, 6]).value(input)), 0.0);
    }

    #[test]
    fn pools_hold_every_input_once() {
        let pools = Pools::new(&mut Key::new(1).stream());
        let mut all = [pools.train.clone(), pools.held_out].concat();
        assert_eq!(pools.train.len(), INPUTS / 2);
        all.sort_unstable();
        assert!(all.iter().enumerate().all(|(i, input)| i == usize::from(*input)));
    }

    #[test]
    fn a_sample_is_written_and_formulas_are_checked() {
        let mut out = Vec::new();
        (ENTRY.write)((ENTRY.settings)(), 2, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let second: Vec<i32> = text.lines().nth(2).unwrap().split(',').map(|x| x.parse().unwrap()).collect();
        assert_eq!((second[0], second[1], second[16], second[17]), (1, -1, 1, -1));
        let wrong = [Formula::Bit(0), Formula::Bit(17), Formula::Parity(vec![2, 2]), Formula::Majority(vec![1, 2])];
        assert!(wrong.iter().all(|formula| formula.problem().is_some()));
        assert!(Formula::Parity(vec![]).problem().is_some() && Formula::Majority(vec![1, 2, 3]).problem().is_none());
        let refused = (ENTRY.write)(serde_json::json!({"features": [{"bit": 17}]}), 2, &mut Vec::new());
        assert!(refused.unwrap_err().to_string().contains("bits are 1 to 16"));
    }
}
