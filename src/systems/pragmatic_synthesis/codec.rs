//! Programs and examples as tokens. Letters are one token wherever they stand. To the listener an example is its
//! position, its string and its label; to the speaker the label comes before the string, as in the authors' code.

use super::world::Example;
use crate::tasks::regexes::{ATOMS, LONGEST, MOST_PARTS, Part, Program, REPEATS, letters, number};
use crate::training::sequence_to_sequence::{Pair, SPECIALS};

/// Tokens of an example: position, letters, label.
pub(super) const EXAMPLE: usize = LONGEST + 2;

const ATOM: usize = SPECIALS;
/// The first repeat, once, has no token.
const REPEAT: usize = ATOM + ATOMS.len();
const LABEL: usize = REPEAT + REPEATS.len() - 1;
const POSITION: usize = LABEL + 2;

/// Tokens where a specification has so many examples.
pub(super) const fn vocabulary(examples: usize) -> usize {
    POSITION + examples
}

fn label(example: Example) -> u32 {
    (LABEL + usize::from(example.holds())) as u32
}

fn string(example: Example) -> impl Iterator<Item = u32> {
    letters(example.string()).into_iter().map(|letter| (ATOM + usize::from(letter)) as u32)
}

/// A program, part by part.
fn program(program: &Program) -> Vec<u32> {
    let part = |part: &Part| {
        let repeat = (part.repeat > 0).then(|| (REPEAT + usize::from(part.repeat) - 1) as u32);
        [(ATOM + usize::from(part.atom)) as u32].into_iter().chain(repeat)
    };
    program.parts().iter().flat_map(part).collect()
}

/// The program of tokens, if they are one.
pub(super) fn read_program(tokens: &[u32]) -> Option<Program> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open = false;
    for token in tokens {
        match *token as usize {
            token @ ATOM..REPEAT => {
                parts.push(Part { atom: (token - ATOM) as u8, repeat: 0 });
                open = true;
            }
            token @ REPEAT..LABEL if open => {
                parts.last_mut()?.repeat = (token - REPEAT + 1) as u8;
                open = false;
            }
            _ => return None,
        }
    }
    (1..=MOST_PARTS).contains(&parts.len()).then(|| Program::new(parts))
}

/// The example of a label and letters, if they are one.
pub(super) fn read_example(tokens: &[u32]) -> Option<Example> {
    let (first, rest) = tokens.split_first()?;
    let holds = (*first as usize).checked_sub(LABEL).filter(|label| *label < 2)? == 1;
    let letter = |token: &u32| Some((*token as usize).checked_sub(ATOM)? as u8);
    Some(Example::new(number(&rest.iter().map(letter).collect::<Option<Vec<u8>>>()?)?, holds))
}

/// What the listener reads.
pub(super) fn heard(examples: &[Example]) -> Vec<u32> {
    let one = |(at, example): (usize, &Example)| {
        [(POSITION + at) as u32].into_iter().chain(string(*example)).chain([label(*example)])
    };
    examples.iter().enumerate().flat_map(one).collect()
}

/// What the speaker reads: its program and what it said.
pub(super) fn asked(of: &Program, said: &[Example]) -> Vec<u32> {
    let one = |(at, example): (usize, &Example)| {
        [(POSITION + at) as u32, label(*example)].into_iter().chain(string(*example))
    };
    program(of).into_iter().chain(said.iter().enumerate().flat_map(one)).collect()
}

/// What the listener is to write for examples.
pub(super) fn listening(examples: &[Example], of: &Program) -> Pair {
    Pair { source: heard(examples), target: program(of) }
}

/// What the speaker is to say next.
pub(super) fn speaking(of: &Program, said: &[Example], next: Example) -> Pair {
    Pair { source: asked(of, said), target: [label(next)].into_iter().chain(string(next)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::regexes::STRINGS;

    #[test]
    fn tokens_are_read_back_and_others_are_nothing() {
        for text in ["a", "[a-z]{1,2}0?", "A{2}[0-9]{1,}b"] {
            let of = Program::parse(text).unwrap();
            assert_eq!(read_program(&program(&of)), Some(of));
        }
        for example in (0..STRINGS).flat_map(|string| [false, true].map(|holds| Example::new(string, holds))) {
            let pair = speaking(&Program::parse("a").unwrap(), &[], example);
            assert_eq!(read_example(&pair.target), Some(example));
        }
        let (repeat, label) = (REPEAT as u32, LABEL as u32);
        for wrong in [&[][..], &[repeat], &[3, repeat, repeat], &[label], &[3, 4, 5, 3]] {
            assert_eq!(read_program(wrong), None, "{wrong:?}");
        }
        for wrong in [&[][..], &[3], &[label], &[label, label], &[label, 3, 3, 3, 3], &[label, repeat]] {
            assert_eq!(read_example(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_specification_is_as_long_as_its_examples() {
        let examples = [Example::new(257, true), Example::new(0, false)];
        let of = Program::parse("a{2}b").unwrap();
        assert_eq!(listening(&examples, &of).source.len(), EXAMPLE + 3);
        assert_eq!(asked(&of, &examples).len(), 3 + EXAMPLE + 3);
        assert!(heard(&examples).iter().all(|token| (*token as usize) < vocabulary(2)));
    }
}
