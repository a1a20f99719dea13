//! The published splits into training and test commands (Lake and Baroni 2018; the templates are those of Loula,
//! Baroni and Lake 2018, "Rearranging the familiar").

use std::collections::BTreeSet;

use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Example, commands};
use crate::base::random::Key;

/// A published split, by the name of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// 80% of the commands at random; the seed says which.
    Simple,
    /// Training commands have at most 22 actions.
    Length,
    /// `jump` is trained alone only, as a tenth of the lines.
    #[serde(rename = "addprim_jump")]
    AddPrimitiveJump,
    /// `turn left` is trained alone only, as a tenth of the lines.
    #[serde(rename = "addprim_turn_left")]
    AddPrimitiveTurnLeft,
    /// No training command has `jump around right`.
    TemplateJumpAroundRight,
    /// No training command has `around right`.
    TemplateAroundRight,
    /// No training command has a verb before `right`.
    TemplateRight,
    /// No training command has `opposite right`.
    TemplateOppositeRight,
}

/// Training commands of [`Split::Simple`].
const SIMPLE_TRAINING: usize = 16_728;

/// Most actions of a training command of [`Split::Length`].
const LENGTH_TRAINING: usize = 22;

impl Split {
    /// All.
    pub const ALL: [Split; 8] = [
        Split::Simple,
        Split::Length,
        Split::AddPrimitiveJump,
        Split::AddPrimitiveTurnLeft,
        Split::TemplateJumpAroundRight,
        Split::TemplateAroundRight,
        Split::TemplateRight,
        Split::TemplateOppositeRight,
    ];

    /// Its name in the published files.
    pub const fn name(self) -> &'static str {
        match self {
            Split::Simple => "simple",
            Split::Length => "length",
            Split::AddPrimitiveJump => "addprim_jump",
            Split::AddPrimitiveTurnLeft => "addprim_turn_left",
            Split::TemplateJumpAroundRight => "template_jump_around_right",
            Split::TemplateAroundRight => "template_around_right",
            Split::TemplateRight => "template_right",
            Split::TemplateOppositeRight => "template_opposite_right",
        }
    }
}

/// Whether these words stand in the command one behind the other.
pub fn contains(example: &Example, words: &[&str]) -> bool {
    example.command.windows(words.len()).any(|window| window.iter().zip(words).all(|(word, wanted)| word == wanted))
}

/// Training and test commands of a split, each in the order of [`commands`]; a repeated line comes last. Only
/// [`Split::Simple`] depends on the seed.
pub fn split(split: Split, seed: u64) -> (Vec<Example>, Vec<Example>) {
    match split {
        Split::Simple => simple(seed),
        Split::Length => commands().into_iter().partition(|example| example.actions.len() <= LENGTH_TRAINING),
        Split::AddPrimitiveJump => add_primitive(&["jump"]),
        Split::AddPrimitiveTurnLeft => add_primitive(&["turn", "left"]),
        Split::TemplateJumpAroundRight => template(&["jump"], &["around", "right"]),
        Split::TemplateAroundRight => template(&["walk", "look", "run", "jump"], &["around", "right"]),
        Split::TemplateRight => template(&["walk", "look", "run", "jump"], &["right"]),
        Split::TemplateOppositeRight => template(&["walk", "look", "run", "jump"], &["opposite", "right"]),
    }
}

fn simple(seed: u64) -> (Vec<Example>, Vec<Example>) {
    let all = commands();
    let mut stream = Key::new(seed).purpose("scan").purpose("simple").stream();
    let training: BTreeSet<usize> = index::sample(&mut stream, all.len(), SIMPLE_TRAINING).into_iter().collect();
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (at, example) in all.into_iter().enumerate() {
        if training.contains(&at) { &mut train } else { &mut test }.push(example);
    }
    (train, test)
}

/// Commands without the primitive are trained on, and it alone so often that it is a tenth of the lines.
fn add_primitive(primitive: &[&str]) -> (Vec<Example>, Vec<Example>) {
    let (with, mut train): (Vec<_>, Vec<_>) = commands().into_iter().partition(|example| contains(example, primitive));
    let (alone, test): (Vec<_>, Vec<_>) = with.into_iter().partition(|example| example.command == primitive);
    let repeats = train.len() / 9;
    train.extend(std::iter::repeat_n(&alone[0], repeats).cloned());
    (train, test)
}

/// Commands with one of the verbs before the template are tested; those with `turn` before it are in neither part.
fn template(verbs: &[&str], template: &[&str]) -> (Vec<Example>, Vec<Example>) {
    let after = |word: &'static str| [&[word], template].concat();
    let turned = after("turn");
    let held: Vec<Vec<&str>> = verbs.iter().map(|verb| [&[*verb], template].concat()).collect();
    let kept = commands().into_iter().filter(|example| !contains(example, &turned));
    let (test, train) = kept.partition(|example| held.iter().any(|words| contains(example, words)));
    (train, test)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash;

    fn digest(examples: &[Example]) -> String {
        let mut lines: Vec<String> = examples.iter().map(|example| format!("{example}\n")).collect();
        lines.sort_unstable();
        hash::short(lines.concat().as_bytes(), 16)
    }

    /// Lines of training and test, and BLAKE3 of the published files, their lines sorted by bytes.
    const PUBLISHED: [(Split, [usize; 2], [&str; 2]); 7] = [
        (Split::Length, [16_990, 3_920], ["c7ce032f2ca3dde5", "c596e9e0c8cf6506"]),
        (Split::AddPrimitiveJump, [14_670, 7_706], ["e00c59d2886ed767", "db7fe8a9c05a7741"]),
        (Split::AddPrimitiveTurnLeft, [21_890, 1_208], ["7fac2296778a5512", "a299444f756f2ed4"]),
        (Split::TemplateJumpAroundRight, [18_528, 1_173], ["7e9c6ae101e7ebd9", "9cd4e8f55d060ded"]),
        (Split::TemplateAroundRight, [15_225, 4_476], ["5e17d7264ef3081d", "fa2eb63c3272602e"]),
        (Split::TemplateRight, [15_225, 4_476], ["d2c63bf392c5f210", "442560adb113a81b"]),
        (Split::TemplateOppositeRight, [15_225, 4_476], ["5c7853074c3d94e7", "8632858b995a7c5c"]),
    ];

    #[test]
    fn the_splits_are_the_published_ones_line_for_line() {
        for (name, sizes, digests) in PUBLISHED {
            let (train, test) = split(name, 0);
            assert_eq!([train.len(), test.len()], sizes, "{}", name.name());
            assert_eq!([digest(&train), digest(&test)], digests, "{}", name.name());
        }
    }

    #[test]
    fn the_simple_split_is_random_by_its_seed() {
        let (train, test) = split(Split::Simple, 1);
        assert_eq!((train.len(), test.len()), (16_728, 4_182));
        let distinct: BTreeSet<&Example> = train.iter().chain(&test).collect();
        assert_eq!(distinct.len(), 20_910);
        assert_eq!(split(Split::Simple, 1).1, test);
        assert_ne!(split(Split::Simple, 2).1, test);
    }

    #[test]
    fn a_new_primitive_is_a_tenth_of_the_lines_and_stands_alone() {
        let (train, _) = split(Split::AddPrimitiveJump, 0);
        let jumps: Vec<&Example> = train.iter().filter(|example| example.has("jump")).collect();
        assert_eq!((train.len(), jumps.len()), (14_670, 1_467));
        assert!(jumps.iter().all(|example| example.command == ["jump"]));
    }

    #[test]
    fn names_are_those_of_the_files() {
        for name in Split::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.name());
        }
    }
}
