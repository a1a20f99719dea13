//! Labelled images of a study: the digits inside the program, or files that the user brings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::base_set::{BaseSet, Standardise};
use super::{digits, idx};

/// Where images come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// The 1,797 digits of 8x8 pixels that ship with the program.
    #[default]
    Digits,
    /// The user's own, in IDX files: MNIST, Fashion-MNIST and their like.
    Idx(idx::Files),
}

impl Source {
    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with the user's files.
    pub fn read(&self, standardise: Standardise) -> Result<BaseSet, idx::IdxError> {
        match self {
            Source::Digits => Ok(digits::base_set(standardise)),
            Source::Idx(files) => idx::read(files, standardise),
        }
    }

    /// Whether they are the digits, of which everything is known without reading.
    pub const fn is_digits(&self) -> bool {
        matches!(self, Source::Digits)
    }
}
