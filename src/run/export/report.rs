//! `report.md`: what was claimed, what was run, what came out, and how to run it again.

use super::numbers::{date, with_interval};
use super::text::{CHECK_HEADS, check_rows, result_rows, seed_rows};
use super::{clean, file_name};
use crate::contract::{Annotations, Card, Panel, StudyState, Verdict};

/// The report of a study as Markdown. Pictures are linked as `panels/ID.svg` and
/// `panels/TRIAL/ID.svg`, where [`super::snapshot`] writes them.
pub fn report(state: &StudyState, card: &Card) -> String {
    let header = &state.header;
    let mut text = format!("# {} ({})\n\n", line(card.title), line(&state.run));
    text += &format!("{}\n\n", line(card.sentence));
    let paper = &card.paper;
    text += &format!("Paper: {}, *{}*, {}.\n\n", line(paper.authors), line(paper.title), paper.year);
    text += &verdict(state.verdict.as_ref());
    text += "## What was run\n\n";
    text += &format!("Preset `{}` of `{}`: {}\n", line(&state.preset), line(&header.system), line(&header.about));
    text += &format!("Study seed {}, {} replicas, {} trials; ", header.seed, header.seeds, state.trials.len());
    text += &format!("the run is {}.\n\n", state.status.name());
    let (heads, rows) = result_rows(state, Some(card));
    text += &table(&heads, &rows);
    text += &claims(card);
    text += &pictures(state);
    text += &notes(state);
    text += &said(state);
    text += &again(state);
    text
}

/// Outcome, sentence, checks, controls and every seed.
fn verdict(verdict: Option<&Verdict>) -> String {
    let Some(verdict) = verdict else { return "## Verdict\n\nNot judged yet: the run is not done.\n\n".into() };
    let mut text = format!("## Verdict: {}\n\n{}\n\n", verdict.outcome.name(), line(&verdict.sentence));
    let effect = with_interval(verdict.effect, verdict.interval);
    text += &format!("{} = {effect}; threshold {}.\n\n", line(&verdict.statistic), line(&verdict.threshold));
    for (title, checks) in [("Checks", &verdict.checks), ("Controls", &verdict.controls)] {
        if checks.is_empty() {
            continue;
        }
        text += &format!("### {title}\n\n{}", table(&CHECK_HEADS.map(String::from), &check_rows(checks)));
        text += &list(checks.iter().map(|check| format!("{}: {}", check.id, check.says)));
    }
    let (heads, rows) = seed_rows(verdict);
    text + "### Every seed\n\n" + &table(&heads, &rows)
}

/// What the paper says and how far this is from it.
fn claims(card: &Card) -> String {
    let mut text = "## What the paper claims\n\n".to_owned();
    text += &list(card.claims.iter().map(|claim| (*claim).to_owned()));
    text += "What must be shown for `reproduced`, fixed before the run:\n\n";
    text += &list(card.thresholds.iter().map(|threshold| (*threshold).to_owned()));
    for (title, words) in [("Kept", card.kept), ("Shrunk", card.shrunk), ("Substituted", card.substituted)] {
        text += &format!("{title}: {}\n\n", line(words));
    }
    text
}

/// The study's panels as pictures, the trials' as links.
fn pictures(state: &StudyState) -> String {
    let mut text = String::new();
    if !state.panels.is_empty() {
        text += "## Panels\n\n";
    }
    for panel in &state.panels {
        let file = file_name(&panel.id);
        text += &format!("### {}\n\n![{}](panels/{file}.svg)\n\n", line(&panel.title), line(&panel.title));
        for words in [&panel.note, &panel.says] {
            if !words.is_empty() {
                text += &format!("{}\n\n", line(words));
            }
        }
    }
    let trials: Vec<_> = state.trials.iter().filter(|trial| !trial.panels.is_empty()).collect();
    if !trials.is_empty() {
        text += "## Panels of each trial\n\n";
        text += &trials
            .iter()
            .map(|trial| {
                let folder = file_name(&trial.result.spec.name);
                let link =
                    |panel: &Panel| format!("[{}](panels/{folder}/{}.svg)", line(&panel.title), file_name(&panel.id));
                let links: Vec<String> = trial.panels.iter().map(link).collect();
                format!("- {}: {}\n", line(&trial.result.spec.name), links.join(", "))
            })
            .collect::<String>();
        text.push('\n');
    }
    text
}

