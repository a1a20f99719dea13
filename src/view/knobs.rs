//! The knobs of a run: values that may be turned while it runs.

use super::Field;
use crate::contract::{Knob, Turn};

/// The knobs as they stand.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// What the system lets be turned.
    pub knobs: &'static [Knob],
    /// The selected one.
    pub selected: usize,
    /// The value being typed.
    pub typing: Option<Field>,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Knobs {
    /// The knobs of a system.
    pub const fn of(knobs: &'static [Knob]) -> Self {
        Knobs { knobs, selected: 0, typing: None, error: None }
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        let last = self.knobs.len().max(1) as isize - 1;
        self.selected = (self.selected as isize).saturating_add(by).clamp(0, last) as usize;
    }

    /// The turn that was typed, for all trials that run; `error` says what is wrong with it.
    pub fn turn(&mut self) -> Option<Turn> {
        let (knob, text) = (self.knobs.get(self.selected)?, self.typing.as_ref()?.text.trim());
        let value = text.parse().map_err(|_| format!("`{text}` is no number"));
        let checked = value.and_then(|value| Knob::check(self.knobs, knob.name, value).map(|()| value));
        match checked {
            Ok(value) => {
                (self.typing, self.error) = (None, None);
                Some(Turn { knob: knob.name.to_owned(), value, trial: None })
            }
            Err(why) => {
                self.error = Some(why);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static KNOBS: [Knob; 1] = [Knob { name: "rate", about: "how fast", range: (0.0, 1.0) }];

    #[test]
    fn a_value_is_checked_before_it_is_turned() {
        let mut knobs = Knobs::of(&KNOBS);
        for (text, told) in [("fast", "`fast` is no number"), ("3", "rate takes 0 to 1, not 3")] {
            knobs.typing = Some(Field::new(text));
            assert!(knobs.turn().is_none());
            assert_eq!(knobs.error.as_deref(), Some(told));
        }
        knobs.typing = Some(Field::new(" 1e-3 "));
        let turn = knobs.turn().unwrap();
        assert_eq!((turn.knob.as_str(), turn.value, knobs.typing, knobs.error), ("rate", 1e-3, None, None));
    }
}
