//! The data of a condition: inputs, the two features, and the further ones that the layers are asked for.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::settings::{Condition, Settings, Task};
use crate::base::random::{Key, Stream};
use crate::tasks::base_set::{BaseSet, Split, Standardise};
use crate::tasks::bits::{self, Formula, Pools, WIDTH};
use crate::tasks::digits;
use crate::tasks::rotation::Rotation;

/// Pixels of a digit.
pub(super) const PIXELS: usize = 64;
/// The patch of the first feature of digits, in the upper left corner, and how bright it is in standardised ink.
const PATCH: [usize; 4] = [0, 1, 8, 9];
const BRIGHT: f32 = 2.0;
/// Inputs on which the distances of every trial are compared, the same for all.
const COMPARED: usize = 40;

/// Inputs with both features, -1 or +1.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// Inputs as bits or pixels, row-major.
    pub(super) x: Vec<f32>,
    /// The features.
    pub(super) features: [Vec<f32>; 2],
}

/// A feature that layers are asked for, over the validation and the test inputs.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) validation: Vec<f32>,
    pub(super) test: Vec<f32>,
}

/// What a probe stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first or second feature.
    Learned,
    /// A part of a feature: some of a parity's bits.
    Part,
    /// A bit that neither feature depends on.
    Nuisance,
    /// The first feature of other inputs.
    Shuffled,
}

/// The data of one condition and seed.
#[derive(Debug)]
pub(super) struct Data {
    /// Numbers of an input.
    pub(super) width: usize,
    /// Names of the two features.
    pub(super) names: [String; 2],
    pub(super) train: Rows,
    /// For which training inputs the first feature is told.
    pub(super) told: Vec<bool>,
    pub(super) validation: Rows,
    pub(super) test: Rows,
    /// Between bits and what the network sees.
    pub(super) rotation: Option<Rotation>,
    /// The features first, then the others.
    pub(super) probes: Vec<Probe>,
    /// Inputs common to all trials, as the network's scoring takes them; empty for digits.
    pub(super) compared: Vec<f32>,
}

impl Rows {
    pub(super) fn count(&self) -> usize {
        self.features[0].len()
    }

    fn of_bits(inputs: &[u16], features: [&Formula; 2]) -> Self {
        let of = |feature: &Formula| inputs.iter().map(|input| feature.value(*input)).collect();
        Rows { x: bits::rows(inputs), features: features.map(of) }
    }

    /// Every digit of some rows, with the patch and without it.
    fn of_digits(base: &BaseSet, rows: &[u32]) -> Self {
        let mut made = Rows::default();
        for row in rows {
            for patch in [true, false] {
                let at = made.x.len();
                made.x.extend(base.inputs.row(*row as usize));
                if patch {
                    PATCH.iter().for_each(|pixel| made.x[at + pixel] = BRIGHT);
                }
                let sign = |yes: bool| if yes { 1.0 } else { -1.0 };
                made.features[0].push(sign(patch));
                made.features[1].push(sign(base.labels[*row as usize] < 5));
            }
        }
        made
    }
}

/// A feature without what makes it complex: its first bit.
fn simplest(formula: &Formula) -> Formula {
    Formula::Bit(formula.bits()[0])
}

fn shuffled(values: &[f32], stream: &mut Stream) -> Vec<f32> {
    let mut mixed = values.to_vec();
    mixed.shuffle(stream);
    mixed
}

impl Data {
    /// The data of a condition, from `key` alone: conditions of the same seed share pools and rotation.
    pub(super) fn new(settings: &Settings, condition: &Condition, key: Key) -> Self {
        let mut data = match &condition.task {
            Task::Bits { first, second, mixed } => {
                let [first, second] =
                    [first, second].map(|f| if settings.complexity_gap { f.clone() } else { simplest(f) });
                Data::bits(settings, [&first, &second], *mixed, key)
            }
            Task::Digits => Data::digits(settings),
        };
        let mut stream = key.purpose("told").stream();
        let told = |_| condition.told >= 1.0 || stream.random_bool(condition.told);
        data.told = (0..data.train.count()).map(told).collect();
        let streams = ["validation", "test"].map(|part| key.purpose("shuffled").purpose(part).stream());
        let [mut validation, mut test] = streams;
        data.probes.push(Probe {
            name: "shuffled".into(),
            kind: Kind::Shuffled,
            validation: shuffled(&data.validation.features[0], &mut validation),
            test: shuffled(&data.test.features[0], &mut test),
        });
        data
    }

