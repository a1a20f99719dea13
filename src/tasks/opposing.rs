//! Regression data in which two small groups share a heavy feature and ask for opposite outputs, after
//! the generators of Rosenfeld and Risteski (2023), with the controls in which they do not.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::base_set::{BaseSet, Split, Standardise};
use super::cifar::{self, Pictures};
use super::digits;
use crate::base::random::{Key, Stream};

/// What the two groups ask of the feature that they share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    /// Opposite outputs: no linear weight on the feature serves both.
    Opposing,
    /// The same: one linear weight serves both.
    Consistent,
    /// The feature is zero; the same examples are kept as groups by name.
    None,
}

impl Groups {
    /// The word in labels.
    pub const fn name(self) -> &'static str {
        match self {
            Groups::Opposing => "opposing",
            Groups::Consistent => "consistent",
            Groups::None => "none",
        }
    }
}

/// Examples with real targets, and which of them were planted.
#[derive(Clone, Debug, PartialEq)]
pub struct Planted {
    /// Examples.
    pub count: usize,
    /// Inputs `[count, width]`, row-major; the shared feature of the generators is the last column.
    pub inputs: Vec<f32>,
    /// Numbers of an input.
    pub width: usize,
    /// Targets `[count, outputs]`.
    pub targets: Vec<f32>,
    /// Numbers of a target.
    pub outputs: usize,
    /// Examples of group A.
    pub a: Vec<usize>,
    /// Examples of group B.
    pub b: Vec<usize>,
    /// Class of each example; empty where there are none.
    pub classes: Vec<u8>,
    /// Height, width and channels of an input that is a picture.
    pub picture: Option<[usize; 3]>,
}

impl Planted {
    /// Every planted example.
    pub fn planted(&self) -> Vec<usize> {
        self.a.iter().chain(&self.b).copied().collect()
    }

    /// So many examples that were not planted, drawn without replacement.
    pub fn others(&self, count: usize, key: Key) -> Vec<usize> {
        let planted = self.planted();
        let mut others: Vec<usize> = (0..self.count).filter(|i| !planted.contains(i)).collect();
        others.shuffle(&mut key.stream());
        others.truncate(count);
        others
    }
}

/// The generator of the linear theory: `x = (x_g, x_o)`, `x_g ~ N(0, I)`, `x_o` is `+height` or `-height`
/// for a share `share / 2` each (exactly so many, which is what the theory's probability means on average)
/// and 0 else; `y = beta . x_g + |x_o|`. Consistent: `+ x_o`; none: `x_o = 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Absolute {
    /// Length of `x_g`.
    pub dimension: usize,
    /// Examples.
    pub count: usize,
    /// Share of the examples with the feature.
    pub share: f64,
    /// Size of the feature.
    pub height: f64,
    /// Length of `beta`.
    pub norm: f64,
}

/// The generator of the label conflict: groups A and B share `x_o = height`, `y = beta . x_g + s` with
/// `s = shift` in A and `-shift` in B. Consistent: `x_o = -height` in B and `y = beta . x_g + x_o / 2`.
/// None: `x_o = 0` and no shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conflict {
    /// Length of `x_g`.
    pub dimension: usize,
    /// Examples.
    pub count: usize,
    /// Examples of each group.
    pub group: usize,
    /// Size of the feature.
    pub height: f64,
    /// What the labels of A are above those of the rest, and those of B below.
    pub shift: f64,
    /// Length of `beta`.
    pub norm: f64,
}

/// What the generators have in common: directions and examples are drawn from `key` alone, so that
/// data with other groups, heights or norms are the same but for those.
struct Drawn {
    inputs: Vec<f64>,
    signal: Vec<f64>,
    a: Vec<usize>,
    b: Vec<usize>,
}

fn draw(dimension: usize, count: usize, group: usize, norm: f64, key: Key) -> Drawn {
    let normals =
        |n: usize, mut stream: Stream| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut stream)).collect() };
    let direction = normals(dimension, key.purpose("beta").stream());
    let length = direction.iter().map(|b| b * b).sum::<f64>().sqrt();
    let inputs = normals(dimension * count, key.purpose("inputs").stream());
    let along = |x: &[f64]| norm / length * x.iter().zip(&direction).map(|(x, b)| x * b).sum::<f64>();
    let signal = inputs.chunks_exact(dimension).map(along).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut key.purpose("groups").stream());
    Drawn { inputs, signal, a: order[..group].to_vec(), b: order[group..2 * group].to_vec() }
}

