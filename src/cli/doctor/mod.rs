//! `ansatz doctor`: what this terminal, this machine and this folder can do.

mod disk;
mod machine;
mod terminal;

use serde_json::{Value, json};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run::export::aligned;

/// Looks at the surroundings.
#[derive(clap::Args)]
pub(super) struct Doctor {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
struct Finding {
    /// What: `terminal`, `free disk`.
    name: &'static str,
    /// What was found.
    found: String,
    /// What to do about it; none when all is well.
    advice: Option<&'static str>,
}

impl Finding {
    /// All is well.
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Finding { name, found: found.into(), advice: None }
    }

    /// Well unless `bad`.
    fn unless(bad: bool, name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Finding { name, found: found.into(), advice: bad.then_some(advice) }
    }

    fn word(&self) -> &'static str {
        if self.advice.is_some() { "warn" } else { "ok" }
    }
}

impl Job for Doctor {
    const NAME: &'static str = "doctor";
    const ABOUT: &'static str = "Say what this terminal, machine and folder can do";
    const EXAMPLES: &'static str = "  ansatz doctor\n  ansatz doctor --json";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let findings = terminal::findings().into_iter().chain(machine::findings()).chain(disk::findings(&place.runs));
        let findings: Vec<Finding> = findings.collect();
        if self.json {
            let findings: Vec<Value> = findings.iter().map(document).collect();
            output::print_json(&json!({ "version": env!("CARGO_PKG_VERSION"), "findings": findings }))?;
        } else {
            output::print(&text(&findings))?;
        }
        Ok(0)
    }
}

fn document(finding: &Finding) -> Value {
    json!({ "name": finding.name, "state": finding.word(), "found": finding.found, "advice": finding.advice })
}

fn text(findings: &[Finding]) -> String {
    let cells = |finding: &Finding| {
        let found = match finding.advice {
            Some(advice) => format!("{} ({advice})", finding.found),
            None => finding.found.clone(),
        };
        vec![finding.word().to_owned(), finding.name.to_owned(), found]
    };
    let rows: Vec<Vec<String>> = findings.iter().map(cells).collect();
    let colours = terminal::colour_bar();
    format!(
        "ansatz {}\n\n{}\nThe next lines should show six even curves, a ramp, and boxes that close:\n{}{colours}",
        env!("CARGO_PKG_VERSION"),
        aligned(&["", "what", "found"], &rows),
        terminal::GLYPHS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_says_what_to_do() {
        let findings = [Finding::ok("a", "fine"), Finding::unless(true, "b", "small", "make it larger")];
        let text = text(&findings);
        assert!(text.contains("ok    a     fine\nwarn  b     small (make it larger)"), "{text}");
        assert_eq!(document(&findings[1])["state"], "warn");
    }
}
