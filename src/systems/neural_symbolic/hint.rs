//! HINT as a language of symbols: numbers by their digits, four operators, and parentheses.

use super::function::Function;
use super::value::{Kind, Language, Sentence, Value};
use crate::tasks::hint::{Expression, Operator, Part, SYMBOLS};

/// The tests with the names of their metrics.
pub(super) const TESTS: [(Part, &str); 5] = [
    (Part::I, "accuracy_i"),
    (Part::ShortSmall, "accuracy_ss"),
    (Part::LongSmall, "accuracy_ls"),
    (Part::ShortLarge, "accuracy_sl"),
    (Part::LongLarge, "accuracy_ll"),
];

/// Digits and operators, whose arity is given; parentheses, of which it is given that they are worth nothing.
pub(super) fn language() -> Language {
    let nothing = |symbol: char| matches!(symbol, '(' | ')').then_some(Function::Nothing);
    Language {
        kind: Kind::Numbers,
        words: SYMBOLS.map(String::from).to_vec(),
        arity: SYMBOLS.map(|symbol| if Operator::of(symbol).is_some() { 2 } else { 0 }).to_vec(),
        classes: (0..SYMBOLS.len() as u8).collect(),
        given: SYMBOLS.map(nothing).to_vec(),
        tokens: (0..10).map(|digit: u8| digit.to_string()).collect(),
        constants: 0,
    }
}

