//! A grounded symbol system: the tree of a sentence with the value of every node.

use serde::{Deserialize, Serialize};

use super::semantics::{Choice, Semantics};
use super::value::Value;

/// What a value that no program gave weighs in the choice of a parse, in nats.
const UNEXPLAINED: f64 = -3.0;

/// A symbol with the inputs and the output of a node.
pub(super) type Fact = (u8, Vec<Value>, Value);

/// Nodes with symbols, heads and values, in reading order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    /// Symbol of each node.
    pub(super) symbols: Vec<u8>,
    /// The node above each; none for the root.
    pub(super) heads: Vec<Option<usize>>,
    /// Values; none where it is missing.
    pub(super) values: Vec<Option<Value>>,
}

impl Tree {
    /// A tree without values.
    ///
    /// # Panics
    /// If there is not one root.
    pub(super) fn new(symbols: Vec<u8>, heads: Vec<Option<usize>>) -> Self {
        assert_eq!(heads.iter().filter(|head| head.is_none()).count(), 1, "a tree has one root");
        let values = vec![None; symbols.len()];
        Tree { symbols, heads, values }
    }

    /// The node above all others.
    pub(super) fn root(&self) -> usize {
        self.heads.iter().position(Option::is_none).unwrap_or(0)
    }

    /// The value of the whole.
    pub(super) fn answer(&self) -> Option<&Value> {
        self.values[self.root()].as_ref()
    }

    /// The nodes right below a node, in reading order.
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.heads.len()).filter(move |child| self.heads[*child] == Some(node))
    }

    /// What a node is applied to: the values below it that are not empty.
    pub(super) fn inputs(&self, node: usize) -> Vec<Option<Value>> {
        let values = self.children(node).map(|child| self.values[child].clone());
        values.filter(|value| *value != Some(Value::Empty)).collect()
    }

    /// Nodes, each behind all that stand below it.
    fn upwards(&self) -> Vec<usize> {
        let mut order = vec![self.root()];
        let mut at = 0;
        while at < order.len() {
            order.extend(self.children(order[at]));
            at += 1;
        }
        order.reverse();
        order
    }

    /// Works out every value, bottom-up.
    pub(super) fn deduce(&mut self, semantics: &[Semantics], mut choice: Choice<'_>) {
        for node in self.upwards() {
            let inputs = self.inputs(node);
            self.values[node] = semantics[usize::from(self.symbols[node])].call(&inputs, &mut choice);
        }
    }

    /// Works the values above a node out anew.
    pub(super) fn deduce_above(&mut self, node: usize, semantics: &[Semantics], mut choice: Choice<'_>) {
        let mut at = node;
        while let Some(head) = self.heads[at] {
            let inputs = self.inputs(head);
            self.values[head] = semantics[usize::from(self.symbols[head])].call(&inputs, &mut choice);
            at = head;
        }
    }

    /// How well programs explain the values, in nats: the log likelihood of each, or a constant where none gave it.
    pub(super) fn explained(&self, semantics: &[Semantics]) -> f64 {
        let of = |(symbol, value): (&u8, &Option<Value>)| {
            let semantics = &semantics[usize::from(*symbol)];
            if semantics.trusted() && value.is_some() { semantics.likelihood.ln() } else { UNEXPLAINED }
        };
        self.symbols.iter().zip(&self.values).map(of).sum()
    }

    /// The log probability of what stands at and below a node, by the likelihood of the symbols and by how surely each
    /// was seen.
    pub(super) fn confidence(&self, node: usize, semantics: &[Semantics], seen: &dyn Fn(usize) -> f64) -> f64 {
        let own = semantics[usize::from(self.symbols[node])].likelihood.max(LEAST).ln() + seen(node);
        own + self.children(node).map(|child| self.confidence(child, semantics, seen)).sum::<f64>()
    }

    /// Inputs and output of every node whose values are all known, with its symbol.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let fact = |node: usize| {
            let inputs: Vec<Value> = self.inputs(node).into_iter().collect::<Option<_>>()?;
            Some((self.symbols[node], inputs, self.values[node].clone()?))
        };
        (0..self.symbols.len()).filter_map(fact).collect()
    }
}

/// The least likelihood in logarithms.
pub(super) const LEAST: f64 = 1e-7;