impl Drawn {
    /// Joins the feature to the inputs; `rule` gives feature and addition to the target from the group:
    /// 1 for A, -1 for B, 0 for the rest.
    fn with(self, dimension: usize, rule: impl Fn(f64) -> (f64, f64)) -> Planted {
        let count = self.signal.len();
        let mut groups = vec![0.0; count];
        self.a.iter().for_each(|&i| groups[i] = 1.0);
        self.b.iter().for_each(|&i| groups[i] = -1.0);
        let (mut inputs, mut targets) = (Vec::with_capacity(count * (dimension + 1)), Vec::with_capacity(count));
        for ((x, signal), group) in self.inputs.chunks_exact(dimension).zip(&self.signal).zip(groups) {
            let (feature, added) = rule(group);
            inputs.extend(x.iter().map(|x| *x as f32));
            inputs.push(feature as f32);
            targets.push((signal + added) as f32);
        }
        let Drawn { a, b, .. } = self;
        Planted { count, inputs, width: dimension + 1, targets, outputs: 1, a, b, classes: Vec::new(), picture: None }
    }
}

impl Absolute {
    /// Examples of each sign of the feature.
    pub fn group(&self) -> usize {
        (self.share * self.count as f64 / 2.0).round() as usize
    }

    /// The data of a key.
    ///
    /// # Panics
    /// If the groups are more than the examples.
    pub fn data(&self, groups: Groups, key: Key) -> Planted {
        let drawn = draw(self.dimension, self.count, self.group(), self.norm, key);
        drawn.with(self.dimension, |sign| match groups {
            Groups::Opposing => (sign * self.height, (sign * self.height).abs()),
            Groups::Consistent => (sign * self.height, sign * self.height),
            Groups::None => (0.0, 0.0),
        })
    }
}

impl Conflict {
    /// The data of a key.
    ///
    /// # Panics
    /// If the groups are more than the examples.
    pub fn data(&self, groups: Groups, key: Key) -> Planted {
        let drawn = draw(self.dimension, self.count, self.group, self.norm, key);
        drawn.with(self.dimension, |sign| match groups {
            Groups::Opposing => (sign.abs() * self.height, sign * self.shift),
            Groups::Consistent => (sign * self.height, sign * self.height / 2.0),
            Groups::None => (0.0, 0.0),
        })
    }
}

/// Digits of which `group` images each of two classes get the same bright patch in a corner: a sky behind
/// both. Targets are one-hot. With [`Groups::Consistent`] all patched images are of the first class, with
/// [`Groups::None`] none is patched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SkyDigits {
    /// Images, at most: as many as the split has.
    pub count: usize,
    /// Patched images of each group.
    pub group: usize,
    /// Euclidean length of the patch, in units of the standardised pixels.
    pub height: f64,
    /// The two classes.
    pub classes: [u8; 2],
    /// Which images.
    pub split: Split,
}

impl SkyDigits {
    /// The data of a key.
    ///
    /// # Panics
    /// If a class has too few images among the first `count`.
    pub fn data(&self, groups: Groups, key: Key) -> Planted {
        let set = digits::base_set(Standardise::MeanImage);
        let mut rows: Vec<usize> = set.part(self.split).iter().map(|row| *row as usize).collect();
        rows.shuffle(&mut key.purpose("images").stream());
        rows.truncate(self.count);
        let mut planted = one_hot(&set, &rows);
        let of = |class: u8, but: &[usize]| -> Vec<usize> {
            let fits = |i: &usize| planted.classes[*i] == class && !but.contains(i);
            (0..planted.count).filter(fits).take(self.group).collect()
        };
        let second = if groups == Groups::Consistent { self.classes[0] } else { self.classes[1] };
        let a = of(self.classes[0], &[]);
        (planted.b, planted.a) = (of(second, &a), a);
        assert!(planted.b.len() == self.group, "enough images of both classes");
        if groups != Groups::None {
            // Two by two pixels of the upper left corner, which digits leave empty.
            let pixel = (self.height / 2.0) as f32;
            for i in planted.planted() {
                [0, 1, 8, 9].iter().for_each(|p| planted.inputs[i * planted.width + p] += pixel);
            }
        }
        planted
    }
}

