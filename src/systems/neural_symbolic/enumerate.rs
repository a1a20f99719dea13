//! Bottom-up enumeration of list programs, cheapest first. Of programs that do the same on random probes only the
//! cheapest is kept and built upon (observational equivalence: Albarghouthi, Gulwani and Kincaid 2013; Udupa et al.
//! 2013).

use std::collections::HashSet;

use rand::RngExt;

use super::program::{Operation, Program};
use crate::base::random::Stream;

/// Probes on which programs are compared, and the length of their longest list.
const PROBES: usize = 12;
const LONGEST: usize = 6;

/// What parts of a program cost.
const ARGUMENT: usize = 1;
const NIL: usize = 1;
const TOKEN: usize = 3;
const OPERATION: usize = 2;
const JOIN: usize = 1;

/// Programs that differ, in order of their cost.
#[derive(Clone, Debug)]
pub(super) struct Library {
    /// Each with its cost.
    pub(super) programs: Vec<(usize, Program)>,
}

/// What a program does on every probe.
type Signature = Vec<Vec<u8>>;

impl Library {
    /// All programs of so many arguments up to a cost, with the one-token lists of so many tokens as constants.
    pub(super) fn new(arity: usize, most: usize, tokens: usize, stream: &mut Stream) -> Self {
        let probes = probes(arity, tokens, stream);
        let mut found = Bottom { seen: HashSet::new(), by_cost: vec![Vec::new(); most + 1] };
        for cost in 1..=most {
            found.leaves(cost, &probes, tokens);
            found.operations(cost);
            found.joins(cost);
        }
        let with_cost = |(cost, list): (usize, Vec<(Program, Signature)>)| {
            list.into_iter().map(move |(program, _)| (cost, program))
        };
        Library { programs: found.by_cost.into_iter().enumerate().flat_map(with_cost).collect() }
    }
}

/// Random arguments; the first probe has none but ().
fn probes(arity: usize, tokens: usize, stream: &mut Stream) -> Vec<Vec<Vec<u8>>> {
    let list = |probe: usize, stream: &mut Stream| {
        let length = if probe == 0 { 0 } else { stream.random_range(1..=LONGEST) };
        (0..length).map(|_| stream.random_range(0..tokens.max(LONGEST) as u8)).collect::<Vec<u8>>()
    };
    (0..PROBES).map(|probe| (0..arity).map(|_| list(probe, stream)).collect()).collect()
}

/// What was found so far, by cost, with its signature.
struct Bottom {
    seen: HashSet<Signature>,
    by_cost: Vec<Vec<(Program, Signature)>>,
}

impl Bottom {
    fn add(&mut self, cost: usize, program: Program, signature: Signature) {
        if self.seen.insert(signature.clone()) {
            self.by_cost[cost].push((program, signature));
        }
    }

    fn leaves(&mut self, cost: usize, probes: &[Vec<Vec<u8>>], tokens: usize) {
        let run = |program: &Program| {
            let on = |probe: &Vec<Vec<u8>>| program.run(&probe.iter().map(Vec::as_slice).collect::<Vec<_>>());
            probes.iter().map(on).collect::<Signature>()
        };
        let arity = probes.first().map_or(0, Vec::len);
        let mut leaves: Vec<Program> = Vec::new();
        if cost == ARGUMENT {
            leaves.extend((0..arity as u8).map(Program::Argument));
        }
        if cost == NIL {
            leaves.push(Program::Nil);
        }
        if cost == TOKEN {
            leaves.extend((0..tokens as u8).map(Program::Token));
        }
        for leaf in leaves {
            let signature = run(&leaf);
            self.add(cost, leaf, signature);
        }
    }

    fn operations(&mut self, cost: usize) {
        let Some(below) = cost.checked_sub(OPERATION) else { return };
        for operation in Operation::ALL {
            for (of, signature) in self.by_cost[below].clone() {
                let mut made = signature;
                made.iter_mut().for_each(|list| operation.apply(list));
                self.add(cost, Program::Of(operation, Box::new(of)), made);
            }
        }
    }

    fn joins(&mut self, cost: usize) {
        let Some(both) = cost.checked_sub(JOIN) else { return };
        for left_cost in 1..both {
            let (lefts, rights) = (self.by_cost[left_cost].clone(), self.by_cost[both - left_cost].clone());
            for (left, a) in &lefts {
                for (right, b) in &rights {
                    let joined = a.iter().zip(b).map(|(a, b)| [a.as_slice(), b].concat()).collect();
                    self.add(cost, Program::Join(Box::new(left.clone()), Box::new(right.clone())), joined);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn library(arity: usize, most: usize) -> Library {
        Library::new(arity, most, 6, &mut Key::new(3).stream())
    }

    #[test]
    fn every_function_of_scan_is_cheap_enough() {
        let x: &[u8] = &[2, 4, 1, 5];
        let y: &[u8] = &[3, 3];
        type Wanted<'w> = &'w dyn Fn(&[u8], &[u8]) -> Vec<u8>;
        let has = |library: &Library, wanted: Wanted<'_>, arguments: &[&[u8]]| {
            let second = arguments.get(1).copied().unwrap_or_default();
            library.programs.iter().any(|(_, program)| {
                let first: &[u8] = arguments[0];
                program.run(arguments) == wanted(first, second)
            })
        };
        let one = library(1, 8);
        assert!(has(&one, &|x, _| [&[4], x].concat(), &[x]), "left");
        assert!(has(&one, &|x, _| [&x[..1], x].concat(), &[x]), "opposite");
        assert!(has(&one, &|x, _| x.repeat(4), &[x]), "around");
        assert!(has(&one, &|x, _| x.repeat(3), &[x]), "thrice");
        let two = library(2, 5);
        assert!(has(&two, &|x, y| [x, y].concat(), &[x, y]) && has(&two, &|x, y| [y, x].concat(), &[x, y]));
        assert!((200..400).contains(&one.programs.len()), "{}", one.programs.len());
        assert!((80..200).contains(&two.programs.len()), "{}", two.programs.len());
    }

    #[test]
    fn no_two_programs_do_the_same_and_the_cheapest_comes_first() {
        let library = library(1, 7);
        // Two, so that a token of its own in place of the first or last is none of them.
        let probes: [&[u8]; 2] = [&[0, 1, 2, 3, 4, 5, 0], &[3, 5, 1, 1, 2, 4]];
        let mut costs: Vec<usize> = library.programs.iter().map(|(cost, _)| *cost).collect();
        assert!(costs.is_sorted() && costs.pop() == Some(7));
        let same = |wanted: fn(&[u8]) -> Vec<u8>| {
            let does =
                |(_, program): &&(usize, Program)| probes.iter().all(|probe| program.run(&[probe]) == wanted(probe));
            library.programs.iter().filter(does).count()
        };
        assert_eq!(same(<[u8]>::to_vec), 1, "the argument, and not its reverse reversed");
        assert_eq!(same(|probe| probe.repeat(2)), 1);
        let constants = Library::new(0, 7, 6, &mut Key::new(3).stream());
        assert_eq!(constants.programs.len(), 1 + 6 + 36, "(), one token, two tokens");
    }
}
