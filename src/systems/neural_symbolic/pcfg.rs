//! PCFG SET as a language of symbols, as in the authors' code: arguments are renamed by their first appearance, a comma
//! ends every string, and a string is a chain of functions that each put their own token before what follows.

use super::function::Function;
use super::program::Program;
use super::value::{Kind, Language, Sentence, Value};
use crate::tasks::pcfg_set::{Example, FUNCTIONS, function};

/// Different arguments of a line, at most.
pub(super) const ARGUMENTS: usize = 120;
/// Tokens of an answer, at most: a few lines repeat themselves to thousands.
const LONGEST: usize = 300;

/// Ten functions whose arity is given; the comma and the arguments, whose meaning is.
pub(super) fn language() -> Language {
    let functions = FUNCTIONS.len();
    let names = FUNCTIONS.iter().map(|function| function.name.to_owned());
    let arguments = (0..ARGUMENTS).map(|argument| argument.to_string());
    let before = |token: usize| {
        let token = Program::Token(token as u8);
        Function::Lists(Program::Join(Box::new(token), Box::new(Program::Argument(0))))
    };
    let arity = FUNCTIONS.iter().map(|function| if function.binary { 2 } else { 1 });
    let classes = (0..=functions).chain(std::iter::repeat_n(functions + 1, ARGUMENTS));
    let given = std::iter::repeat_n(None, functions).chain([Some(Function::Lists(Program::Nil))]);
    Language {
        kind: Kind::Lists,
        words: names.chain([",".into()]).chain(arguments.clone()).collect(),
        arity: arity.chain([0]).chain(std::iter::repeat_n(1, ARGUMENTS)).collect(),
        classes: classes.map(|class| class as u8).collect(),
        given: given.chain((0..ARGUMENTS).map(|token| Some(before(token)))).collect(),
        tokens: arguments.collect(),
        constants: 0,
    }
}

/// A line with a comma behind it; none where it has too many arguments or too long an answer.
pub(super) fn sentence(example: &Example, language: &Language) -> Option<Sentence> {
    let mut arguments: Vec<&str> = Vec::new();
    let comma = FUNCTIONS.len();
    let mut symbols = Vec::with_capacity(example.source.len() + 1);
    for word in &example.source {
        let known = (word == "," || function(word).is_some()).then(|| language.symbol(word)).flatten();
        symbols.push(known.unwrap_or_else(|| {
            let number = arguments.iter().position(|known| known == word).unwrap_or_else(|| {
                arguments.push(word);
                arguments.len() - 1
            });
            (comma + 1 + number.min(ARGUMENTS)).min(usize::from(u8::MAX)) as u8
        }));
    }
    symbols.push(comma as u8);
    let token = |word: &String| arguments.iter().position(|known| known == word).map(|number| number as u8);
    let answer: Option<Vec<u8>> = example.target.iter().map(token).collect();
    let fits = arguments.len() <= ARGUMENTS && example.target.len() <= LONGEST;
    fits.then_some(Sentence { symbols, pictures: Vec::new(), answer: Value::List(answer?) })
}

#[cfg(test)]
mod tests {
    use super::super::machine::{Costs, Machine};
    use super::super::semantics::Choice;
    use super::super::tree::Tree;
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn a_line_becomes_chains_that_end_in_commas() {
        let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
        let example = Example { source: words("repeat append I19 V5 , B10"), target: words("I19 V5 B10 I19 V5 B10") };
        let language = language();
        let sentence = sentence(&example, &language).unwrap();
        let read: Vec<&str> = sentence.symbols.iter().map(|s| language.words[usize::from(*s)].as_str()).collect();
        assert_eq!(read.join(" "), "repeat append 0 1 , 2 ,");
        assert_eq!(sentence.answer, Value::List(vec![0, 1, 2, 0, 1, 2]));
        // The strings are worth what they say before anything is learned.
        let machine = Machine::new(language, Some(Costs { one: 5, two: 3 }), 1, Key::new(1));
        let heads = [None, Some(0), Some(1), Some(2), Some(3), Some(1), Some(5)];
        let mut tree = Tree::new(sentence.symbols, heads.to_vec());
        tree.deduce(&machine.ignorant(), Choice::Top);
        assert_eq!(
            (tree.values[2].clone(), tree.values[5].clone()),
            (Some(Value::List(vec![0, 1])), Some(Value::List(vec![2])))
        );
        assert_eq!(tree.answer(), None);
    }
}
