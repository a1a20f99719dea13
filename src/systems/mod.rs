//! The systems, one file or folder a paper: a `mod` line and a row of [`ALL`]. A system never uses
//! another system.

pub mod exact_inductive_bias;
pub mod generalization_difficulty;
pub mod gpicl;
pub mod opposing_signals;
pub mod optimizer_bias;
pub mod representation_bias;
pub mod scaling_mlps;
pub mod simplicity_bias;

use crate::contract::Entry;

/// Every system on the bench, in the order of their numbers.
pub const ALL: &[Entry] = &[
    Entry::of::<gpicl::Gpicl>(),
    Entry::of::<generalization_difficulty::GeneralizationDifficulty>(),
    Entry::of::<exact_inductive_bias::ExactInductiveBias>(),
    Entry::of::<representation_bias::RepresentationBias>(),
    Entry::of::<simplicity_bias::SimplicityBias>(),
    Entry::of::<optimizer_bias::OptimizerBias>(),
    Entry::of::<opposing_signals::OpposingSignals>(),
    Entry::of::<scaling_mlps::ScalingMlps>(),
];

/// The row of a system by its slug.
pub fn find(slug: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.card.slug == slug)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::contract::{Panel, thumbnail};

    #[test]
    fn every_thumbnail_is_a_small_chart() {
        for entry in ALL {
            let Some(text) = entry.thumbnail else { continue };
            let panel: Panel =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", entry.card.slug));
            assert!(thumbnail(&[panel]).is_some() && text.len() < 8000, "{}: {} bytes", entry.card.slug, text.len());
        }
    }

    #[test]
    fn every_preset_survives_its_own_writing_and_counts_its_trials() {
        for entry in ALL {
            let names: Vec<&str> = entry.presets.iter().map(|preset| preset.name).collect();
            assert_eq!(names, ["quick", "full", "ablated"], "{}", entry.card.slug);
            for shipped in entry.presets {
                let study = (entry.open)(shipped.text).unwrap();
                let again = (entry.open)(&study.to_ron()).unwrap();
                assert_eq!((study.to_ron(), study.trials()), (again.to_ron(), again.trials()));
                let trials: HashSet<String> = study.trials().into_iter().map(|spec| spec.name).collect();
                assert_eq!((study.cost().trials, trials.len()), (study.trials().len(), study.trials().len()));
            }
        }
    }
}