    fn bits(settings: &Settings, features: [&Formula; 2], mixed: bool, key: Key) -> Self {
        let pools = Pools::new(&mut key.purpose("pools").stream());
        let (validation, rest) = pools.held_out.split_at(settings.evaluation.validation);
        let test = &rest[..settings.evaluation.test];
        let mut wanted: Vec<(Formula, Kind)> = features.map(|f| (f.clone(), Kind::Learned)).to_vec();
        for feature in features {
            if let Formula::Parity(of) = feature {
                wanted.extend(of.iter().map(|bit| (Formula::Bit(*bit), Kind::Part)));
                let pairs = (0..of.len()).flat_map(|i| (0..i).map(move |j| vec![of[j], of[i]]));
                wanted
                    .extend(pairs.filter(|pair| pair.len() < of.len()).map(|pair| (Formula::Parity(pair), Kind::Part)));
            } else if let Formula::Majority(of) = feature {
                wanted.extend(of.iter().map(|bit| (Formula::Bit(*bit), Kind::Part)));
            }
        }
        let used = |bit: &usize| features.iter().any(|feature| feature.bits().contains(bit));
        wanted.extend((1..=WIDTH).filter(|bit| !used(bit)).map(|bit| (Formula::Bit(bit), Kind::Nuisance)));
        let values = |formula: &Formula, inputs: &[u16]| inputs.iter().map(|input| formula.value(*input)).collect();
        let probe = |(formula, kind): (Formula, Kind)| Probe {
            name: formula.to_string(),
            kind,
            validation: values(&formula, validation),
            test: values(&formula, test),
        };
        let mut common = Key::new(0).purpose("compared inputs").stream();
        let compared: Vec<u16> = (0..COMPARED).map(|_| common.random()).collect();
        Data {
            width: WIDTH,
            names: features.map(ToString::to_string),
            train: Rows::of_bits(&pools.train, features),
            told: Vec::new(),
            validation: Rows::of_bits(validation, features),
            test: Rows::of_bits(test, features),
            rotation: mixed.then(|| Rotation::random(WIDTH, &mut key.purpose("rotation").stream())),
            probes: wanted.into_iter().map(probe).collect(),
            compared: bits::rows(&compared),
        }
    }

    fn digits(settings: &Settings) -> Self {
        let base = digits::base_set(Standardise::MeanImage);
        let held_out = base.part(Split::HeldOut);
        let (validation, test) = held_out.split_at(held_out.len() / 2);
        let most = |rows: &[u32], most: usize| Rows::of_digits(&base, &rows[..rows.len().min(most.div_ceil(2))]);
        let [validation, test] =
            [most(validation, settings.evaluation.validation), most(test, settings.evaluation.test)];
        let names = ["bright patch", "digit below 5"].map(String::from);
        let probe = |i: usize| Probe {
            name: names[i].clone(),
            kind: Kind::Learned,
            validation: validation.features[i].clone(),
            test: test.features[i].clone(),
        };
        Data {
            width: PIXELS,
            train: Rows::of_digits(&base, base.part(Split::Train)),
            told: Vec::new(),
            rotation: None,
            probes: vec![probe(0), probe(1)],
            compared: Vec::new(),
            names,
            validation,
            test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::preset_settings;
    use super::*;

    #[test]
    fn features_are_balanced_and_independent_on_the_pools_in_use() {
        let settings = preset_settings("full");
        for condition in &settings.conditions {
            let data = Data::new(&settings, condition, Key::new(7));
            for rows in [&data.train, &data.validation, &data.test] {
                let [first, second] = &rows.features;
                let mean = |of: &dyn Fn(usize) -> f32| {
                    (0..rows.count()).map(|i| f64::from(of(i))).sum::<f64>() / rows.count() as f64
                };
                // Five deviations of a random sample; digits come with the patch and without it.
                let most = 5.0 / (rows.count() as f64).sqrt();
                assert!(mean(&|i| first[i]).abs() < most, "{}", condition.name);
                assert!(mean(&|i| first[i] * second[i]).abs() < most, "{}", condition.name);
                assert!(first.iter().chain(second).all(|f| f.abs() == 1.0));
            }
            let told = data.told.iter().filter(|told| **told).count() as f64 / data.told.len() as f64;
            assert!((told - condition.told).abs() < 0.02);
        }
    }

    #[test]
    fn what_is_asked_of_a_layer() {
        let settings = preset_settings("quick");
        let data = Data::new(&settings, &settings.conditions[0], Key::new(7));
        let count = |kind: Kind| data.probes.iter().filter(|probe| probe.kind == kind).count();
        assert_eq!([Kind::Learned, Kind::Part, Kind::Nuisance, Kind::Shuffled].map(count), [2, 6, 12, 1]);
        let names: Vec<&str> = data.probes[..8].iter().map(|probe| probe.name.as_str()).collect();
        let parts = ["bit 2", "bit 3", "bit 4", "parity 2,3", "parity 2,4", "parity 3,4"];
        assert_eq!(names, [&["bit 1", "parity 2,3,4"][..], &parts[..]].concat());
        let sum = |values: &[f32]| values.iter().sum::<f32>();
        let (own, mixed) = (&data.probes[0].test, &data.probes[20].test);
        assert!(sum(own) == sum(mixed) && own != mixed);
    }

    #[test]
    fn the_patch_is_on_one_of_each_pair_of_digits() {
        let settings = preset_settings("full");
        let condition = settings.conditions.iter().find(|c| c.task == Task::Digits).unwrap();
        let data = Data::new(&settings, condition, Key::new(7));
        for pair in data.train.x.chunks(2 * PIXELS) {
            let (with, without) = pair.split_at(PIXELS);
            let differ = |i: &usize| with[*i] != without[*i];
            assert_eq!((0..PIXELS).filter(differ).collect::<Vec<_>>(), PATCH);
        }
    }
}
