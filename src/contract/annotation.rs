//! What people say of a run: tags and notes. They are no part of what it computes.

use serde::{Deserialize, Serialize};

/// The most letters of a tag and of a note.
const LONGEST: (usize, usize) = (64, 10_000);

/// One thing that somebody says of a run; also what a line of `notes.jsonl` holds beside its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "text", rename_all = "kebab-case")]
pub enum Annotation {
    /// A word to find it by: `paper-fig-2`.
    Tag(String),
    /// A tag is taken off.
    Untag(String),
    /// Sentences about it.
    Note(String),
}

impl Annotation {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// A sentence about what a tag or a note is.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Annotation::Tag(tag) | Annotation::Untag(tag) => {
                let fit = |c: char| !c.is_whitespace() && !c.is_control() && c != ',';
                let whole = !tag.is_empty() && !tag.starts_with('-') && tag.chars().count() <= LONGEST.0;
                let wrong = || format!("`{}` is no tag: one word of at most {} letters", tag.escape_debug(), LONGEST.0);
                if whole && tag.chars().all(fit) { Ok(()) } else { Err(wrong()) }
            }
            Annotation::Note(text) if text.trim().is_empty() => Err("a note without a word says nothing".into()),
            Annotation::Note(text) if text.chars().count() > LONGEST.1 => {
                Err(format!("a note has at most {} letters", LONGEST.1))
            }
            Annotation::Note(_) => Ok(()),
        }
    }
}

/// What was said of a run so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    /// Its tags, in the order in which they were given.
    pub tags: Vec<String>,
    /// Its notes, oldest first: (seconds since 1970, text).
    pub notes: Vec<(f64, String)>,
}

impl Annotations {
    /// Takes in one more, said at a time in seconds since 1970. What cannot be kept is left out.
    pub fn apply(&mut self, time: f64, annotation: Annotation) {
        if annotation.check().is_err() {
            return;
        }
        match annotation {
            Annotation::Tag(tag) if self.tags.contains(&tag) => {}
            Annotation::Tag(tag) => self.tags.push(tag),
            Annotation::Untag(tag) => self.tags.retain(|given| *given != tag),
            Annotation::Note(text) => self.notes.push((time, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_and_go_and_notes_stay() {
        let tag = |text: &str| Annotation::Tag(text.into());
        let mut said = Annotations::default();
        let all = [tag("a"), tag("b"), tag("a"), Annotation::Untag("a".into()), tag("c"), tag("two words")];
        all.into_iter().for_each(|annotation| said.apply(1.0, annotation));
        said.apply(2.0, Annotation::Note("It works.".into()));
        assert_eq!(said, Annotations { tags: vec!["b".into(), "c".into()], notes: vec![(2.0, "It works.".into())] });
    }

    #[test]
    fn what_nobody_could_find_again_is_refused() {
        for wrong in ["", "two words", "a,b", "-x", "a\u{1b}[2J", &"x".repeat(65)] {
            let says = Annotation::Tag(wrong.into()).check().unwrap_err();
            assert!(says.contains("no tag") && !says.contains('\u{1b}'), "{says}");
        }
        assert!(Annotation::Tag("paper-fig-2".into()).check().is_ok());
        assert!(Annotation::Note(" \n".into()).check().is_err());
        assert!(Annotation::Note("x".repeat(10_001)).check().unwrap_err().contains("at most 10000"));
    }

    #[test]
    fn a_line_says_what_it_is() {
        let line = serde_json::to_string(&Annotation::Untag("a".into())).unwrap();
        assert_eq!(line, r#"{"kind":"untag","text":"a"}"#);
    }
}
