//! The page on which a sequence is stepped through, token by token: where a person stands, what keys do.

mod layout;

pub(super) use layout::token_at;
pub use layout::{Parts, Shape, TokenAxis, parts, sequence_area, strip, token_text};

use super::Action;
use super::panels::{END, PAGE};
use crate::contract::{Body, Panel, Sequence, TrialState};

/// Where a person stands in the sequences of a run; kept while they look at something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Whether the page is on the screen.
    pub open: bool,
    /// Name of the panel that is read; the first when there is none of this name.
    pub panel: String,
    /// The token under the cursor; the last when the sequence is shorter.
    pub token: usize,
    /// The matrix, or the layer, that comes first.
    pub picture: usize,
}

/// A sequence with the panel that it is in.
pub type Read<'a> = (&'a Panel, &'a Sequence);

/// The sequences that a trial shows, those beside other panels too.
pub fn sequences(trial: &TrialState) -> Vec<Read<'_>> {
    fn within<'a>(panels: &'a [Panel], found: &mut Vec<Read<'a>>) {
        for panel in panels {
            match &panel.body {
                Body::Sequence(sequence) => found.push((panel, sequence)),
                Body::Beside { panels } => within(panels, found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    within(&trial.panels, &mut found);
    found
}

/// How many pictures of a sequence a person can choose among: its matrices, or the layers of its experts.
fn pictures(sequence: &Sequence) -> usize {
    sequence.matrices.len().max(sequence.pathways.as_ref().map_or(0, |pathways| pathways.layers))
}

impl Walk {
    /// Place of the sequence that is read.
    pub fn place(&self, all: &[Read]) -> usize {
        all.iter().position(|(panel, _)| panel.id == self.panel).unwrap_or(0)
    }

    /// The token under the cursor.
    pub fn token(&self, sequence: &Sequence) -> usize {
        self.token.min(sequence.tokens.len().saturating_sub(1))
    }

    /// Why an action does nothing now.
    pub(super) fn obstacle(&self, all: &[Read], action: Action) -> Option<&'static str> {
        let read = all.get(self.place(all)).map(|(_, sequence)| *sequence);
        let Some(sequence) = read.filter(|sequence| !sequence.tokens.is_empty()) else {
            let moves = !matches!(action, Action::Back | Action::Sequence);
            return moves.then_some("This trial shows no sequence to step through.");
        };
        let token = self.token(sequence);
        match action {
            Action::Up | Action::Down if pictures(sequence) < 2 => Some("There is one picture of this sequence."),
            Action::Next | Action::Previous if all.len() < 2 => Some("This trial shows one sequence."),
            Action::EventOn if sequence.marked_from(token, true).is_none() => Some("Nothing is noted behind here."),
            Action::EventBack if sequence.marked_from(token, false).is_none() => Some("Nothing is noted before here."),
            _ => None,
        }
    }

    /// Does what a key of the page means; whether it was one.
    pub(super) fn act(&mut self, all: &[Read], action: Action) -> bool {
        let place = self.place(all);
        let Some((_, sequence)) = all.get(place) else { return false };
        let last = sequence.tokens.len().saturating_sub(1) as isize;
        let token = self.token(sequence);
        let moved = |by: isize| (token as isize).saturating_add(by).clamp(0, last) as usize;
        let turned = |at: usize, of: usize, by: isize| (at as isize + by).rem_euclid(of.max(1) as isize) as usize;
        let pictures = pictures(sequence);
        match action {
            Action::Left => self.token = moved(-1),
            Action::Right => self.token = moved(1),
            Action::PageBack => self.token = moved(-PAGE),
            Action::PageOn => self.token = moved(PAGE),
            Action::First => self.token = moved(-END),
            Action::Last => self.token = moved(END),
            Action::EventOn => self.token = sequence.marked_from(token, true).unwrap_or(token),
            Action::EventBack => self.token = sequence.marked_from(token, false).unwrap_or(token),
            Action::Up => self.picture = turned(self.picture.min(pictures.saturating_sub(1)), pictures, -1),
            Action::Down => self.picture = turned(self.picture.min(pictures.saturating_sub(1)), pictures, 1),
            Action::Next | Action::Previous => {
                let by = if action == Action::Next { 1 } else { -1 };
                self.panel = all[turned(place, all.len(), by)].0.id.clone();
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_walk_stays_inside_and_goes_from_mark_to_mark() {
        let panels = made_up::sequence_panels();
        let all: Vec<Read> = panels
            .iter()
            .filter_map(|panel| match &panel.body {
                Body::Sequence(sequence) => Some((panel, sequence)),
                _ => None,
            })
            .collect();
        let tokens = all[0].1.tokens.len();
        let mut walk = Walk::default();
        let mut go = |action| {
            assert!(walk.act(&all, action), "{action:?}");
            walk.token
        };
        assert_eq!([Action::Left, Action::Right, Action::PageOn, Action::PageBack].map(&mut go), [0, 1, 11, 1]);
        assert_eq!([Action::Last, Action::Right, Action::First].map(&mut go), [tokens - 1, tokens - 1, 0]);
        let marked = go(Action::EventOn);
        assert!(all[0].1.is_marked(marked) && (1..marked).all(|token| !all[0].1.is_marked(token)));
        go(Action::EventOn);
        assert_eq!(go(Action::EventBack), marked);
        assert!(!walk.act(&all, Action::Toggle), "not a key of the page");
        walk.token = 10_000;
        assert_eq!(walk.token(all[0].1), tokens - 1, "a shorter sequence came");
        assert_eq!(walk.obstacle(&all, Action::EventOn), Some("Nothing is noted behind here."));
        assert_eq!(walk.obstacle(&[], Action::Right), Some("This trial shows no sequence to step through."));
        assert_eq!(walk.obstacle(&[], Action::Back), None);
    }

    #[test]
    fn pictures_turn_round() {
        let panels = made_up::sequence_panels();
        let Body::Sequence(sequence) = &panels[0].body else { panic!("a sequence comes first") };
        let all = [(&panels[0], sequence)];
        let mut walk = Walk { picture: 77, ..Walk::default() };
        for _ in 0..2 * pictures(sequence) {
            walk.act(&all, Action::Down);
            assert!(walk.picture < pictures(sequence));
        }
        walk.picture = 0;
        walk.act(&all, Action::Up);
        assert_eq!(walk.picture, pictures(sequence) - 1);
    }
}
