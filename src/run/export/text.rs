//! Verdict and results as plain text for `ansatz show`, and the table they are set in.

use unicode_width::UnicodeWidthStr;

use super::numbers::{shown, with_interval};
use super::{clean, file_name};
use crate::contract::{Card, Check, StudyState, Verdict};

/// Whether all filled cells of a column are numbers: such a column stands to the right.
pub(crate) fn numeric(cells: &[&str]) -> bool {
    let mut filled = cells.iter().filter(|cell| !matches!(cell.trim(), "" | "-")).peekable();
    filled.peek().is_some() && filled.all(|cell| cell.trim().trim_end_matches('%').parse::<f64>().is_ok())
}

/// Rows under heads as aligned columns, two spaces between them, the heads underlined. A row that
/// is shorter than the heads ends in empty cells.
pub fn aligned(heads: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let column = |i: usize| rows.iter().map(move |row| row.get(i).map_or("", String::as_str));
    let right: Vec<bool> = (0..heads.len()).map(|i| numeric(&column(i).collect::<Vec<_>>())).collect();
    let heads: Vec<String> = heads.iter().map(|head| clean(head)).collect();
    let widths: Vec<usize> =
        (0..heads.len()).map(|i| column(i).map(UnicodeWidthStr::width).fold(heads[i].width(), usize::max)).collect();
    let set = |row: &[String]| {
        let mut line = String::new();
        for (i, width) in widths.iter().enumerate() {
            let cell = row.get(i).map_or("", String::as_str);
            let fill = " ".repeat(width - cell.width());
            let (before, after) = if right[i] { (fill.as_str(), "") } else { ("", fill.as_str()) };
            line += &format!("{}{before}{cell}{after}", if i > 0 { "  " } else { "" });
        }
        line.trim_end().to_owned() + "\n"
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let body: String = rows.iter().map(|row| set(row)).collect();
    format!("{}{}{body}", set(&heads), set(&rule))
}

/// The verdict: outcome, sentence, every check and control with its numbers, every seed.
pub fn verdict_text(verdict: &Verdict) -> String {
    let mut text = format!("Verdict: {}\n{}\n", verdict.outcome.name(), clean(&verdict.sentence));
    let effect = with_interval(verdict.effect, verdict.interval);
    text += &format!("{} = {effect}; threshold {}\n", clean(&verdict.statistic), clean(&verdict.threshold));
    for (title, checks) in [("Checks", &verdict.checks), ("Controls (must not show the effect)", &verdict.controls)] {
        if !checks.is_empty() {
            text += &format!("\n{title}\n{}", checks_text(checks));
        }
    }
    let (heads, rows) = seed_rows(verdict);
    if !rows.is_empty() {
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        text += &format!("\nEvery seed\n{}", aligned(&heads, &rows));
    }
    text
}

fn checks_text(checks: &[Check]) -> String {
    let mut text = aligned(&CHECK_HEADS, &check_rows(checks));
    for check in checks {
        text += &format!("  {}: {}\n", clean(&check.id), clean(&check.says));
    }
    text
}

/// Heads of [`check_rows`].
pub(super) const CHECK_HEADS: [&str; 5] = ["check", "result", "measured", "effect", "threshold"];

/// Checks as cells of a table.
pub(super) fn check_rows(checks: &[Check]) -> Vec<Vec<String>> {
    let row = |check: &Check| {
        let result = if check.passed { "pass" } else { "fail" };
        let effect = with_interval(check.effect, check.interval);
        vec![check.id.clone(), result.into(), check.statistic.clone(), effect, check.threshold.clone()]
    };
    checks.iter().map(row).collect()
}

/// Every seed as cells of a table: heads and rows.
pub(super) fn seed_rows(verdict: &Verdict) -> (Vec<String>, Vec<Vec<String>>) {
    let mut names: Vec<&String> = verdict.seeds.iter().flat_map(|row| row.values.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let heads = ["condition", "seed"].into_iter().map(String::from).chain(names.iter().map(|name| (*name).clone()));
    let rows = verdict.seeds.iter().map(|row| {
        let values = names.iter().map(|name| shown(row.values.get(*name).copied().unwrap_or(f64::NAN)));
        [row.condition.clone(), row.seed.to_string()].into_iter().chain(values).collect()
    });
    (heads.collect(), rows.collect())
}

/// Every trial: state, steps and the last value of the metrics on the card (at most four; of every
/// metric when the card is not known).
pub fn results_text(state: &StudyState, card: Option<&Card>) -> String {
    let (heads, rows) = result_rows(state, card);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    aligned(&heads, &rows)
}

/// Results as cells of a table: heads and rows.
pub(super) fn result_rows(state: &StudyState, card: Option<&Card>) -> (Vec<String>, Vec<Vec<String>>) {
    let recorded = |name: &str| state.trials.iter().any(|trial| trial.result.metrics.contains_key(name));
    let mut names: Vec<String> = match card {
        Some(card) => card.metrics.iter().map(|m| m.name.to_owned()).filter(|name| recorded(name)).collect(),
        None => state.trials.iter().flat_map(|trial| trial.result.metrics.keys().cloned()).collect(),
    };
    if card.is_none() {
        names.sort_unstable();
        names.dedup();
    }
    names.truncate(4);
    let heads = ["trial", "condition", "seed", "state", "steps"].into_iter().map(String::from);
    let rows = state.trials.iter().map(|trial| {
        let (spec, progress) = (&trial.result.spec, trial.progress);
        let steps = format!("{}/{}", progress.step, progress.steps);
        let about = [file_name(&spec.name), spec.condition.clone(), spec.seed.to_string()];
        let values = names.iter().map(|name| shown(trial.result.last(name).unwrap_or(f64::NAN)));
        about.into_iter().chain([trial.status.name().to_owned(), steps]).chain(values).collect()
    });
    let rows = rows.collect();
    (heads.chain(names.iter().cloned()).collect(), rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    #[test]
    fn columns_line_up_whatever_the_script() {
        let cells = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let text = aligned(&["name", "n"], &[cells("日本", "1.5"), cells("abc\u{1b}", "-"), cells("x", "12.25")]);
        assert_eq!(text, "name      n\n----  -----\n日本    1.5\nabc       -\nx     12.25\n");
    }

    #[test]
    fn the_verdict_says_everything() {
        let text = verdict_text(&samples::study().verdict.unwrap());
        for part in [
            "Verdict: partly",
            "not a general one",
            "0.520 [0.440, 0.600]",
            "not measured",
            "fail",
            "R4",
            "0.790",
            "K = 4",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn results_show_the_metrics_of_the_card() {
        let text = results_text(&samples::study(), Some(&samples::CARD));
        assert!(text.contains("unseen.last") && text.contains("20/20") && text.contains("0.750"), "{text}");
        assert_eq!(text, results_text(&samples::study(), None));
    }
}
