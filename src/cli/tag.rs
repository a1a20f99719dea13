//! `ansatz tag`: words to find a run by.

use serde_json::json;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::Annotation;
use crate::run;

/// Tags a run and prints the tags that it then has.
#[derive(clap::Args)]
pub(super) struct Tag {
    /// The run; the newest without it
    run: Option<String>,
    /// Tags to give it, a word each
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// A tag to take off
    #[arg(long, value_name = "NAME")]
    remove: Vec<String>,
    /// Print its tags as one JSON document
    #[arg(long)]
    json: bool,
}

impl Job for Tag {
    const NAME: &'static str = "tag";
    const ABOUT: &'static str = "Give a run tags, take them off, print them";
    const EXAMPLES: &'static str = "  ansatz tag                            the tags of the newest run\n  \
                                    ansatz tag gpicl-quick paper-fig-2    one more\n  \
                                    ansatz tag gpicl-quick --remove paper-fig-2";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let given = self.names.into_iter().map(Annotation::Tag);
        let changes: Vec<Annotation> = given.chain(self.remove.into_iter().map(Annotation::Untag)).collect();
        // All or none: a slip in the last keeps no half.
        changes.iter().try_for_each(Annotation::check).map_err(Failure::usage)?;
        changes.into_iter().try_for_each(|change| run::annotate(&folder, change))?;
        let tags = run::annotations(&folder).tags;
        if self.json {
            output::print_json(&json!(tags))?;
        } else {
            output::print(&tags.iter().map(|tag| format!("{tag}\n")).collect::<String>())?;
        }
        Ok(0)
    }
}
