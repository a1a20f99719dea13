//! Programs over natural numbers: 0, inc, dec, if0, symbols that were learned earlier, and two templates of recursion.

use serde::{Deserialize, Serialize};

use super::value::Language;

/// Steps that a run may take: a wrong tree may count on and on.
pub(super) const FUEL: u32 = 200_000;

/// A program: an expression over its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Arithmetic {
    /// An argument by its number.
    Argument(u8),
    /// 0.
    Zero,
    /// One more.
    Inc(Box<Arithmetic>),
    /// One less; 0 of 0.
    Dec(Box<Arithmetic>),
    /// The second where the first is 0, else the third.
    If0(Box<[Arithmetic; 3]>),
    /// A symbol that is solved, applied to arguments.
    Symbol {
        /// Which symbol, for its word.
        symbol: u8,
        /// What it means.
        meaning: Box<Arithmetic>,
        /// What it is applied to.
        arguments: Vec<Arithmetic>,
    },
    /// f(x, 0) = base(x), f(x, n) = step(f(x, n - 1), x).
    Fold {
        /// Over x.
        base: Box<Arithmetic>,
        /// Over f(x, n - 1) and x.
        step: Box<Arithmetic>,
    },
    /// f(0, y) = 0, f(x, y) = inc f(next(x, y), y); undefined where that never ends.
    Count {
        /// Over x and y.
        next: Box<Arithmetic>,
    },
}

impl Arithmetic {
    /// Its value on arguments; none where it is undefined or takes more steps than there is fuel.
    pub(super) fn run(&self, arguments: &[u32], fuel: &mut u32) -> Option<u32> {
        *fuel = fuel.checked_sub(1)?;
        match self {
            Arithmetic::Argument(i) => arguments.get(usize::from(*i)).copied(),
            Arithmetic::Zero => Some(0),
            Arithmetic::Inc(of) => of.run(arguments, fuel)?.checked_add(1),
            Arithmetic::Dec(of) => Some(of.run(arguments, fuel)?.saturating_sub(1)),
            Arithmetic::If0(parts) => {
                let [asked, then, other] = &**parts;
                if asked.run(arguments, fuel)? == 0 { then } else { other }.run(arguments, fuel)
            }
            Arithmetic::Symbol { meaning, arguments: of, .. } => {
                let values = of.iter().map(|of| of.run(arguments, fuel)).collect::<Option<Vec<u32>>>()?;
                meaning.run(&values, fuel)
            }
            Arithmetic::Fold { base, step } => {
                let [x, times] = *arguments else { return None };
                let first = base.run(&[x], fuel)?;
                (0..times).try_fold(first, |value, _| step.run(&[value, x], fuel))
            }
            Arithmetic::Count { next } => {
                let [mut left, by] = *arguments else { return None };
                let mut count = 0;
                while left > 0 {
                    let less = next.run(&[left, by], fuel)?;
                    // What does not change does not end.
                    (less != left).then_some(())?;
                    (left, count) = (less, count + 1);
                }
                Some(count)
            }
        }
    }

    /// As people read it: `f(x, 0) = x; f(x, n) = inc(f)`.
    pub(super) fn text(&self, language: &Language) -> String {
        self.named(language, ["x", "y"])
    }

    fn named(&self, language: &Language, names: [&str; 2]) -> String {
        let inner = |of: &Arithmetic| of.named(language, names);
        match self {
            Arithmetic::Argument(i) => names.get(usize::from(*i)).copied().unwrap_or("?").into(),
            Arithmetic::Zero => "0".into(),
            Arithmetic::Inc(of) => format!("inc({})", inner(of)),
            Arithmetic::Dec(of) => format!("dec({})", inner(of)),
            Arithmetic::If0(parts) => format!("if0({}, {}, {})", inner(&parts[0]), inner(&parts[1]), inner(&parts[2])),
            Arithmetic::Symbol { symbol, arguments, .. } => {
                let word = &language.words[usize::from(*symbol)];
                match &arguments.iter().map(inner).collect::<Vec<_>>()[..] {
                    [] => format!("`{word}`"),
                    [left, right] => format!("({left} {word} {right})"),
                    others => format!("{word}({})", others.join(", ")),
                }
            }
            Arithmetic::Fold { base, step } => {
                let step = step.named(language, ["f", "x"]);
                format!("f(x, 0) = {}; f(x, n) = {step}", base.named(language, ["x", "?"]))
            }
            Arithmetic::Count { next } => {
                format!("f(0, y) = 0; f(x, y) = inc(f({}, y))", next.named(language, ["x", "y"]))
            }
        }
    }
}
