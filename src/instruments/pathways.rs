//! Pathways through a mixture of experts (Li, Fan and Zhou 2025): how unlike they are, how much of that is load alone,
//! whether samples that a rule puts together go together, and how smooth a pathway is from layer to layer.
//!
//! A pathway is the experts of a sample, layer by layer and within a layer by falling weight (equal weights by number).

use std::collections::BTreeMap;

/// The pathways of samples, each of as many experts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pathways {
    /// Experts in a pathway: layers times experts a sample goes to.
    length: usize,
    /// `[samples, length]`.
    experts: Vec<u16>,
}

impl Pathways {
    /// Pathways from what every layer chose.
    ///
    /// # Panics
    /// If there is no layer, or layers choose differently many.
    pub fn new(layers: &[LayerChoice<'_>], samples: usize) -> Self {
        assert!(samples > 0 && !layers.is_empty(), "samples and layers");
        let chosen = layers[0].chosen.len() / samples;
        assert!(layers.iter().all(|layer| layer.chosen.len() == samples * chosen), "layers alike");
        let of = |i: usize| layers.iter().flat_map(move |layer| &layer.chosen[i * chosen..][..chosen]);
        let experts = (0..samples).flat_map(|i| of(i).map(|expert| *expert as u16)).collect();
        Pathways { length: layers.len() * chosen, experts }
    }

    /// How many samples.
    pub fn samples(&self) -> usize {
        self.experts.len() / self.length
    }

    /// The pathway of a sample.
    pub fn of(&self, sample: usize) -> &[u16] {
        &self.experts[sample * self.length..][..self.length]
    }

    /// D: mean Levenshtein distance over all pairs of samples, over the length; none for fewer than two.
    pub fn distance(&self) -> Option<f64> {
        self.within(&vec![0; self.samples()])
    }

    /// The same over the pairs that share a group; none where no pair does. Samples with the same pathway are counted
    /// and not compared again.
    ///
    /// # Panics
    /// If there are not as many groups as samples.
    pub fn within(&self, groups: &[usize]) -> Option<f64> {
        assert_eq!(groups.len(), self.samples(), "a group a sample");
        let mut counts: BTreeMap<usize, BTreeMap<&[u16], u64>> = BTreeMap::new();
        for (sample, group) in groups.iter().enumerate() {
            *counts.entry(*group).or_default().entry(self.of(sample)).or_default() += 1;
        }
        let mut known: BTreeMap<(&[u16], &[u16]), f64> = BTreeMap::new();
        let (mut sum, mut pairs) = (0.0, 0.0);
        for paths in counts.values() {
            let all: Vec<(&[u16], u64)> = paths.iter().map(|(path, count)| (*path, *count)).collect();
            let size = all.iter().map(|(_, count)| count).sum::<u64>() as f64;
            pairs += size * (size - 1.0) / 2.0;
            for (i, (one, ones)) in all.iter().enumerate() {
                for (other, others) in &all[i + 1..] {
                    let unlike = *known.entry((*one, *other)).or_insert_with(|| levenshtein(one, other));
                    sum += unlike * (ones * others) as f64;
                }
            }
        }
        (pairs > 0.0).then(|| sum / pairs / self.length as f64)
    }

    /// The mean distance of every two groups, `[groups, groups]`; NaN where a group is empty or has one sample alone.
    pub fn between(&self, groups: &[usize], count: usize) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); count * count];
        for (i, g) in groups.iter().enumerate() {
            for (j, h) in groups.iter().enumerate().skip(i + 1) {
                let unlike = levenshtein(self.of(i), self.of(j));
                for place in [g * count + h, h * count + g] {
                    let (sum, pairs) = &mut sums[place];
                    (*sum, *pairs) = (*sum + unlike, *pairs + 1.0);
                }
            }
        }
        sums.into_iter().map(|(sum, pairs)| sum / pairs / self.length as f64).collect()
    }

    /// Share of the samples at every place of the pathway that went to each expert: `[length, experts]`.
    pub fn load(&self, experts: usize) -> Vec<Vec<f64>> {
        let mut load = vec![vec![0.0; experts]; self.length];
        let one = 1.0 / self.samples() as f64;
        for sample in 0..self.samples() {
            for (place, expert) in self.of(sample).iter().enumerate() {
                load[place][usize::from(*expert)] += one;
            }
        }
        load
    }

    /// 1 - mean over places of sum pi^2, with pi the load: the distance, place by place, over all ordered pairs with
    /// those of a sample with itself, of pathways that have nothing but this load. With one expert a layer it is the
    /// measured distance over such pairs.
    pub fn load_alone(&self, experts: usize) -> f64 {
        let alike = |load: &Vec<f64>| load.iter().map(|pi| pi * pi).sum::<f64>();
        1.0 - self.load(experts).iter().map(alike).sum::<f64>() / self.length as f64
    }

    /// Mean over places of the entropy of the load, as a share of that of an even one; none for one expert.
    pub fn load_entropy(&self, experts: usize) -> Option<f64> {
        let entropy = |load: &Vec<f64>| load.iter().filter(|pi| **pi > 0.0).map(|pi| -pi * pi.ln()).sum::<f64>();
        let mean = self.load(experts).iter().map(entropy).sum::<f64>() / self.length as f64;
        (experts > 1).then(|| mean / (experts as f64).ln())
    }
}