fn one_hot(set: &BaseSet, rows: &[usize]) -> Planted {
    let (width, outputs) = (set.features(), set.classes());
    let classes: Vec<u8> = rows.iter().map(|&row| set.labels[row]).collect();
    let hot = |class: u8| (0..outputs).map(move |c| f32::from(u8::from(c == usize::from(class))));
    Planted {
        count: rows.len(),
        inputs: rows.iter().flat_map(|&row| set.inputs.row(row).to_vec()).collect(),
        width,
        targets: classes.iter().copied().flat_map(hot).collect(),
        outputs,
        a: Vec::new(),
        b: Vec::new(),
        classes,
        picture: Some([8, 8, 1]),
    }
}

/// Pictures as they are, with one-hot targets: nothing is planted, and there are no groups to know of.
pub fn plain_pictures(pictures: Pictures) -> Planted {
    let Pictures { mut pixels, classes } = pictures;
    let mean = pixels.iter().map(|x| f64::from(*x)).sum::<f64>() / pixels.len().max(1) as f64;
    let square = pixels.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / pixels.len().max(1) as f64;
    let scale = if square > 0.0 { square.sqrt() } else { 1.0 };
    pixels.iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / scale) as f32);
    let hot = |class: u8| (0..cifar::CLASSES).map(move |c| f32::from(u8::from(c == usize::from(class))));
    Planted {
        count: classes.len(),
        inputs: pixels,
        width: cifar::WIDTH,
        targets: classes.iter().copied().flat_map(hot).collect(),
        outputs: cifar::CLASSES,
        a: Vec::new(),
        b: Vec::new(),
        classes,
        picture: Some([cifar::SIDE, cifar::SIDE, cifar::CHANNELS]),
    }
}

