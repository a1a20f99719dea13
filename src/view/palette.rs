//! Every command of a view by name: a list that typing narrows.

use super::{Action, App, Binding, Context, Field, KEYS};

/// The list as it stands.
#[derive(Clone, Debug)]
pub struct Palette {
    /// Where it was opened: its commands are those that work there.
    pub contexts: Vec<Context>,
    /// What was typed.
    pub field: Field,
    /// The selected line among those that are shown.
    pub selected: usize,
}

impl Palette {
    /// All commands of a view.
    pub fn of(contexts: Vec<Context>) -> Self {
        Palette { contexts, field: Field::default(), selected: 0 }
    }

    /// The commands that have every word that was typed, in the order of the key table.
    pub fn shown(&self) -> Vec<&'static Binding> {
        let words: Vec<String> = self.field.text.split_whitespace().map(str::to_lowercase).collect();
        let fits = |binding: &&Binding| {
            let text = format!("{} {:?} {}", binding.label, binding.action, binding.help).to_lowercase();
            let here = self.contexts.contains(&binding.context) && binding.action != Action::Palette;
            here && words.iter().all(|word| text.contains(word.as_str()))
        };
        KEYS.iter().filter(fits).collect()
    }

    /// Takes over what is typed; the selection begins anew.
    pub fn typed(&mut self, field: Field) {
        (self.field, self.selected) = (field, 0);
    }

    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        let last = self.shown().len().max(1) as isize - 1;
        self.selected = (self.selected as isize).saturating_add(by).clamp(0, last) as usize;
    }

    /// The selected command.
    pub fn chosen(&self) -> Option<&'static Binding> {
        self.shown().get(self.selected).copied()
    }
}

impl App {
    /// Why a command does nothing now; nothing if it does something.
    pub fn why_not(&self, binding: &Binding) -> Option<String> {
        self.enabled(binding).err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_narrows_the_commands_of_the_view() {
        let mut palette = Palette::of(vec![Context::Run, Context::Panels, Context::Anywhere]);
        let all = palette.shown();
        assert!(all.iter().any(|b| b.action == Action::Stop) && all.iter().any(|b| b.action == Action::Leave));
        assert!(all.iter().all(|b| b.context != Context::Home && b.action != Action::Palette));
        palette.step(3);
        palette.typed(Field::new("logit AXIS"));
        assert_eq!((palette.selected, palette.chosen().map(|b| b.action)), (0, Some(Action::Scale)));
        palette.typed(Field::new("no such thing"));
        palette.step(5);
        assert_eq!((palette.selected, palette.chosen().map(|b| b.action)), (0, None));
    }
}
