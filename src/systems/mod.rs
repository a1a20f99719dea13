//! The systems, one file or folder a paper: a `mod` line and a row of [`ALL`]. A system never uses
//! another system.

pub mod gpicl;

use crate::contract::Entry;

/// Every system on the bench, in the order of their numbers.
pub const ALL: &[Entry] = &[Entry::of::<gpicl::Gpicl>()];

/// The row of a system by its slug.
pub fn find(slug: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.card.slug == slug)
}
