//! Abduction: the most plausible change of a tree's hidden values under which it gives the right answer.
//!
//! From the root down, targets of a node become targets of its children by what was seen of its symbol; a heap orders
//! the changes by how little they contradict what is known (the authors' released code).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::perception::Perception;
use super::semantics::{Choice, Semantics};
use super::tree::{LEAST, Tree};
use super::value::{Kind, Value};
use crate::base::random::Stream;

/// Changes that are looked at before a sentence is given up.
const PATIENCE: usize = 200;

/// A node that was given another value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Repair {
    /// Which node.
    pub(super) node: usize,
    /// What it was worth before.
    pub(super) before: Option<Value>,
    /// What it is worth now.
    pub(super) after: Option<Value>,
    /// The symbol that it is taken for now, if that is another.
    pub(super) symbol: Option<u8>,
}

/// What may be changed, to reach one of the targets at a node.
#[derive(Clone, Debug)]
struct Change {
    priority: f64,
    /// Number in the order of finding: of equal changes the first comes first.
    number: usize,
    node: usize,
    /// The value that the node would be given; none if it is as it was deduced.
    value: Option<Value>,
    /// The symbol that it would be taken for; none if it stays.
    symbol: Option<u8>,
    targets: Vec<Value>,
}

impl Ord for Change {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.total_cmp(&other.priority).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Change {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Change {}

/// The logit of a probability by its logarithm.
fn logit(log_p: f64) -> f64 {
    log_p - (1.0 - log_p.exp()).max(LEAST).ln()
}

/// The module that learns from what is found: only its part of a tree is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// What symbols mean.
    Meanings,
    /// What symbols pictures show.
    Perception,
}

/// Pictures of a sentence's symbols, with who looks at them.
#[derive(Clone, Copy)]
pub(super) struct Seen<'s> {
    /// Who looks.
    pub(super) perception: &'s Perception,
    /// A picture for each symbol.
    pub(super) pictures: &'s [u32],
}

impl Seen<'_> {
    /// The log probability of a symbol at a place.
    fn log(&self, place: usize, symbol: u8) -> f64 {
        self.perception.log(self.pictures[place], symbol)
    }

    /// The log probability of all symbols.
    pub(super) fn log_all(&self, symbols: &[u8]) -> f64 {
        symbols.iter().enumerate().map(|(place, symbol)| self.log(place, *symbol)).sum()
    }
}

/// What a search goes by.
pub(super) struct Abduction<'s> {
    /// What is known of every symbol.
    pub(super) semantics: &'s [Semantics],
    /// What values are.
    pub(super) kind: Kind,
    /// Pictures of the symbols, where these are not told.
    pub(super) seen: Option<Seen<'s>>,
    /// What may be changed.
    pub(super) module: Module,
    /// For choices among equals.
    pub(super) stream: &'s mut Stream,
}