/// Rows of a mini-batch: `count` examples drawn without replacement.
pub fn batch_of(examples: usize, count: usize, stream: &mut Stream) -> Vec<usize> {
    let mut drawn: Vec<usize> = (0..examples).collect();
    for i in 0..count.min(examples) {
        let j = stream.random_range(i as u32..examples as u32) as usize;
        drawn.swap(i, j);
    }
    drawn.truncate(count);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINEAR: Absolute = Absolute { dimension: 20, count: 2000, share: 0.05, height: 8.0, norm: 3.0 };
    const CONFLICT: Conflict = Conflict { dimension: 16, count: 400, group: 6, height: 8.0, shift: 3.0, norm: 2.0 };

    fn feature(data: &Planted, i: usize) -> f32 {
        data.inputs[i * data.width + data.width - 1]
    }

    #[test]
    fn the_linear_data_have_the_moments_of_the_theory() {
        let data = LINEAR.data(Groups::Opposing, Key::new(1));
        let n = data.count as f64;
        let square = (0..data.count).map(|i| f64::from(feature(&data, i)).powi(2)).sum::<f64>() / n;
        assert_eq!(square, 0.05 * 64.0);
        assert_eq!((data.a.len(), data.b.len(), data.width), (50, 50, 21));
        // What no linear weight on x_o can fit: |x_o|, of mean square p a^2, half of which is 1.6.
        let irreducible = data.planted().iter().map(|&i| f64::from(feature(&data, i)).powi(2)).sum::<f64>() / n / 2.0;
        assert!((irreducible - 1.6).abs() < 1e-9);
        // The target without |x_o| has variance |beta|^2.
        let plain = LINEAR.data(Groups::None, Key::new(1));
        let variance = plain.targets.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>() / n;
        assert!((variance - 9.0).abs() < 1.0, "{variance}");
        assert!((0..data.count).all(|i| feature(&plain, i) == 0.0) && plain.a == data.a);
    }

    #[test]
    fn equal_groups_do_not_pull_the_feature_s_weight_either_way() {
        // With f = beta . x_g: residuals -|x_o|; the gradient on the weight of x_o is -mean |x_o| x_o = 0.
        let data = LINEAR.data(Groups::Opposing, Key::new(2));
        let gradient: f64 = data.planted().iter().map(|&i| f64::from(feature(&data, i))).map(|x| -x.abs() * x).sum();
        assert_eq!(gradient, 0.0);
        let plain = LINEAR.data(Groups::None, Key::new(2));
        for group in [&data.a, &data.b] {
            let loss = |&i: &usize| f64::from(data.targets[i] - plain.targets[i]).powi(2) / 2.0;
            let mean = group.iter().map(loss).sum::<f64>() / group.len() as f64;
            assert!((mean - 32.0).abs() < 1e-4, "each a^2 / 2: {mean}");
        }
    }

    #[test]
    fn a_conflict_is_in_the_labels_alone() {
        let [opposing, consistent, none] =
            [Groups::Opposing, Groups::Consistent, Groups::None].map(|groups| CONFLICT.data(groups, Key::new(3)));
        for (&a, &b) in opposing.a.iter().zip(&opposing.b) {
            assert_eq!((feature(&opposing, a), feature(&opposing, b)), (8.0, 8.0));
            assert_eq!((feature(&consistent, a), feature(&consistent, b)), (8.0, -8.0));
            assert!((opposing.targets[a] - none.targets[a] - 3.0).abs() < 1e-5);
            assert!((opposing.targets[b] - none.targets[b] + 3.0).abs() < 1e-5);
            assert!((consistent.targets[b] - none.targets[b] + 4.0).abs() < 1e-5);
        }
        let low = Conflict { height: 1.0, ..CONFLICT }.data(Groups::Opposing, Key::new(3));
        assert_eq!(low.targets, opposing.targets);
        let others = opposing.others(12, Key::new(4));
        assert!(others.len() == 12 && others.iter().all(|i| !opposing.planted().contains(i)));
    }

    #[test]
    fn a_sky_lies_behind_two_classes() {
        let sky = SkyDigits { count: 500, group: 5, height: 12.0, classes: [3, 8], split: Split::Train };
        let (with, without) = (sky.data(Groups::Opposing, Key::new(5)), sky.data(Groups::None, Key::new(5)));
        assert!(with.a.iter().all(|i| with.classes[*i] == 3) && with.b.iter().all(|i| with.classes[*i] == 8));
        for i in with.planted() {
            let rows = with.inputs[i * 64..][..64].iter().zip(&without.inputs[i * 64..][..64]);
            let length = rows.map(|(p, q)| (p - q).powi(2)).sum::<f32>().sqrt();
            assert!((length - 12.0).abs() < 1e-4, "{length}");
        }
        let alike = sky.data(Groups::Consistent, Key::new(5));
        assert!(alike.planted().iter().all(|i| alike.classes[*i] == 3));
        assert!(with.targets.chunks_exact(10).all(|hot| hot.iter().sum::<f32>() == 1.0));
    }

    #[test]
    fn pictures_are_standardised_and_hold_no_groups() {
        let pixels = (0..2 * cifar::WIDTH).map(|i| (i % 5) as f32 / 5.0).collect();
        let data = plain_pictures(Pictures { pixels, classes: vec![4, 9] });
        let n = data.inputs.len() as f64;
        let sum: f64 = data.inputs.iter().map(|x| f64::from(*x)).sum();
        let square: f64 = data.inputs.iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((sum / n).abs() < 1e-5 && (square / n - 1.0).abs() < 1e-5);
        assert!(data.planted().is_empty() && data.targets[4] == 1.0 && data.targets[19] == 1.0);
    }

    #[test]
    fn batches_hold_no_example_twice() {
        let mut batch = batch_of(20, 20, &mut Key::new(6).stream());
        batch.sort_unstable();
        assert_eq!(batch, (0..20).collect::<Vec<_>>());
        assert_eq!(batch_of(20, 3, &mut Key::new(6).stream()).len(), 3);
    }
}
