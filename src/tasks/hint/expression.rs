//! Expressions: trees of operators over digits, their text with as few parentheses as can be, their values.

use super::text::heads_of;
use rand::RngExt;

use crate::base::random::Stream;

/// All symbols of the text.
pub const SYMBOLS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '-', '*', '/', '(', ')'];

/// The largest value that training shows.
pub const LARGEST_SMALL: u64 = 100;

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// a + b.
    Plus,
    /// max(0, a - b).
    Minus,
    /// a b.
    Times,
    /// a / b, rounded up; none where b = 0.
    Divide,
}

impl Operator {
    /// All.
    pub const ALL: [Operator; 4] = [Operator::Plus, Operator::Minus, Operator::Times, Operator::Divide];

    /// Its symbol.
    pub const fn symbol(self) -> char {
        match self {
            Operator::Plus => '+',
            Operator::Minus => '-',
            Operator::Times => '*',
            Operator::Divide => '/',
        }
    }

    /// By its symbol.
    pub fn of(symbol: char) -> Option<Operator> {
        Operator::ALL.into_iter().find(|operator| operator.symbol() == symbol)
    }

    /// 2 where it binds more strongly than 1.
    pub const fn precedence(self) -> u8 {
        match self {
            Operator::Plus | Operator::Minus => 1,
            Operator::Times | Operator::Divide => 2,
        }
    }

    /// What it gives, where it is defined.
    pub fn apply(self, a: u64, b: u64) -> Option<u64> {
        match self {
            Operator::Plus => a.checked_add(b),
            Operator::Minus => Some(a.saturating_sub(b)),
            Operator::Times => a.checked_mul(b),
            Operator::Divide => (b > 0).then(|| a.div_ceil(b)),
        }
    }
}

/// A tree over digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tree {
    /// A digit, 0 to 9.
    Digit(u8),
    /// An operator over its two sides.
    Apply(Operator, Box<[Tree; 2]>),
}

impl Tree {
    /// A random tree: at each operator, uniform among the four, the size of the left side is uniform.
    pub fn random(stream: &mut Stream, operators: usize) -> Tree {
        if operators == 0 {
            return Tree::Digit(stream.random_range(0..10));
        }
        let operator = Operator::ALL[stream.random_range(0..4)];
        let left = stream.random_range(0..operators);
        let sides = [left, operators - 1 - left].map(|operators| Tree::random(stream, operators));
        Tree::Apply(operator, Box::new(sides))
    }

    /// Its value and the largest value inside it; none where something is divided by zero.
    pub fn value(&self) -> Option<[u64; 2]> {
        match self {
            Tree::Digit(digit) => Some([u64::from(*digit); 2]),
            Tree::Apply(operator, sides) => {
                let [a, b] = [sides[0].value()?, sides[1].value()?];
                let value = operator.apply(a[0], b[0])?;
                Some([value, value.max(a[1]).max(b[1])])
            }
        }
    }

    /// The text, operators between their sides, with parentheses only where they are needed: all are left-associative.
    pub fn text(&self) -> String {
        match self {
            Tree::Digit(digit) => digit.to_string(),
            Tree::Apply(operator, sides) => {
                let weaker = |side: &Tree, least: u8| matches!(side, Tree::Apply(of, _) if of.precedence() < least);
                let bracketed = |side: &Tree, is: bool| if is { format!("({})", side.text()) } else { side.text() };
                let precedence = operator.precedence();
                let left = bracketed(&sides[0], weaker(&sides[0], precedence));
                let right = bracketed(&sides[1], weaker(&sides[1], precedence + 1));
                format!("{left}{}{right}", operator.symbol())
            }
        }
    }
}

/// Every tree of so many operators.
pub fn enumerate(operators: usize) -> Vec<Tree> {
    if operators == 0 {
        return (0..10).map(Tree::Digit).collect();
    }
    let mut all = Vec::new();
    for left in 0..operators {
        let (lefts, rights) = (enumerate(left), enumerate(operators - 1 - left));
        for operator in Operator::ALL {
            for a in &lefts {
                all.extend(rights.iter().map(|b| Tree::Apply(operator, Box::new([a.clone(), b.clone()]))));
            }
        }
    }
    all
}

/// An expression as it is given to learners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Its symbols.
    pub text: String,
    /// The place of each symbol's head; none for the root. A parenthesis hangs on the operator that it encloses.
    pub heads: Vec<Option<usize>>,
    /// Its value.
    pub result: u64,
    /// The largest value inside it.
    pub largest: u64,
}

impl Expression {
    /// Of a tree; none where something is divided by zero.
    pub fn of(tree: &Tree) -> Option<Expression> {
        let [result, largest] = tree.value()?;
        let text = tree.text();
        let heads = heads_of(&text).expect("a tree is written as an expression");
        Some(Expression { text, heads, result, largest })
    }

    /// Operators in it.
    pub fn operators(&self) -> usize {
        self.text.chars().filter(|symbol| Operator::of(*symbol).is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::tree_of;
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn there_are_as_many_small_expressions_as_the_authors_counted() {
        let values =
            |operators: usize| -> Vec<[u64; 2]> { enumerate(operators).iter().filter_map(Tree::value).collect() };
        assert_eq!((values(0).len(), values(1).len()), (10, 390));
        let two = values(2);
        let small = two.iter().filter(|[_, largest]| *largest <= LARGEST_SMALL).count();
        assert_eq!((two.len(), small), (29_970, 29_230));
    }

    #[test]
    fn values_are_those_of_the_sheet() {
        let value = |text: &str| tree_of(text).unwrap().value().map(|[value, _]| value);
        assert_eq!(["6*(5-2)", "7/2", "3-5", "9-2-3", "8/2/2", "2+3*4"].map(value), [18, 4, 0, 4, 2, 14].map(Some));
        assert_eq!(value("1+3/(2-2)"), None);
    }

    #[test]
    fn a_text_has_just_the_parentheses_it_needs() {
        let mut stream = Key::new(1).stream();
        for operators in (0..12).cycle().take(300) {
            let tree = Tree::random(&mut stream, operators);
            let text = tree.text();
            assert_eq!(tree_of(&text).unwrap(), tree, "{text}");
            for (at, _) in text.match_indices('(') {
                let close = closing(&text, at);
                let without: String =
                    text.char_indices().filter(|(i, _)| *i != at && *i != close).map(|(_, c)| c).collect();
                assert_ne!(tree_of(&without).unwrap(), tree, "{text}");
            }
        }
    }

    fn closing(text: &str, open: usize) -> usize {
        let mut depth = 0;
        let at = text[open..].find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        open + at.unwrap()
    }
}