impl Abduction<'_> {
    /// Changes one hidden value of a deduced tree so that the whole gives `answer`: the tree with it, and what was
    /// changed; none if nothing was found.
    pub(super) fn repair(&mut self, tree: &Tree, answer: &Value) -> Option<(Tree, Repair)> {
        let mut heap = BinaryHeap::new();
        let mut found = 0;
        let mut push = |heap: &mut BinaryHeap<Reverse<Change>>, changes: Vec<Change>| {
            for change in changes {
                found += 1;
                heap.push(Reverse(Change { number: found, ..change }));
            }
        };
        let targets = vec![answer.clone()];
        let start = Change { priority: 0.0, number: 0, node: tree.root(), value: None, symbol: None, targets };
        push(&mut heap, vec![start]);
        for _ in 0..PATIENCE {
            let Reverse(change) = heap.pop()?;
            let value = change.value.as_ref().or(tree.values[change.node].as_ref());
            if value.is_some_and(|value| change.targets.contains(value)) {
                if let Some(repaired) = self.tried(tree, &change, value.cloned(), answer) {
                    return Some(repaired);
                }
            } else if change.value.is_none() {
                let mut changes: Vec<Change> = match self.module {
                    Module::Meanings => self.another_meaning(tree, &change).into_iter().collect(),
                    Module::Perception => self.other_symbols(tree, &change),
                };
                changes.extend(self.other_inputs(tree, &change));
                push(&mut heap, changes);
            }
        }
        None
    }

    /// The tree with a change, if it answers rightly.
    fn tried(&mut self, tree: &Tree, change: &Change, value: Option<Value>, answer: &Value) -> Option<(Tree, Repair)> {
        let mut repaired = tree.clone();
        repaired.values[change.node] = value.clone();
        repaired.symbols[change.node] = change.symbol.unwrap_or(tree.symbols[change.node]);
        repaired.deduce_above(change.node, self.semantics, Choice::Sampled(self.stream));
        let repair =
            Repair { node: change.node, before: tree.values[change.node].clone(), after: value, symbol: change.symbol };
        (repaired.answer() == Some(answer)).then_some((repaired, repair))
    }

    /// The symbol itself means something else: the less certain its meaning, the sooner.
    fn another_meaning(&mut self, tree: &Tree, change: &Change) -> Option<Change> {
        let inputs = tree.inputs(change.node);
        let applied = tree.children(change.node).next().is_some();
        let known = inputs.iter().all(Option::is_some) && !(applied && change.targets.contains(&Value::Empty));
        let target = change.targets[self.stream.random_range(0..change.targets.len())].clone();
        let likelihood = self.semantics[usize::from(tree.symbols[change.node])].likelihood;
        let priority = logit(likelihood.max(LEAST).ln());
        known.then(|| Change { priority, value: Some(target), ..change.clone() })
    }

    /// The picture shows another symbol, one that takes as many arguments and gives a target: the nearer to the likeliest,
    /// the sooner.
    fn other_symbols(&self, tree: &Tree, change: &Change) -> Vec<Change> {
        let Some(seen) = self.seen else { return Vec::new() };
        let (inputs, now) = (tree.inputs(change.node), tree.symbols[change.node]);
        let arity = self.semantics[usize::from(now)].arity;
        let other = |symbol: u8| {
            let meaning = &self.semantics[usize::from(symbol)];
            let value =
                (symbol != now && meaning.arity == arity).then(|| meaning.call(&inputs, &mut Choice::Top))??;
            let priority = seen.log(change.node, now) - seen.log(change.node, symbol);
            let fits = change.targets.contains(&value);
            fits.then(|| Change { priority, value: Some(value), symbol: Some(symbol), ..change.clone() })
        };
        (0..self.semantics.len() as u8).filter_map(other).collect()
    }

    /// A node below is worth something else: whatever was seen at its place beside the same inputs, with one of the
    /// targets as output; or nothing, for a leaf of a language where that may be.
    fn other_inputs(&self, tree: &Tree, change: &Change) -> Vec<Change> {
        let symbol = &self.semantics[usize::from(tree.symbols[change.node])];
        let children: Vec<usize> = tree.children(change.node).collect();
        let mut changes = Vec::new();
        for child in &children {
            // Empty values are no inputs, but for the one that is asked about.
            let asked = |node: &&usize| *node == child || tree.values[**node] != Some(Value::Empty);
            let inputs: Vec<(usize, Option<Value>)> =
                children.iter().filter(asked).map(|node| (*node, tree.values[*node].clone())).collect();
            let place = inputs.iter().position(|(node, _)| node == child).unwrap_or(0);
            let values: Vec<Option<Value>> = inputs.into_iter().map(|(_, value)| value).collect();
            let mut targets = Vec::new();
            let nothing = self.kind.nothing().filter(|_| tree.children(*child).next().is_none());
            targets.extend(nothing.filter(|nothing| gives(symbol, place, &values, nothing, &change.targets)));
            targets.extend(symbol.inverse(place, &values, &change.targets));
            if !targets.is_empty() {
                let seen = |node: usize| self.seen.map_or(0.0, |seen| seen.log(node, tree.symbols[node]));
                let priority = logit(tree.confidence(*child, self.semantics, &seen));
                changes.push(Change { priority, number: 0, node: *child, value: None, symbol: None, targets });
            }
        }
        changes
    }
}

/// Whether a value at a place gives one of the targets.
fn gives(symbol: &Semantics, place: usize, inputs: &[Option<Value>], value: &Value, targets: &[Value]) -> bool {
    let mut inputs = inputs.to_vec();
    inputs[place] = Some(value.clone());
    symbol.call(&inputs, &mut Choice::Top).is_some_and(|value| targets.contains(&value))
}
