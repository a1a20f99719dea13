//! The systems, one file or folder a paper: a `mod` line and a row of [`ALL`]. A system never uses
//! another system.

pub mod data_factors;
pub mod exact_inductive_bias;
pub mod generalization_difficulty;
pub mod gpicl;
pub mod graph_networks;
pub mod grokking_pathways;
pub mod miras;
pub mod neural_compilation;
pub mod neural_symbolic;
pub mod opposing_signals;
pub mod optimizer_bias;
pub mod pragmatic_synthesis;
pub mod representation_bias;
pub mod scaling_mlps;
pub mod simplicity_bias;

use crate::contract::Entry;

/// Every system on the bench, in the order of their numbers.
pub static ALL: &[Entry] = &[
    Entry::of::<gpicl::Gpicl>(),
    Entry::of::<generalization_difficulty::GeneralizationDifficulty>(),
    Entry::of::<exact_inductive_bias::ExactInductiveBias>(),
    Entry::of::<pragmatic_synthesis::PragmaticSynthesis>(),
    Entry::of::<miras::Miras>(),
    Entry::of::<neural_symbolic::NeuralSymbolic>(),
    Entry::of::<representation_bias::RepresentationBias>(),
    Entry::of::<simplicity_bias::SimplicityBias>(),
    Entry::of::<optimizer_bias::OptimizerBias>(),
    Entry::of::<neural_compilation::NeuralCompilation>(),
    Entry::of::<opposing_signals::OpposingSignals>(),
    Entry::of::<graph_networks::GraphNetworks>(),
    Entry::of::<data_factors::DataFactors>(),
    Entry::of::<grokking_pathways::GrokkingPathways>(),
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
    use crate::contract::{ABLATED, Expectation, Panel, Parts, Setting, Study, thumbnail};

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
            assert_eq!(names, ["quick", "full", ABLATED], "{}", entry.card.slug);
            for shipped in entry.presets {
                let study = (entry.open)(shipped.text).unwrap();
                let again = (entry.open)(&study.to_ron()).unwrap();
                assert_eq!((study.to_ron(), study.trials()), (again.to_ron(), again.trials()));
                let trials: HashSet<String> = study.trials().into_iter().map(|spec| spec.name).collect();
                assert_eq!((study.cost().trials, trials.len()), (study.trials().len(), study.trials().len()));
            }
        }
    }

    /// Every preset that ships, read.
    fn studies() -> impl Iterator<Item = (String, Box<dyn Study>)> {
        let presets = ALL.iter().flat_map(|entry| entry.presets.iter().map(move |preset| (entry, preset)));
        presets
            .map(|(entry, preset)| (format!("{}/{}", entry.card.slug, preset.name), (entry.open)(preset.text).unwrap()))
    }

    #[test]
    fn every_check_names_a_field_that_is_there() {
        for (name, study) in studies() {
            let preset = study.to_json();
            assert!(study.expectations().len() > 5, "{name} checks nearly nothing");
            for Expectation { path, expected } in study.expectations() {
                let pointer = format!("/{}", path.replace('[', "/").replace(']', "").replace('.', "/"));
                assert!(preset.pointer(&pointer).is_some(), "{name} has no {path}, which takes {expected}");
            }
        }
    }

    #[test]
    fn every_setting_says_what_it_is_and_what_it_takes() {
        for (name, study) in studies() {
            let settings = study.settings();
            let preset = study.to_json();
            for setting in &settings {
                let Setting { path, value, about, parts, choices, .. } = setting;
                let takes = setting.takes();
                println!("{path} = {value:.40}\n    {about}\n    {takes}  {parts:?}");
                let entry = path.rsplit('.').next().is_some_and(|part| part.parse::<usize>().is_ok());
                assert!(!about.is_empty() || entry, "{name}: {path} has no doc comment");
                assert!(!takes.is_empty() || *parts == Parts::Only, "{name}: nobody knows what {path} takes");
                assert!(
                    choices.is_empty() || value.is_null() || setting.chosen().is_some(),
                    "{name}: {path} = {value}"
                );
                assert_eq!(preset.pointer(&format!("/{}", path.replace('.', "/"))), Some(value), "{name}: {path}");
            }
            // What a check expects reaches somebody.
            for Expectation { path, expected } in study.expectations() {
                assert!(
                    settings.iter().any(|s| s.takes().contains(expected)),
                    "{name}: nobody hears what {path} takes"
                );
            }
        }
    }
}
