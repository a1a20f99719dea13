//! Which algorithm a model found (sheet, *Regimes*).

use std::fmt;

/// What training made of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// Gains along the sequence on tasks that it never saw.
    Learns,
    /// Finds out which of the seen tasks it is in.
    Identifies,
    /// Knows the seen tasks from the first token.
    Memorises,
    /// None of these.
    Fails,
}

/// Accuracies at the beginning and at the end of sequences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracies {
    /// Unseen tasks, positions 1 to 4.
    pub unseen_first: f64,
    /// Unseen tasks, the last 8 positions.
    pub unseen_last: f64,
    /// Seen tasks, held-out images: first and last; none if K = inf.
    pub seen: Option<(f64, f64)>,
}

impl Regime {
    /// The regime by the sheet's rule, in its order; `chance` is 1/C.
    pub fn of(accuracies: &Accuracies, chance: f64) -> Self {
        let Accuracies { unseen_first, unseen_last, seen } = *accuracies;
        if unseen_last - unseen_first >= 0.20 && unseen_last >= chance + 0.25 {
            return Regime::Learns;
        }
        match seen {
            Some((first, last)) if last - first >= 0.10 && last >= chance + 0.20 => Regime::Identifies,
            Some((first, _)) if first >= chance + 0.20 => Regime::Memorises,
            _ => Regime::Fails,
        }
    }

    /// The letter on the regime map.
    pub const fn letter(self) -> &'static str {
        match self {
            Regime::Learns => "L",
            Regime::Identifies => "I",
            Regime::Memorises => "M",
            Regime::Fails => "F",
        }
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Regime::Learns => "learns",
            Regime::Identifies => "identifies",
            Regime::Memorises => "memorises",
            Regime::Fails => "fails",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_follows_the_sheet() {
        let of = |unseen_first, unseen_last, seen| Regime::of(&Accuracies { unseen_first, unseen_last, seen }, 0.2);
        assert_eq!(of(0.3, 0.8, None), Regime::Learns);
        assert_eq!(of(0.2, 0.39, None), Regime::Fails);
        assert_eq!(of(0.3, 0.46, None), Regime::Fails);
        assert_eq!(of(0.2, 0.2, Some((0.94, 0.95))), Regime::Memorises);
        assert_eq!(of(0.2, 0.46, Some((0.59, 0.84))), Regime::Learns);
        assert_eq!(of(0.2, 0.21, Some((0.6, 0.92))), Regime::Identifies);
        assert_eq!(of(0.2, 0.2, Some((0.3, 0.35))), Regime::Fails);
    }
}
