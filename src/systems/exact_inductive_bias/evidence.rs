//! What the trials recorded, read as hypothesis spaces for judge and panels.

use super::data::Variant;
use super::measure::Space;
use super::panels::SPACE;
use super::settings::{Condition, Role, Settings};
use crate::contract::{Evidence, Recorded, TrialResult};
use crate::instruments::statistics::mean;
use crate::instruments::statistics::sample::sample_quantile;

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

/// A torus space of every seed that recorded it.
pub(super) fn torus(evidence: &Evidence<'_, Condition>, sigma: f64, dimensions: usize, variant: Variant) -> Vec<Space> {
    let wanted = Condition::Torus { dimensions, sigma };
    // In one dimension the variants are the same.
    let prefix = if dimensions == 1 { Variant::Full.name() } else { variant.name() };
    let recorded = evidence.find(|condition| *condition == wanted);
    recorded.map_or_else(Vec::new, |r| r.seeds.iter().filter_map(|seed| Space::read(seed, prefix)).collect())
}

fn networks<'e>(evidence: &'e Evidence<'_, Condition>, wanted: Role) -> Option<Recorded<'e, Condition>> {
    evidence.find(|condition| matches!(condition, Condition::Networks { role, .. } if *role == wanted))
}

/// The splits on which the networks have been measured.
pub(super) fn splits(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Split> {
    let Some(networks) = networks(evidence, Role::Reference) else { return Vec::new() };
    networks.seeds.iter().filter_map(|result| split(settings, evidence, result)).collect()
}

fn split(settings: &Settings, evidence: &Evidence<'_, Condition>, reference: &TrialResult) -> Option<Split> {
    let seed = reference.spec.seed;
    let reference = Space::read(reference, SPACE)?;
    let of = |r: Recorded<'_, Condition>| {
        let result = r.seeds.iter().find(|result| result.spec.seed == seed)?;
        Some((r.cell.label.clone(), Space::read(result, SPACE)?))
    };
    let every = |fits: fn(&Condition) -> bool| evidence.every(fits).filter_map(of).collect();
    Some(Split {
        seed,
        target: sample_quantile(&reference.losses, settings.digits.quantile)?,
        networks: reference,
        permuted: networks(evidence, Role::Permuted).and_then(of).map(|(_, space)| space),
        kernels: every(|condition| matches!(condition, Condition::Kernel { .. })),
        shown: every(|condition| matches!(condition, Condition::Networks { role: Role::Shown, .. })),
    })
}

/// The largest share of networks of leg B's conditions that did not fit the training set.
pub(super) fn dropped(evidence: &Evidence<'_, Condition>) -> Option<f64> {
    let shares = |role: Role| networks(evidence, role).map_or_else(Vec::new, |r| r.values("dropped"));
    [shares(Role::Reference), shares(Role::Permuted)].concat().into_iter().max_by(f64::total_cmp)
}

/// The largest distance of fit and sample among the kernel spaces whose bits are claimed, mean over a space's draws as
/// those bits are, with the name of its condition. Where half of the sampled hypotheses reach the wanted loss it is not
/// in the tail: less than one bit is left, by counting, and the fit does not matter.
pub(super) fn worst_fit(settings: &Settings, evidence: &Evidence<'_, Condition>) -> Option<(f64, String)> {
    let of = |r: Recorded<'_, Condition>| {
        let torus = matches!(r.cell.condition, Condition::Torus { .. });
        let prefix = if torus { Variant::Full.name() } else { SPACE };
        let spaces = r.seeds.iter().filter_map(|seed| Space::read(seed, prefix));
        let in_tail =
            |space: &Space| sample_quantile(&space.losses, 0.5).is_some_and(|half| half > settings.torus.target);
        let used = spaces.filter(|space| !torus || in_tail(space));
        let distances: Vec<f64> = used.map(|space| space.kolmogorov).collect();
        Some((mean(&distances)?, r.cell.label.clone()))
    };
    let kernels = evidence.every(|condition| !matches!(condition, Condition::Networks { .. }));
    kernels.filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0))
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