/// What the trials said.
fn notes(state: &StudyState) -> String {
    let said = state.trials.iter().flat_map(|trial| {
        let name = &trial.result.spec.name;
        trial.notes.iter().map(move |(step, _, text)| format!("{name}, step {step}: {text}"))
    });
    let said = list(said);
    if said.is_empty() { said } else { format!("## Notes of the trials\n\n{said}") }
}

/// What people said of the run.
fn said(state: &StudyState) -> String {
    let Annotations { tags, notes } = &state.annotations;
    let mut text = String::new();
    if !tags.is_empty() {
        text += &format!("## Tags\n\n{}\n\n", line(&tags.join(", ")));
    }
    let notes = list(notes.iter().map(|(time, note)| format!("{}: {note}", date(*time))));
    if notes.is_empty() { text } else { text + "## Notes on the run\n\n" + &notes }
}

/// The command, the files and the versions.
fn again(state: &StudyState) -> String {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    format!(
        "## To run it again\n\n`preset.ron` beside this report holds every setting and the seed ({seed}):\n\n    \
         {name} run preset.ron\n\nThe same preset gives the same metrics, byte for byte, with {name} {version} on the \
         same instruction set.\n\n- {name} {version}, {arch}-{os}\n- `metrics.csv`: every recorded number; `vectors.csv`: \
         the last value of every list\n- `verdict.json`: the verdict, if there is one\n- `panels/`: pictures (SVG) and \
         their data (CSV)\n- `screen.txt`, `screen.ansi`, `screen.svg`: the viewer's screen\n",
        seed = state.header.seed,
        arch = std::env::consts::ARCH,
        os = std::env::consts::OS,
    )
}

/// Text inside Markdown: one line, nothing that would be read as markup of its own.
pub(super) fn line(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('[', "\\[").replace(']', "\\]").replace('|', "\\|")
}

fn list(items: impl Iterator<Item = String>) -> String {
    let text: String = items.map(|item| format!("- {}\n", line(&item))).collect();
    if text.is_empty() { text } else { text + "\n" }
}

pub(super) fn table(heads: &[String], rows: &[Vec<String>]) -> String {
    let set =
        |cells: &[String]| format!("| {} |\n", cells.iter().map(|cell| line(cell)).collect::<Vec<_>>().join(" | "));
    let rule = format!("|{}\n", " --- |".repeat(heads.len()));
    set(heads) + &rule + &rows.iter().map(|row| set(row)).collect::<String>() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    #[test]
    fn says_what_was_claimed_run_and_found() {
        let text = report(&samples::study(), &samples::CARD);
        for part in [
            "# A sample (sample-quick-ab12)",
            "## Verdict: partly",
            "| R1 | pass | u(inf) - u(4) | 0.520 \\[0.440, 0.600\\] |",
            "| K = 4 | 1 | 0.210 |",
            "![Regime map](panels/map.svg)",
            "[What the model sees](panels/Kinf.s0/digits.svg)",
            "ansatz run preset.ron",
            "plateau left",
            "R1: gain >= 0.30",
            env!("CARGO_PKG_VERSION"),
        ] {
            assert!(text.contains(part), "no {part:?} in:\n{text}");
        }
    }

    #[test]
    fn a_run_that_is_not_judged_says_so() {
        let mut state = samples::study();
        state.verdict = None;
        assert!(report(&state, &samples::CARD).contains("Not judged yet"));
    }

    #[test]
    fn says_what_people_said() {
        let mut state = samples::study();
        let plain = report(&state, &samples::CARD);
        assert!(!plain.contains("## Tags") && !plain.contains("## Notes on the run"));
        state.annotations.tags = vec!["paper-fig-2".into(), "old".into()];
        state.annotations.notes = vec![(0.0, "It [works]\n# not a head".into())];
        let text = report(&state, &samples::CARD);
        assert!(text.contains("## Tags\n\npaper-fig-2, old\n"), "{text}");
        assert!(text.contains("- 1970-01-01 00:00 UTC: It \\[works\\] # not a head\n"), "{text}");
    }

    #[test]
    fn tables_keep_their_columns() {
        assert_eq!(table(&["a".into()], &[vec!["x|y\nz".into()]]), "| a |\n| --- |\n| x\\|y z |\n\n");
    }
}
