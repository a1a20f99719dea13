//! What people say of a run: `notes.jsonl`, one line a tag, a tag taken off, or a note. Nothing that is
//! computed reads it.

use std::fs;

use serde::{Deserialize, Serialize};

use super::durable::{Keep, shared};
use super::error::RunError;
use super::folder::Folder;
use super::journal::now;
use crate::base::text::nearest;
use crate::contract::{Annotation, Annotations};

/// A line of `notes.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Seconds since 1970.
    time: f64,
    /// What was said.
    #[serde(flatten)]
    said: Annotation,
}

impl Entry {
    /// Adds it to what was said before.
    pub(super) fn add_to(self, said: &mut Annotations) {
        said.apply(self.time, self.said);
    }
}

/// Tags and notes of a run. A line that is damaged or torn costs that line.
pub fn annotations(folder: &Folder) -> Annotations {
    let mut said = Annotations::default();
    let text = fs::read(folder.notes()).unwrap_or_default();
    shared::values::<Entry>(&String::from_utf8_lossy(&text)).for_each(|entry| entry.add_to(&mut said));
    said
}

/// Says something of a run, whether it has a worker or not. It is on the disk when this returns.
///
/// # Errors
/// [`RunError::Usage`] when it cannot be kept, or a tag is to go that the run does not have;
/// [`RunError::Disk`].
pub fn annotate(folder: &Folder, annotation: Annotation) -> Result<(), RunError> {
    annotation.check().map_err(RunError::Usage)?;
    let tags = annotations(folder).tags;
    match &annotation {
        Annotation::Tag(tag) if tags.contains(tag) => return Ok(()),
        Annotation::Untag(tag) if !tags.contains(tag) => {
            let near = nearest(tag, tags.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(RunError::Usage(format!("{} has no tag `{tag}`{near}", folder.name())));
        }
        _ => {}
    }
    shared::append(&folder.notes(), &Entry { time: now(), said: annotation }, Keep::Durable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::worker::tests::{bytes, toy};
    use crate::run::{Reader, WorkOptions, document, summary, testing::TABLE, work};

    fn tag(text: &str) -> Annotation {
        Annotation::Tag(text.into())
    }

    #[test]
    fn tags_and_notes_are_kept_shown_and_touch_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (folder, plain) = (toy(place.path(), &[]), toy(place.path(), &[]));
        let mut reader = Reader::open(&folder).unwrap();
        annotate(&folder, tag("paper-fig-2")).unwrap();
        annotate(&folder, tag("old")).unwrap();
        annotate(&folder, Annotation::Note("Loss falls \"too\" fast,\nlook again.".into())).unwrap();
        for folder in [&folder, &plain] {
            // Killed and resumed in between.
            let options = WorkOptions { dies_after: Some(8), ..WorkOptions::threads(2) };
            work(folder, TABLE, &options).unwrap();
            work(folder, TABLE, &WorkOptions::threads(2)).unwrap();
        }
        assert_eq!(bytes(&folder), bytes(&plain));
        assert_eq!(folder.manifest().unwrap().hash, plain.manifest().unwrap().hash);
        // A run that nobody works on is watched for it too.
        while reader.refresh().unwrap() {}
        annotate(&folder, Annotation::Untag("old".into())).unwrap();
        assert!(reader.refresh().unwrap());
        let said = &reader.state().annotations;
        assert_eq!((said, &said.tags[..]), (&annotations(&folder), &["paper-fig-2".to_owned()][..]));
        assert_eq!(said.notes[0].1, "Loss falls \"too\" fast,\nlook again.");
        assert_eq!(summary(folder.path()).unwrap().tags, said.tags);
        let document = document(reader.state());
        assert_eq!(document["tags"][0], "paper-fig-2");
        assert!(document["notes"][0]["text"].as_str().unwrap().starts_with("Loss falls"));
        assert!(!reader.refresh().unwrap());
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_what_is_there_not_said_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = toy(place.path(), &[]);
        annotate(&folder, tag("final")).unwrap();
        let length = || fs::metadata(folder.notes()).unwrap().len();
        let before = length();
        annotate(&folder, tag("final")).unwrap();
        let told = |annotation| annotate(&folder, annotation).unwrap_err().to_string();
        assert!(told(Annotation::Untag("finale".into())).contains("did you mean `final`?"));
        assert!(told(tag("two words")).contains("no tag"));
        assert_eq!(length(), before);
    }

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = toy(place.path(), &[]);
        for text in ["one", "two"] {
            annotate(&folder, tag(text)).unwrap();
        }
        let whole = fs::read(folder.notes()).unwrap();
        for torn in 1..40 {
            fs::write(folder.notes(), &whole[..whole.len() - torn]).unwrap();
            let mut reader = Reader::open(&folder).unwrap();
            annotate(&folder, tag("three")).unwrap();
            reader.refresh().unwrap();
            // Without its line's end alone the second is whole again once something follows.
            let expected = if torn == 1 { vec!["one", "two", "three"] } else { vec!["one", "three"] };
            assert_eq!(annotations(&folder).tags, expected, "torn by {torn}");
            assert_eq!(reader.state().annotations.tags, expected, "torn by {torn}");
        }
        let damaged = String::from_utf8(whole).unwrap().replace("one", "eno");
        fs::write(folder.notes(), damaged).unwrap();
        assert_eq!(annotations(&folder).tags, ["two"]);
    }
}
