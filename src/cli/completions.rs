//! `ansatz completions`: what a shell needs to complete commands.

use clap_complete::Shell;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;

/// Prints completions for a shell.
#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Job for Completions {
    const NAME: &'static str = "completions";
    const ABOUT: &'static str = "Print completions for a shell";
    const EXAMPLES: &'static str = "  ansatz completions bash\n  ansatz completions zsh\n  ansatz completions fish";

    fn start(self, _: &Place) -> Result<u8, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "ansatz", &mut script);
        output::print(&String::from_utf8_lossy(&script))?;
        Ok(0)
    }
}
