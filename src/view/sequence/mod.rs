//! The page on which a sequence is stepped through token by token, or graphs step by step: where a person stands, what
//! keys do.

mod layout;

pub(super) use layout::token_at;
pub use layout::{Parts, Shape, TokenAxis, parts, sequence_area, strip, token_text};

use super::Action;
use super::panels::{END, PAGE};
use crate::contract::{Body, Graphs, Panel, Sequence, TrialState};

/// Where a person stands in the sequences and graphs of a run; kept while they look at something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Whether the page is on the screen.
    pub open: bool,
    /// Name of the panel that is read; the first when there is none of this name.
    pub panel: String,
    /// The token under the cursor, or the step; the last when there are fewer.
    pub token: usize,
    /// The matrix, or the layer, that comes first.
    pub picture: usize,
}

/// What is stepped through.
#[derive(Clone, Copy, Debug)]
pub enum Steps<'a> {
    /// A sequence, token by token.
    Sequence(&'a Sequence),
    /// Small graphs, step by step.
    Graphs(&'a Graphs),
}

/// What is stepped through, with the panel that it is in.
pub type Read<'a> = (&'a Panel, Steps<'a>);

/// The sequences and graphs that a trial shows, those beside other panels too.
pub fn sequences(trial: &TrialState) -> Vec<Read<'_>> {
    let mut found = Vec::new();
    within(&trial.panels, &mut found);
    found
}

fn within<'a>(panels: &'a [Panel], found: &mut Vec<Read<'a>>) {
    for panel in panels {
        match &panel.body {
            Body::Sequence(sequence) => found.push((panel, Steps::Sequence(sequence))),
            Body::Graphs(graphs) => found.push((panel, Steps::Graphs(graphs))),
            Body::Beside { panels } => within(panels, found),
            _ => {}
        }
    }
}

impl Steps<'_> {
    /// Tokens or steps.
    pub fn len(&self) -> usize {
        match self {
            Steps::Sequence(sequence) => sequence.tokens.len(),
            Steps::Graphs(graphs) => graphs.len(),
        }
    }

    /// Whether there is nothing to step through.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next place behind one at which something is noted, or the one before it.
    fn marked_from(&self, place: usize, on: bool) -> Option<usize> {
        match self {
            Steps::Sequence(sequence) => sequence.marked_from(place, on),
            Steps::Graphs(graphs) => graphs.marked_from(place, on),
        }
    }

    /// How many pictures a person can choose among: matrices, or the layers of experts.
    fn pictures(&self) -> usize {
        match self {
            Steps::Sequence(sequence) => {
                let layers = sequence.pathways.as_ref().map_or(0, |pathways| pathways.layers);
                sequence.matrices.len().max(layers)
            }
            Steps::Graphs(_) => 1,
        }
    }
}

impl Walk {
    /// Place of what is read.
    pub fn place(&self, all: &[Read]) -> usize {
        all.iter().position(|(panel, _)| panel.id == self.panel).unwrap_or(0)
    }

    /// The token under the cursor, or the step.
    pub fn token(&self, read: &Steps) -> usize {
        self.token.min(read.len().saturating_sub(1))
    }

