//! Small questions over a screen: a note, a tag, a checkpoint to go back to.

use super::Field;
use crate::contract::{Annotation, Annotations};

/// What is being typed about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// A note.
    Note,
    /// A tag; one that the run has already is taken off.
    Tag,
}

/// Words about a run, while they are typed.
#[derive(Clone, Debug)]
pub struct Writing {
    /// What they are.
    pub words: Words,
    /// The words so far.
    pub field: Field,
    /// What was said of the run before.
    pub before: Annotations,
    /// What is wrong with them.
    pub error: Option<String>,
}

impl Writing {
    /// Nothing typed yet.
    pub fn of(words: Words, before: Annotations) -> Self {
        Writing { words, field: Field::default(), before, error: None }
    }

    /// What was typed; `error` says what is wrong with it.
    pub fn annotation(&mut self) -> Option<Annotation> {
        let text = self.field.text.trim().to_owned();
        let annotation = match self.words {
            Words::Note => Annotation::Note(text),
            Words::Tag if self.before.tags.contains(&text) => Annotation::Untag(text),
            Words::Tag => Annotation::Tag(text),
        };
        match annotation.check() {
            Ok(()) => Some(annotation),
            Err(why) => {
                self.error = Some(why);
                None
            }
        }
    }
}

/// The checkpoints of a trial.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// Name of the trial.
    pub trial: String,
    /// Steps that it can go back to, newest first; the last is its beginning.
    pub steps: Vec<u64>,
    /// The selected one.
    pub selected: usize,
}

impl Checkpoints {
    /// Moves the selection.
    pub fn step(&mut self, by: isize) {
        let last = self.steps.len().max(1) as isize - 1;
        self.selected = (self.selected as isize).saturating_add(by).clamp(0, last) as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_is_there_is_taken_off_and_a_wrong_one_is_told() {
        let before = Annotations { tags: vec!["fig-2".into()], notes: Vec::new() };
        let mut writing = Writing::of(Words::Tag, before);
        writing.field = Field::new("fig-2 ");
        assert_eq!(writing.annotation(), Some(Annotation::Untag("fig-2".into())));
        writing.field = Field::new("fig-3");
        assert_eq!(writing.annotation(), Some(Annotation::Tag("fig-3".into())));
        writing.field = Field::new("two words");
        assert!(writing.annotation().is_none() && writing.error.unwrap().contains("no tag"));
    }
}
