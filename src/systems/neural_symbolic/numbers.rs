//! Bottom-up enumeration of programs over numbers, cheapest first, as that of lists in `enumerate`: of programs that do
//! the same on all probes only the cheapest is kept and built upon.

use std::collections::HashSet;

use rand::RngExt;

use super::arithmetic::Arithmetic;
use crate::base::random::Stream;

/// Probes on which programs are compared, and their largest number.
const PROBES: usize = 24;
const LARGEST: u32 = 12;
/// Steps of a program on a probe.
const FUEL: u32 = 4000;
/// Programs that are kept, at most: a library with many symbols in it grows fast.
const MOST: usize = 3000;

/// What parts of a program cost, beside what they are made of.
const LEAF: usize = 1;
const STEP: usize = 1;
const RECURSION: usize = 2;
/// Cost up to which the base of a recursion is tried.
const BASE: usize = 2;

/// Programs that differ, in order of their cost.
#[derive(Clone, Debug)]
pub(super) struct Library {
    /// Each with its cost.
    pub(super) programs: Vec<(usize, Arithmetic)>,
}

/// A symbol that is solved: programs may use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solved<'s> {
    /// Which.
    pub(super) symbol: u8,
    /// Arguments that it takes.
    pub(super) arity: usize,
    /// What it means.
    pub(super) meaning: &'s Arithmetic,
}

/// What a program gives on every probe.
type Signature = Vec<Option<u32>>;