/// Edits from one pathway to another.
fn levenshtein(one: &[u16], other: &[u16]) -> f64 {
    if let ([a, b], [c, d]) = (one, other) {
        // Of two symbols no edit but replacing shortens anything.
        return f64::from(u8::from(a != c) + u8::from(b != d));
    }
    strsim::generic_levenshtein(&one.to_vec(), &other.to_vec()) as f64
}

/// What a layer tells of how smooth pathways are.
#[derive(Clone, Copy, Debug)]
pub struct LayerChoice<'a> {
    /// The router's probabilities, `[samples, experts]`.
    pub probabilities: &'a [f32],
    /// The experts of every sample, `[samples, chosen]`.
    pub chosen: &'a [f32],
    /// The router's weight, `[width, experts]`; a column is an expert's embedding.
    pub router: &'a [f32],
}

/// C: mean over samples and neighbouring layers of the cosine of `v_l` and `v_{l+1}`, where `v_l` is the sum of the
/// embeddings of the chosen experts, each times its probability. None for a single layer.
pub fn consistency(layers: &[LayerChoice<'_>], samples: usize, width: usize) -> Option<f64> {
    let vector = |layer: &LayerChoice<'_>, sample: usize| {
        let (experts, chosen) = (layer.probabilities.len() / samples, layer.chosen.len() / samples);
        let mut v = vec![0.0f64; width];
        for expert in &layer.chosen[sample * chosen..][..chosen] {
            let expert = *expert as usize;
            let p = f64::from(layer.probabilities[sample * experts + expert]);
            v.iter_mut().enumerate().for_each(|(i, v)| *v += p * f64::from(layer.router[i * experts + expert]));
        }
        v
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut sum, mut count) = (0.0, 0.0);
    for sample in 0..samples {
        for pair in layers.windows(2) {
            let (a, b) = (vector(&pair[0], sample), vector(&pair[1], sample));
            let norm = (dot(&a, &a) * dot(&b, &b)).sqrt();
            if norm > 0.0 {
                (sum, count) = (sum + dot(&a, &b) / norm, count + 1.0);
            }
        }
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::base::random::Key;

    fn pathways(rows: &[&[u16]]) -> Pathways {
        Pathways { length: rows[0].len(), experts: rows.concat() }
    }

    #[test]
    fn edits_are_counted_over_symbols() {
        assert_eq!(levenshtein(&[0, 1, 2, 3], &[1, 2, 3, 0]), 2.0);
        assert_eq!(levenshtein(&[0, 1, 2, 3], &[0, 1, 3, 2]), 2.0);
        assert_eq!(levenshtein(&[3, 3], &[3, 1]), 1.0);
        // An expert with two digits is one symbol.
        assert_eq!(levenshtein(&[12, 1, 1], &[1, 2, 1]), 2.0);
        let all: Vec<[u16; 2]> = (0..9).map(|i| [i / 3, i % 3]).collect();
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            let general = strsim::generic_levenshtein(&a.to_vec(), &b.to_vec()) as f64;
            assert_eq!(levenshtein(a, b), general, "{a:?} {b:?}");
            for c in &all {
                assert!(levenshtein(a, c) <= levenshtein(a, b) + levenshtein(b, c));
            }
        }
    }

    #[test]
    fn the_distance_of_all_pairs_is_load_alone() {
        let mut stream = Key::new(1).stream();
        let rows: Vec<Vec<u16>> = (0..60).map(|_| vec![stream.random_range(0..4), stream.random_range(0..3)]).collect();
        let rows: Vec<&[u16]> = rows.iter().map(Vec::as_slice).collect();
        let paths = pathways(&rows);
        let n = 60.0;
        // Over ordered pairs with i = j: (n - 1) / n of the mean over pairs of two.
        let with_itself = paths.distance().unwrap() * (n - 1.0) / n;
        assert!((with_itself - paths.load_alone(4)).abs() < 1e-12);
        assert_eq!(pathways(&[&[2, 2], &[2, 2], &[2, 2]]).distance(), Some(0.0));
        assert_eq!(pathways(&[&[0], &[1]]).load_alone(4), 0.5);
        assert_eq!(pathways(&[&[0], &[1], &[2], &[3]]).load_alone(4), 0.75);
        assert_eq!(pathways(&[&[0], &[1], &[2], &[3]]).load_entropy(4), Some(1.0));
        assert_eq!(pathways(&[&[0]]).distance(), None);
    }

    #[test]
    fn groups_are_compared_within_themselves() {
        let paths = pathways(&[&[0, 1], &[0, 1], &[2, 3], &[2, 1]]);
        assert_eq!(paths.within(&[0, 0, 1, 1]), Some((0.0 + 1.0) / 2.0 / 2.0));
        assert_eq!(paths.within(&[0, 1, 2, 3]), None);
        let between = paths.between(&[0, 0, 1, 1], 2);
        assert_eq!((between[0], between[3]), (0.0, 0.5));
        assert_eq!((between[1], between[2]), ((2.0 + 1.0) / 2.0 / 2.0, 0.75));
        // Counting alike pathways changes nothing against comparing every pair.
        let naive = |paths: &Pathways| {
            let n = paths.samples();
            let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
            let all: Vec<f64> = pairs.map(|(i, j)| levenshtein(paths.of(i), paths.of(j))).collect();
            all.iter().sum::<f64>() / all.len() as f64 / 2.0
        };
        assert!((paths.distance().unwrap() - naive(&paths)).abs() < 1e-15);
    }

    #[test]
    fn consistency_is_a_cosine_between_layers() {
        // Two experts, width 2; the embeddings are the axes.
        let router = [1.0, 0.0, 0.0, 1.0];
        let opposite = [-1.0, 0.0, 0.0, -1.0];
        let layer = |chosen: &'static [f32], router: &'static [f32; 4]| LayerChoice {
            probabilities: &[0.9, 0.1],
            chosen,
            router,
        };
        let [r, o]: [&'static [f32; 4]; 2] = [Box::leak(Box::new(router)), Box::leak(Box::new(opposite))];
        let of = |a, b| consistency(&[a, b], 1, 2).unwrap();
        assert!((of(layer(&[0.0], r), layer(&[0.0], r)) - 1.0).abs() < 1e-12);
        assert!(of(layer(&[0.0], r), layer(&[1.0], r)).abs() < 1e-12);
        assert!((of(layer(&[0.0], r), layer(&[0.0], o)) + 1.0).abs() < 1e-12);
        assert_eq!(consistency(&[layer(&[0.0], r)], 1, 2), None);
    }

    #[test]
    fn pathways_are_read_from_what_layers_chose() {
        let layer = |chosen| LayerChoice { probabilities: &[], chosen, router: &[] };
        let paths = Pathways::new(&[layer(&[0.0, 1.0, 2.0, 3.0]), layer(&[3.0, 2.0, 1.0, 0.0])], 2);
        assert_eq!((paths.samples(), paths.of(0), paths.of(1)), (2, &[0, 1, 3, 2][..], &[2, 3, 1, 0][..]));
        assert_eq!(paths.load(4)[0], [0.5, 0.0, 0.5, 0.0]);
    }
}