/// An expression by its symbols; none where its value is beyond what a value can be.
pub(super) fn sentence(expression: &Expression, language: &Language) -> Option<Sentence> {
    let symbol = |symbol: char| language.symbol(symbol.encode_utf8(&mut [0; 4]));
    let symbols = expression.text.chars().map(symbol).collect::<Option<_>>()?;
    Some(Sentence { symbols, pictures: Vec::new(), answer: Value::Number(u32::try_from(expression.result).ok()?) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::abduction::{Abduction, Module, Seen};
    use super::super::arithmetic::Arithmetic;
    use super::super::perception::Perception;
    use super::super::semantics::{Choice, Semantics};
    use super::super::transitions::Action::{Left, Right, Shift};
    use super::super::transitions::State;
    use super::super::tree::Tree;
    use super::*;
    use crate::base::random::Key;
    use crate::base::threads::Pool;
    use crate::tasks::hint::{Limits, Pictures, Side, Sizes, enumerate, part};

    /// What the symbols mean, written by hand.
    fn gold(language: &Language) -> Vec<Semantics> {
        let argument = |i| Box::new(Arithmetic::Argument(i));
        let call = |word: &str, meaning: &Arithmetic, [left, right]: [u8; 2]| Arithmetic::Symbol {
            symbol: language.symbol(word).unwrap(),
            meaning: Box::new(meaning.clone()),
            arguments: vec![*argument(left), *argument(right)],
        };
        let plus = Arithmetic::Fold { base: argument(0), step: Box::new(Arithmetic::Inc(argument(0))) };
        let minus = Arithmetic::Fold { base: argument(0), step: Box::new(Arithmetic::Dec(argument(0))) };
        let times = Arithmetic::Fold { base: Box::new(Arithmetic::Zero), step: Box::new(call("+", &plus, [0, 1])) };
        let divide = Arithmetic::Count { next: Box::new(call("-", &minus, [0, 1])) };
        let digit = |digit: u32| (0..digit).fold(Arithmetic::Zero, |of, _| Arithmetic::Inc(Box::new(of)));
        let of = |(symbol, word): (usize, &String)| match word.as_str() {
            "+" => Function::Numbers(plus.clone()),
            "-" => Function::Numbers(minus.clone()),
            "*" => Function::Numbers(times.clone()),
            "/" => Function::Numbers(divide.clone()),
            "(" | ")" => Function::Nothing,
            _ => Function::Numbers(digit(symbol as u32)),
        };
        let meanings = language.words.iter().enumerate().map(of).zip(&language.arity);
        meanings.map(|(function, arity)| Semantics::given(*arity, function)).collect()
    }

    /// The value that a gold tree gives with the gold programs.
    fn value(expression: &Expression, language: &Language, meanings: &[Semantics]) -> Option<Value> {
        let mut tree = Tree::new(sentence(expression, language).unwrap().symbols, expression.heads.clone());
        tree.deduce(meanings, Choice::Top);
        tree.answer().cloned()
    }

    #[test]
    fn gold_trees_with_gold_programs_give_the_results() {
        let language = language();
        let meanings = gold(&language);
        for operators in 0..=1 {
            let trees = enumerate(operators);
            let all: Vec<Expression> = trees.iter().filter_map(Expression::of).collect();
            assert_eq!(all.len(), [10, 390][operators]);
            for one in &all {
                assert_eq!(value(one, &language, &meanings), Some(Value::Number(one.result as u32)), "{}", one.text);
            }
        }
        let limits = Limits { short: 4, long: 8, large: 10_000 };
        for (which, _) in TESTS {
            for one in part(which, &limits, &Sizes { train: 20, test: 20 }, Key::new(1)) {
                assert_eq!(value(&one, &language, &meanings), Some(Value::Number(one.result as u32)), "{}", one.text);
            }
        }
    }

    #[test]
    fn parentheses_hang_below_an_operator_and_are_no_argument() {
        let language = language();
        let symbols: Vec<u8> = "6*(5-2)".chars().map(|c| language.symbol(&c.to_string()).unwrap()).collect();
        let mut state = State::new(&symbols, &language);
        // ( 5 - 2 ) below the minus, that below the times.
        let actions = [Shift, Shift, Left, Shift, Shift, Shift, Left, Shift, Right, Left, Shift, Right, Right];
        for action in actions {
            assert!(state.legal()[action as usize], "{action:?}");
            state.take(action);
        }
        assert!(state.done());
        let mut tree = state.tree();
        assert_eq!(tree.heads, [Some(1), None, Some(4), Some(4), Some(1), Some(4), Some(4)]);
        let meanings = gold(&language);
        tree.deduce(&meanings, Choice::Top);
        assert_eq!((tree.values[2].clone(), tree.answer()), (Some(Value::Empty), Some(&Value::Number(18))));
        let mut state = State::new(&symbols[..3], &language);
        [Shift, Shift, Left, Shift].into_iter().for_each(|action| state.take(action));
        assert_eq!(state.legal(), [false, true, false], "a parenthesis heads nothing");
    }

    #[test]
    fn abduction_within_perception_takes_a_picture_for_another_symbol() {
        let (language, pictures) = (language(), Arc::new(Pictures::new(Key::new(1))));
        let meanings = gold(&language);
        let perception = Perception::new(pictures.clone(), Key::new(2), Pool::serial());
        let symbols = ["3", "+", "2"].map(|word| language.symbol(word).unwrap());
        let shown = pictures.symbols(&symbols, Side::Train, &mut Key::new(3).stream());
        let mut tree = Tree::new(symbols.to_vec(), vec![Some(1), None, Some(1)]);
        tree.deduce(&meanings, Choice::Top);
        let mut stream = Key::new(4).stream();
        let mut repair = |answer: u32, module: Module| {
            let seen = Some(Seen { perception: &perception, pictures: &shown });
            let mut abduction =
                Abduction { semantics: &meanings, kind: Kind::Numbers, seen, module, stream: &mut stream };
            abduction.repair(&tree, &Value::Number(answer))
        };
        let (repaired, found) = repair(6, Module::Perception).unwrap();
        assert_eq!((found.node, found.symbol), (1, language.symbol("*")));
        assert_eq!((repaired.symbols[1], repaired.answer()), (found.symbol.unwrap(), Some(&Value::Number(6))));
        assert_eq!(repair(7, Module::Perception), None, "no operator gives that, and nothing like it was seen");
        let (meant, found) = repair(6, Module::Meanings).unwrap();
        assert_eq!((meant.symbols, found.symbol, found.node), (symbols.to_vec(), None, 1));
    }
}
