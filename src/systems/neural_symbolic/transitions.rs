//! Arc-standard transitions (Nivre 2004) with the 18 features of Chen and Manning 2014 that are words, and with the
//! arity of symbols: an arc goes to a symbol that still takes an argument, from one that takes no more.

use serde::{Deserialize, Serialize};

use super::tree::Tree;
use super::value::Language;

/// Features of a state.
pub(super) const FEATURES: usize = 18;
/// Kinds of transition.
pub(super) const ACTIONS: usize = 3;

/// What a parser does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Action {
    /// The top of the stack heads the item below it.
    #[serde(rename = "L")]
    Left,
    /// The item below heads the top of the stack.
    #[serde(rename = "R")]
    Right,
    /// The next word comes onto the stack.
    #[serde(rename = "S")]
    Shift,
}

impl Action {
    /// All, by their numbers.
    pub(super) const ALL: [Action; ACTIONS] = [Action::Left, Action::Right, Action::Shift];
}

/// One step of a parse, as a parser learns from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transition {
    /// Classes of symbols; the number behind the last stands for none.
    pub(super) features: [u8; FEATURES],
    /// Which actions may be taken.
    pub(super) legal: [bool; ACTIONS],
    /// Which was.
    pub(super) action: Action,
}

/// A parse on its way.
#[derive(Clone, Debug)]
pub(super) struct State<'a> {
    symbols: &'a [u8],
    language: &'a Language,
    stack: Vec<usize>,
    next: usize,
    heads: Vec<Option<usize>>,
    /// Dependents of each word in the order of their places.
    dependents: Vec<Vec<usize>>,
}

impl<'a> State<'a> {
    /// Before the first word.
    pub(super) fn new(symbols: &'a [u8], language: &'a Language) -> Self {
        let count = symbols.len();
        State {
            symbols,
            language,
            stack: Vec::new(),
            next: 0,
            heads: vec![None; count],
            dependents: vec![vec![]; count],
        }
    }

    /// Arguments that a word still takes.
    fn free(&self, word: usize) -> usize {
        let taken = self.dependents[word].iter().filter(|of| !self.language.silent(self.symbols[**of])).count();
        self.arity(word).saturating_sub(taken)
    }

    fn arity(&self, word: usize) -> usize {
        self.language.arity[usize::from(self.symbols[word])]
    }

    /// Whether a word may head another: it still takes an argument, or the other is given to be none.
    fn takes(&self, head: usize, of: usize) -> bool {
        let silent = self.language.silent(self.symbols[of]) && self.arity(head) > 0;
        (silent || self.free(head) > 0) && self.free(of) == 0
    }

    /// Which actions may be taken.
    pub(super) fn legal(&self) -> [bool; ACTIONS] {
        let arcs = match self.stack[..] {
            [.., below, top] => [(top, below), (below, top)].map(|(head, of)| self.takes(head, of)),
            _ => [false; 2],
        };
        [arcs[0], arcs[1], self.next < self.symbols.len()]
    }

    /// Whether all words are below one that takes no more arguments.
    pub(super) fn done(&self) -> bool {
        self.next == self.symbols.len() && self.stack.len() == 1 && self.free(self.stack[0]) == 0
    }

    /// The word that an action would put below another.
    pub(super) fn dependent(&self, action: Action) -> Option<usize> {
        let from_top = match action {
            Action::Left => 2,
            Action::Right => 1,
            Action::Shift => return None,
        };
        Some(self.stack[self.stack.len().checked_sub(from_top)?])
    }

    /// Takes an action.
    ///
    /// # Panics
    /// If it is not legal.
    pub(super) fn take(&mut self, action: Action) {
        let arc = |state: &mut Self, head: usize, of: usize| {
            state.heads[of] = Some(head);
            let at = state.dependents[head].partition_point(|other| *other < of);
            state.dependents[head].insert(at, of);
        };
        match action {
            Action::Left => {
                let (top, below) = (self.stack[self.stack.len() - 1], self.stack[self.stack.len() - 2]);
                arc(self, top, below);
                self.stack.remove(self.stack.len() - 2);
            }
            Action::Right => {
                let (top, below) = (self.stack[self.stack.len() - 1], self.stack[self.stack.len() - 2]);
                arc(self, below, top);
                self.stack.pop();
            }
            Action::Shift => {
                self.stack.push(self.next);
                self.next += 1;
            }
        }
    }

