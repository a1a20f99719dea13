//! What the trials recorded, sorted for judge and panels.

use super::data::Variant;
use super::measure::Space;
use super::panels::SPACE;
use super::settings::{Condition, Role, Settings};
use crate::contract::TrialResult;
use crate::instruments::statistics::mean;
use crate::instruments::statistics::sample::sample_quantile;
use crate::training::{Evidence, Recorded};

/// Everything that was recorded.
pub(super) struct Ground<'a> {
    /// By condition.
    pub(super) evidence: Evidence<'a, Condition>,
    /// The share of the networks that reach the wanted loss.
    quantile: f64,
    /// The wanted loss on the torus.
    target: f64,
}

/// One split of the images, with every space that was measured on it.
pub(super) struct Split {
    /// Replica.
    pub(super) seed: u64,
    /// The wanted loss.
    pub(super) target: f64,
    /// The networks that set it.
    pub(super) networks: Space,
    /// Networks trained on permuted labels.
    pub(super) permuted: Option<Space>,
    /// Kernel spaces by name.
    pub(super) kernels: Vec<(String, Space)>,
    /// Further networks by name.
    pub(super) shown: Vec<(String, Space)>,
}

impl<'a> Ground<'a> {
    /// Sorts results.
    pub(super) fn new(settings: &Settings, results: &'a [TrialResult]) -> Self {
        let seeds = results.iter().map(|result| result.spec.seed + 1).max().unwrap_or(1);
        let evidence = Evidence::new(settings.cells(seeds), results);
        Ground { evidence, quantile: settings.digits.quantile, target: settings.torus.target }
    }

    /// A torus space of every seed that recorded it.
    pub(super) fn torus(&self, sigma: f64, dimensions: usize, variant: Variant) -> Vec<Space> {
        let wanted = Condition::Torus { dimensions, sigma };
        // In one dimension the variants are the same.
        let prefix = if dimensions == 1 { Variant::Full.name() } else { variant.name() };
        let recorded = self.evidence.find(|condition| *condition == wanted);
        recorded.map_or_else(Vec::new, |r| r.seeds.iter().filter_map(|seed| Space::read(seed, prefix)).collect())
    }

    fn networks(&self, wanted: Role) -> Option<Recorded<'_, Condition>> {
        self.evidence.find(|condition| matches!(condition, Condition::Networks { role, .. } if *role == wanted))
    }

    /// The splits on which the networks have been measured.
    pub(super) fn splits(&self) -> Vec<Split> {
        let Some(networks) = self.networks(Role::Reference) else { return Vec::new() };
        networks.seeds.iter().filter_map(|result| self.split(result)).collect()
    }

    fn split(&self, result: &TrialResult) -> Option<Split> {
        let seed = result.spec.seed;
        let networks = Space::read(result, SPACE)?;
        let of = |r: Recorded<'_, Condition>| {
            let result = r.seeds.iter().find(|result| result.spec.seed == seed)?;
            Some((r.cell.label.clone(), Space::read(result, SPACE)?))
        };
        let every = |fits: fn(&Condition) -> bool| self.evidence.every(fits).filter_map(of).collect();
        Some(Split {
            seed,
            target: sample_quantile(&networks.losses, self.quantile)?,
            networks,
            permuted: self.networks(Role::Permuted).and_then(of).map(|(_, space)| space),
            kernels: every(|condition| matches!(condition, Condition::Kernel { .. })),
            shown: every(|condition| matches!(condition, Condition::Networks { role: Role::Shown, .. })),
        })
    }

    /// The largest share of networks of legs B's conditions that did not fit the training set.
    pub(super) fn dropped(&self) -> Option<f64> {
        let shares = |role: Role| self.networks(role).map_or_else(Vec::new, |r| r.values("dropped"));
        [shares(Role::Reference), shares(Role::Permuted)].concat().into_iter().max_by(f64::total_cmp)
    }

    /// The largest distance of fit and sample among the kernel spaces whose bits are claimed, mean over a space's
    /// draws as those bits are, with the name of its condition. Where half of the sampled hypotheses reach the wanted loss it is not in the tail: less than
    /// one bit is left, by counting, and the fit does not matter.
    pub(super) fn worst_fit(&self) -> Option<(f64, String)> {
        let of = |r: Recorded<'_, Condition>| {
            let torus = matches!(r.cell.condition, Condition::Torus { .. });
            let prefix = if torus { Variant::Full.name() } else { SPACE };
            let spaces = r.seeds.iter().filter_map(|seed| Space::read(seed, prefix));
            let in_tail = |space: &Space| sample_quantile(&space.losses, 0.5).is_some_and(|half| half > self.target);
            let used = spaces.filter(|space| !torus || in_tail(space));
            let distances: Vec<f64> = used.map(|space| space.kolmogorov).collect();
            Some((mean(&distances)?, r.cell.label.clone()))
        };
        let kernels = self.evidence.every(|condition| !matches!(condition, Condition::Networks { .. }));
        kernels.filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0))
    }
}

impl Split {
    /// The kernel space that takes the fewest bits, by `bits` of it: name and number.
    pub(super) fn best_kernel(&self, bits: impl Fn(&Space) -> f64) -> Option<(&str, &Space, f64)> {
        let each = self.kernels.iter().map(|(name, space)| (name.as_str(), space, bits(space)));
        each.min_by(|a, b| a.2.total_cmp(&b.2))
    }

    /// Bits of a space by its fitted tail.
    pub(super) fn fitted(&self, space: &Space) -> f64 {
        space.bits(self.target).bits
    }

    /// Bits of a kernel space by its exact law.
    pub(super) fn exact(&self, space: &Space) -> f64 {
        space.exact_bits(self.target).unwrap_or(f64::NAN)
    }
}
