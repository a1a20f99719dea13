//! `ansatz man`: the manual page, of the whole or of one command.

use super::failure::Failure;
use super::job::{Job, Place};
use clap_mangen::roff::{Roff, bold, roman};

use super::output;
use crate::base::text::nearest;
use crate::view::by_place;

/// Prints a manual page.
#[derive(clap::Args)]
pub(super) struct Man {
    /// The command; the whole program without it
    command: Option<String>,
}

impl Job for Man {
    const NAME: &'static str = "man";
    const ABOUT: &'static str = "Print the manual page";
    const EXAMPLES: &'static str = "  ansatz man | man -l -\n  ansatz man run > ansatz-run.1";

    fn start(self, _: &Place) -> Result<u8, Failure> {
        let mut root = super::command();
        // So that a command's page knows that it is `ansatz run` and takes `--runs`.
        root.build();
        let whole = self.command.is_none();
        let page = match &self.command {
            None => root,
            Some(name) => match root.find_subcommand(name).filter(|command| !command.is_hide_set()) {
                Some(command) => command.clone(),
                None => {
                    let names: Vec<&str> = root.get_subcommands().map(clap::Command::get_name).collect();
                    let failure = Failure::usage(format!("there is no command `{name}`"));
                    let near = nearest(name, names);
                    return Err(match near {
                        Some(near) => failure.hint(format!("did you mean `{near}`?")),
                        None => failure,
                    });
                }
            },
        };
        // Pages know nothing of what stands before the help.
        let examples = page.get_before_help().map(ToString::to_string).unwrap_or_default();
        let epilogue = page.get_after_help().map(ToString::to_string).unwrap_or_default();
        let page = page.after_help(format!("{examples}\n\n{epilogue}").trim().to_owned());
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text).map_err(Failure::failed)?;
        if whole {
            keys_of_the_viewer().to_writer(&mut text).map_err(Failure::failed)?;
        }
        output::print(&String::from_utf8_lossy(&text))?;
        Ok(0)
    }
}

/// The keys of the viewer, place by place.
fn keys_of_the_viewer() -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["KEYS OF THE VIEWER"]);
    for (place, bindings) in by_place() {
        page.control("SS", [place]);
        for binding in bindings {
            page.control("TP", []);
            page.text([bold(binding.keys_text())]);
            page.text([roman(binding.help)]);
        }
    }
    page
}
