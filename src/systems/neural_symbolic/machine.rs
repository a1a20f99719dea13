//! The machine: deduction of trees, their repair by abduction, and what is learned from them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::abduction::{Abduction, Module, Repair, Seen};
use super::function::{Function, Library};
use super::numbers::Solved;
use super::parser::{Parsed, Parser};
use super::perception::Perception;
use super::semantics::{Choice, Semantics};
use super::transitions::Transition;
use super::tree::Tree;
use super::value::{Kind, Language, Sentence, Value};
use super::{enumerate, numbers};
use crate::base::random::{Key, Stream};

/// Programs are tried up to these costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Costs {
    /// Of symbols without an argument, and with one.
    pub(super) one: usize,
    /// Of symbols with two arguments.
    pub(super) two: usize,
}

/// A deduced tree with how it was parsed.
#[derive(Clone, Debug)]
pub(super) struct Deduced {
    /// Tree with values.
    pub(super) tree: Tree,
    /// The transitions that built it.
    pub(super) transitions: Vec<Transition>,
    /// Probability of the arc above each node.
    pub(super) arcs: Vec<f32>,
    /// Log probability of its symbols, in nats: 0 where they are told.
    pub(super) seen: f64,
}

/// A sentence with what became of it, as panels show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// The tree as deduced.
    pub(super) tree: Tree,
    /// Values after the repair, if there was one.
    pub(super) repaired: Vec<Option<Value>>,
    /// What was changed.
    pub(super) repair: Option<Repair>,
    /// Probability of the arc above each node.
    pub(super) arcs: Vec<f32>,
    /// The right answer.
    pub(super) answer: Option<Value>,
}

/// What is fixed of a machine.
#[derive(Debug)]
pub(super) struct Machine {
    /// The language.
    pub(super) language: Language,
    /// Costs up to which programs are tried; none where meanings are tables alone.
    costs: Option<Costs>,
    /// Programs over lists by arity: they are the same all the time.
    lists: BTreeMap<usize, Library>,
    key: Key,
    /// Parses that are sampled of a training sentence.
    pub(super) parses: usize,
}

impl Machine {
    /// A machine for a language; without `costs` it has no programs.
    pub(super) fn new(language: Language, costs: Option<Costs>, parses: usize, key: Key) -> Self {
        let mut machine = Machine { language, costs, lists: BTreeMap::new(), parses, key: key.purpose("probes") };
        if machine.language.kind == Kind::Lists {
            machine.lists = machine.made(&[], |_| true);
        }
        machine
    }

    /// Programs of the arities of symbols that are asked for, with what is solved as far as they may use it.
    fn made(&self, solved: &[Solved<'_>], asked: impl Fn(usize) -> bool) -> BTreeMap<usize, Library> {
        let Some(costs) = self.costs else { return BTreeMap::new() };
        let Language { kind, arity, constants, .. } = &self.language;
        let mut libraries = BTreeMap::new();
        for (_, arity) in arity.iter().copied().enumerate().filter(|(symbol, _)| asked(*symbol)) {
            let most = if arity < 2 { costs.one } else { costs.two };
            let mut stream = self.key.index(arity as u64).stream();
            libraries.entry(arity).or_insert_with(|| match kind {
                Kind::Lists => Library::Lists(enumerate::Library::new(arity, most, *constants, &mut stream)),
                Kind::Numbers => Library::Numbers(numbers::Library::new(arity, most, solved, &mut stream)),
            });
        }
        libraries
    }

    /// Programs that are tried for symbols by their arity. Those over numbers are made anew, as they use what is solved.
    pub(super) fn libraries(&self, meanings: &[Semantics]) -> Cow<'_, BTreeMap<usize, Library>> {
        if self.language.kind == Kind::Lists {
            return Cow::Borrowed(&self.lists);
        }
        let mut solved = Vec::new();
        for (symbol, of) in meanings.iter().enumerate().filter(|(_, of)| of.solved()) {
            let meaning = of.program.as_ref().and_then(Function::arithmetic);
            solved.extend(meaning.map(|meaning| Solved { symbol: symbol as u8, arity: of.arity, meaning }));
        }
        Cow::Owned(self.made(&solved, |symbol| !meanings[symbol].solved()))
    }

    /// Symbols of which only what is given is known.
    pub(super) fn ignorant(&self) -> Vec<Semantics> {
        let known = self.language.arity.iter().zip(&self.language.given);
        known
            .map(|(arity, given)| given.clone().map_or(Semantics::new(*arity), |p| Semantics::given(*arity, p)))
            .collect()
    }

    /// Sampled parses of a training sentence with their values; where it has pictures each with symbols of its own.
    pub(super) fn deduce(
        &self,
        sentence: &Sentence,
        perception: Option<&Perception>,
        parser: &Parser,
        semantics: &[Semantics],
        stream: &mut Stream,
    ) -> Vec<Deduced> {
        let pictures = sentence.pictures.as_slice();
        let one = |_| {
            let symbols = perception.map(|perception| perception.sample(pictures, stream));
            let symbols = symbols.as_ref().unwrap_or(&sentence.symbols);
            let parsed = parser.parse(symbols, &self.language, Some(stream))?;
            let Parsed { mut tree, transitions, arcs } = parsed;
            tree.deduce(semantics, Choice::Sampled(stream));
            let seen = perception.map_or(0.0, |perception| Seen { perception, pictures }.log_all(symbols));
            Some(Deduced { tree, transitions, arcs, seen })
        };
        (0..self.parses).filter_map(one).collect()
    }

    /// The most likely parse with its values, as a test asks for.
    pub(super) fn read(&self, symbols: &[u8], parser: &Parser, semantics: &[Semantics]) -> Option<Deduced> {
        let Parsed { mut tree, transitions, arcs } = parser.parse(symbols, &self.language, None)?;
        tree.deduce(semantics, Choice::Top);
        Some(Deduced { tree, transitions, arcs, seen: 0.0 })
    }

    /// A deduced tree, repaired if its answer is wrong and something may be changed: the tree that answers rightly, none
    /// if it could not be repaired; and what there is to see.
    pub(super) fn explain(
        &self,
        deduced: &Deduced,
        answer: &Value,
        semantics: &[Semantics],
        (changed, seen): (Option<Module>, Option<Seen<'_>>),
        stream: &mut Stream,
    ) -> (Option<Tree>, Shown) {
        let right = deduced.tree.answer() == Some(answer);
        let mut shown = Shown {
            tree: deduced.tree.clone(),
            repaired: deduced.tree.values.clone(),
            repair: None,
            arcs: deduced.arcs.clone(),
            answer: Some(answer.clone()),
        };
        if right {
            return (Some(deduced.tree.clone()), shown);
        }
        let Some(module) = changed else { return (None, shown) };
        let mut abduction = Abduction { semantics, kind: self.language.kind, seen, module, stream };
        let Some((tree, repair)) = abduction.repair(&deduced.tree, answer) else { return (None, shown) };
        shown.repaired.clone_from(&tree.values);
        shown.repair = Some(repair);
        (Some(tree), shown)
    }
}

/// The parse that programs explain best, with symbols that were seen as surely; of equals the first.
pub(super) fn best<'d>(deduced: &'d [Deduced], semantics: &[Semantics]) -> Option<&'d Deduced> {
    let mut found: Option<(&Deduced, f64)> = None;
    for one in deduced {
        let explained = one.tree.explained(semantics) + one.seen;
        if found.is_none_or(|(_, most)| explained > most) {
            found = Some((one, explained));
        }
    }
    found.map(|(one, _)| one)
}