    /// The three topmost words, the three next ones, and of the two topmost the outermost and second outermost
    /// dependents on either side, and those of the outermost.
    pub(super) fn features(&self) -> [u8; FEATURES] {
        let none = self.language.none();
        let class = |word: usize| self.language.classes[usize::from(self.symbols[word])];
        let symbol = |word: Option<usize>| word.map_or(none, class);
        let from_top = |i: usize| self.stack.len().checked_sub(i + 1).map(|at| self.stack[at]);
        let mut features = [none; FEATURES];
        for i in 0..3 {
            features[i] = symbol(from_top(i));
            features[3 + i] = symbol((self.next + i < self.symbols.len()).then_some(self.next + i));
        }
        for i in 0..2 {
            let Some(word) = from_top(i) else { continue };
            let (left, right) = (|of: usize, n: usize| self.left(of, n), |of: usize, n: usize| self.right(of, n));
            let found = [
                left(word, 0),
                right(word, 0),
                left(word, 1),
                right(word, 1),
                left(word, 0).and_then(|of| left(of, 0)),
                right(word, 0).and_then(|of| right(of, 0)),
            ];
            for (k, word) in found.into_iter().enumerate() {
                features[6 + 6 * i + k] = symbol(word);
            }
        }
        features
    }

    /// The n-th dependent before a word, from outside.
    fn left(&self, word: usize, n: usize) -> Option<usize> {
        self.dependents[word].get(n).copied().filter(|of| *of < word)
    }

    /// The n-th dependent behind a word, from outside.
    fn right(&self, word: usize, n: usize) -> Option<usize> {
        self.dependents[word].iter().rev().nth(n).copied().filter(|of| *of > word)
    }

    /// The tree, once it is done.
    pub(super) fn tree(self) -> Tree {
        Tree::new(self.symbols.to_vec(), self.heads)
    }
}

/// The transitions of a parse by its actions.
///
/// # Panics
/// If the actions are of another sentence.
pub(super) fn replayed(symbols: &[u8], language: &Language, actions: &[Action]) -> Vec<Transition> {
    let mut state = State::new(symbols, language);
    let step = |action: &Action| {
        let transition = Transition { features: state.features(), legal: state.legal(), action: *action };
        state.take(*action);
        transition
    };
    actions.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::super::value::Kind;
    use super::*;

    /// walk left twice and jump, by their arities.
    const SYMBOLS: [u8; 5] = [0, 1, 2, 3, 4];
    const NONE: u8 = 5;

    fn language() -> Language {
        Language {
            kind: Kind::Lists,
            words: ["walk", "left", "twice", "and", "jump"].map(String::from).to_vec(),
            arity: vec![0, 1, 1, 2, 0],
            classes: SYMBOLS.to_vec(),
            given: vec![None; 5],
            tokens: Vec::new(),
            constants: 0,
        }
    }

    fn after<'a>(actions: &[Action], language: &'a Language) -> State<'a> {
        let mut state = State::new(&SYMBOLS, language);
        for action in actions {
            assert!(state.legal()[*action as usize], "{action:?}");
            state.take(*action);
        }
        state
    }

    use Action::{Left, Right, Shift};

    #[test]
    fn a_parse_builds_the_tree_that_its_actions_say() {
        let language = language();
        let state = after(&[Shift, Shift, Left, Shift, Left, Shift, Left, Shift, Right], &language);
        assert!(state.done());
        assert_eq!(state.tree().heads, [Some(1), Some(2), Some(3), None, Some(3)]);
    }

    #[test]
    fn arity_says_which_arcs_are_legal() {
        let language = language();
        let after = |actions: &[Action]| after(actions, &language);
        assert_eq!(after(&[]).legal(), [false, false, true]);
        assert_eq!(after(&[Shift, Shift]).legal(), [true, false, true], "walk takes no argument");
        assert_eq!(after(&[Shift, Shift, Shift]).legal(), [false, false, true], "left still takes one");
        assert_eq!(after(&[Shift, Shift, Left, Shift]).legal(), [true, false, true]);
        let mut state = after(&[Shift, Shift, Shift, Shift, Shift]);
        assert_eq!(state.legal(), [false, true, false], "and takes jump");
        state.take(Right);
        assert_eq!(state.legal(), [false; 3], "nobody takes a word that lacks an argument");
        assert!(!state.done());
        assert!(!after(&[Shift, Shift, Left]).done(), "words are left");
    }

    #[test]
    fn features_are_words_around_the_top() {
        let language = language();
        let state = after(&[Shift, Shift, Left, Shift, Left, Shift, Left, Shift], &language);
        let mut expected = [NONE; FEATURES];
        (expected[0], expected[1]) = (4, 3);
        // Of the second item, and: twice is left of it, and left is left of that.
        (expected[12], expected[16]) = (2, 1);
        assert_eq!(state.features(), expected);
        let begun = after(&[Shift], &language);
        assert_eq!(begun.features()[..6], [0, NONE, NONE, 1, 2, 3]);
    }
}