    /// Why an action does nothing now.
    pub(super) fn obstacle(&self, all: &[Read], action: Action) -> Option<&'static str> {
        let read = all.get(self.place(all)).map(|(_, read)| read).filter(|read| !read.is_empty());
        let Some(read) = read else {
            let moves = !matches!(action, Action::Back | Action::Sequence);
            return moves.then_some("This trial shows nothing to step through.");
        };
        let token = self.token(read);
        match action {
            Action::Up | Action::Down if read.pictures() < 2 => Some("There is one picture of each step."),
            Action::Next | Action::Previous if all.len() < 2 => Some("This trial shows nothing else to step through."),
            Action::EventOn if read.marked_from(token, true).is_none() => Some("Nothing is noted behind here."),
            Action::EventBack if read.marked_from(token, false).is_none() => Some("Nothing is noted before here."),
            _ => None,
        }
    }

    /// Does what a key of the page means; whether it was one.
    pub(super) fn act(&mut self, all: &[Read], action: Action) -> bool {
        let place = self.place(all);
        let Some((_, read)) = all.get(place) else { return false };
        let last = read.len().saturating_sub(1) as isize;
        let token = self.token(read);
        let moved = |by: isize| (token as isize).saturating_add(by).clamp(0, last) as usize;
        let turned = |at: usize, of: usize, by: isize| (at as isize + by).rem_euclid(of.max(1) as isize) as usize;
        let pictures = read.pictures();
        match action {
            Action::Left => self.token = moved(-1),
            Action::Right => self.token = moved(1),
            Action::PageBack => self.token = moved(-PAGE),
            Action::PageOn => self.token = moved(PAGE),
            Action::First => self.token = moved(-END),
            Action::Last => self.token = moved(END),
            Action::EventOn => self.token = read.marked_from(token, true).unwrap_or(token),
            Action::EventBack => self.token = read.marked_from(token, false).unwrap_or(token),
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

    /// What made-up panels have to step through.
    fn read(panels: &[Panel]) -> Vec<Read<'_>> {
        let mut found = Vec::new();
        within(panels, &mut found);
        found
    }

    #[test]
    fn a_walk_stays_inside_and_goes_from_mark_to_mark() {
        let panels = made_up::sequence_panels();
        let all = read(&panels);
        let tokens = all[0].1.len();
        let mut walk = Walk::default();
        let mut go = |action| {
            assert!(walk.act(&all, action), "{action:?}");
            walk.token
        };
        assert_eq!([Action::Left, Action::Right, Action::PageOn, Action::PageBack].map(&mut go), [0, 1, 11, 1]);
        assert_eq!([Action::Last, Action::Right, Action::First].map(&mut go), [tokens - 1, tokens - 1, 0]);
        let marked = go(Action::EventOn);
        let Steps::Sequence(sequence) = all[0].1 else { panic!("a sequence comes first") };
        assert!(sequence.is_marked(marked) && (1..marked).all(|token| !sequence.is_marked(token)));
        go(Action::EventOn);
        assert_eq!(go(Action::EventBack), marked);
        assert!(!walk.act(&all, Action::Toggle), "not a key of the page");
        walk.token = 10_000;
        assert_eq!(walk.token(&all[0].1), tokens - 1, "a shorter sequence came");
        assert_eq!(walk.obstacle(&all, Action::EventOn), Some("Nothing is noted behind here."));
        assert_eq!(walk.obstacle(&[], Action::Right), Some("This trial shows nothing to step through."));
        assert_eq!(walk.obstacle(&[], Action::Back), None);
    }

    #[test]
    fn graphs_are_walked_through_like_sequences() {
        let panels = made_up::sequence_panels();
        let all = read(&panels);
        let mut walk = Walk::default();
        assert!(walk.act(&all, Action::Next), "to the graphs");
        let Some((_, Steps::Graphs(graphs))) = all.get(walk.place(&all)) else { panic!("graphs come second") };
        walk.act(&all, Action::Last);
        assert_eq!(walk.token, graphs.len() - 1);
        walk.act(&all, Action::EventBack);
        assert!(graphs.graphs.iter().any(|graph| graph.frames[walk.token].marked));
        assert_eq!(walk.obstacle(&all, Action::Down), Some("There is one picture of each step."));
        assert_eq!(walk.obstacle(&all[1..], Action::Next), Some("This trial shows nothing else to step through."));
    }

    #[test]
    fn pictures_turn_round() {
        let panels = made_up::sequence_panels();
        let all = &read(&panels)[..1];
        let pictures = all[0].1.pictures();
        let mut walk = Walk { picture: 77, ..Walk::default() };
        for _ in 0..2 * pictures {
            walk.act(all, Action::Down);
            assert!(walk.picture < pictures);
        }
        walk.picture = 0;
        walk.act(all, Action::Up);
        assert_eq!(walk.picture, pictures - 1);
    }
}