impl Library {
    /// All programs of so many arguments up to a cost. Recursion is over two arguments. Constants are made of solved
    /// constants, functions of solved functions.
    pub(super) fn new(arity: usize, most: usize, solved: &[Solved<'_>], stream: &mut Stream) -> Self {
        let bases = if arity == 2 { Library::new(1, BASE.min(most), &[], stream).programs } else { Vec::new() };
        let mut found = Bottom { probes: probes(arity, stream), seen: HashSet::new(), by_cost: vec![vec![]; most + 1] };
        let solved: Vec<Solved<'_>> = solved.iter().copied().filter(|of| (of.arity == 0) == (arity == 0)).collect();
        for cost in 1..=most {
            for program in candidates(cost, arity, &found.by_cost, &solved, &bases) {
                if found.seen.len() < MOST {
                    found.add(cost, program);
                }
            }
        }
        let with_cost = |(cost, list): (usize, Vec<Arithmetic>)| list.into_iter().map(move |program| (cost, program));
        Library { programs: found.by_cost.into_iter().enumerate().flat_map(with_cost).collect() }
    }
}

/// Arguments on which programs are compared: small ones and those with 0, then random ones.
fn probes(arity: usize, stream: &mut Stream) -> Vec<Vec<u32>> {
    let number = |probe: usize, place: usize, stream: &mut Stream| {
        let drawn = stream.random_range(0..=LARGEST);
        if probe < 4 && (probe >> place) & 1 == 0 { 0 } else { drawn }
    };
    (0..PROBES).map(|probe| (0..arity).map(|place| number(probe, place, stream)).collect()).collect()
}

/// What was found so far, by cost.
struct Bottom {
    probes: Vec<Vec<u32>>,
    seen: HashSet<Signature>,
    by_cost: Vec<Vec<Arithmetic>>,
}

impl Bottom {
    fn add(&mut self, cost: usize, program: Arithmetic) {
        let on = |probe: &Vec<u32>| program.run(probe, &mut { FUEL });
        let signature: Signature = self.probes.iter().map(on).collect();
        if signature.iter().any(Option::is_some) && self.seen.insert(signature) {
            self.by_cost[cost].push(program);
        }
    }
}

/// Programs of a cost, made of cheaper ones.
fn candidates(
    cost: usize,
    arity: usize,
    cheaper: &[Vec<Arithmetic>],
    solved: &[Solved<'_>],
    bases: &[(usize, Arithmetic)],
) -> Vec<Arithmetic> {
    let mut made = Vec::new();
    if cost == LEAF {
        made.extend((0..arity as u8).map(Arithmetic::Argument));
        made.push(Arithmetic::Zero);
    }
    let inside = cost.saturating_sub(STEP);
    let of = |cost: usize| cheaper.get(cost).map_or(&[][..], Vec::as_slice);
    for program in of(inside) {
        made.push(Arithmetic::Inc(Box::new(program.clone())));
        made.push(Arithmetic::Dec(Box::new(program.clone())));
    }
    for symbol in solved {
        made.extend(parted(inside, symbol.arity, cheaper).into_iter().map(|arguments| Arithmetic::Symbol {
            symbol: symbol.symbol,
            meaning: Box::new(symbol.meaning.clone()),
            arguments,
        }));
    }
    let triples = parted(inside, 3, cheaper).into_iter().filter_map(|parts| <[Arithmetic; 3]>::try_from(parts).ok());
    made.extend(triples.map(|parts| Arithmetic::If0(Box::new(parts))));
    if arity == 2 {
        let Some(inside) = cost.checked_sub(RECURSION) else { return made };
        made.extend(of(inside).iter().map(|next| Arithmetic::Count { next: Box::new(next.clone()) }));
        for (base_cost, base) in bases.iter().filter(|(base_cost, _)| *base_cost < inside) {
            let fold =
                |step: &Arithmetic| Arithmetic::Fold { base: Box::new(base.clone()), step: Box::new(step.clone()) };
            made.extend(of(inside - base_cost).iter().map(fold));
        }
    }
    made
}

/// Lists of so many programs whose costs sum up to `cost`.
fn parted(cost: usize, count: usize, cheaper: &[Vec<Arithmetic>]) -> Vec<Vec<Arithmetic>> {
    if count == 0 {
        return if cost == 0 { vec![Vec::new()] } else { Vec::new() };
    }
    let mut lists = Vec::new();
    for first_cost in 1..=cost {
        let Some(firsts) = cheaper.get(first_cost) else { break };
        let rests = parted(cost - first_cost, count - 1, cheaper);
        // By the first argument: of f + x and x + f the former comes first, which counts up by the smaller number.
        for first in firsts {
            lists.extend(rests.iter().map(|rest| [std::slice::from_ref(first), rest].concat()));
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::super::arithmetic;
    use super::*;
    use crate::base::random::Key;

    fn library(arity: usize, most: usize, solved: &[Solved<'_>]) -> Library {
        Library::new(arity, most, solved, &mut Key::new(3).stream())
    }

    /// The cheapest program that is a function on a table of small numbers.
    fn find(library: &Library, wanted: fn(u32, u32) -> Option<u32>) -> Option<Arithmetic> {
        let pairs = || (0..10).flat_map(|x| (0..10).map(move |y| (x, y)));
        let same = |program: &Arithmetic| pairs().all(|(x, y)| program.run(&[x, y], &mut { FUEL }) == wanted(x, y));
        library.programs.iter().map(|(_, program)| program).find(|program| same(program)).cloned()
    }

    #[test]
    fn the_operators_are_found_one_on_the_other() {
        let first = library(2, 6, &[]);
        let plus = find(&first, |x, y| Some(x + y)).unwrap();
        let minus = find(&first, |x, y| Some(x.saturating_sub(y))).unwrap();
        assert_eq!(find(&first, |x, y| Some(x * y)), None, "nothing so cheap multiplies by itself");
        let ratio = |x: u32, y: u32| if x == 0 { Some(0) } else { (y > 0).then(|| x.div_ceil(y)) };
        assert_eq!(find(&first, ratio), None);
        let solved = [(10, &plus), (11, &minus)].map(|(symbol, meaning)| Solved { symbol, arity: 2, meaning });
        let second = library(2, 6, &solved);
        let times = find(&second, |x, y| Some(x * y)).unwrap();
        let divide = find(&second, ratio).unwrap();
        assert_eq!(times.run(&[123, 81], &mut { arithmetic::FUEL }), Some(9963));
        assert_eq!(divide.run(&[10_000, 3], &mut { arithmetic::FUEL }), Some(3334));
        assert_eq!(divide.run(&[5, 0], &mut { arithmetic::FUEL }), None, "never ends");
        assert_eq!(times.run(&[100_000, 100_000], &mut { arithmetic::FUEL }), None, "takes too long");
        assert!(second.programs.len() < MOST, "{}", second.programs.len());
    }

    #[test]
    fn constants_are_numbers_and_build_on_one_another() {
        let alone = library(0, 10, &[]);
        let values: Vec<Option<u32>> = alone.programs.iter().map(|(_, of)| of.run(&[], &mut { FUEL })).collect();
        assert_eq!(values, (0..10).map(Some).collect::<Vec<_>>());
        let eight = alone.programs[8].1.clone();
        let built = library(0, 3, &[Solved { symbol: 8, arity: 0, meaning: &eight }]);
        let nine = built.programs.iter().find(|(_, of)| of.run(&[], &mut { FUEL }) == Some(9));
        assert_eq!(nine.map(|(cost, _)| *cost), Some(2), "inc of a symbol");
    }
}
