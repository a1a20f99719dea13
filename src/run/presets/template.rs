//! A preset to start from: every field, with what it is and what it takes in a comment above it.

use std::collections::HashSet;

use super::locate::{Map, Place};
use crate::base::text::wrap;
use crate::contract::{Setting, Study};

/// Comments are no wider than this, indent and all.
const COLUMNS: usize = 100;

/// The preset as RON with every field explained where it stands first. It reads back to the same preset.
pub fn template(study: &dyn Study, name: &str) -> String {
    let (text, settings) = (study.to_ron(), study.settings());
    let mut comments: Vec<Vec<String>> = vec![Vec::new(); text.lines().count()];
    let mut explained = HashSet::new();
    for (path, Place { line, column }) in Map::of(&text).keys() {
        let field = without_numbers(path);
        let Some(setting) = settings.iter().find(|setting| without_numbers(&setting.path) == field) else { continue };
        let first =
            text.lines().nth(line - 1).is_some_and(|line| line.chars().take(column - 1).all(char::is_whitespace));
        if first && explained.insert(field) {
            comments[line - 1] = comment(setting, COLUMNS.saturating_sub(column - 1));
        }
    }
    let mut out = format!(
        "// {name}, to be changed: `ansatz preset check FILE` says whether it can be used, `ansatz run FILE` runs it.\n"
    );
    for (line, comments) in text.lines().zip(comments) {
        let indent = &line[..line.len() - line.trim_start().len()];
        out.extend(comments.iter().map(|comment| format!("{indent}// {comment}\n")));
        out += &format!("{line}\n");
    }
    out
}

/// A path without the numbers of entries: what all entries of a list share.
fn without_numbers(path: &str) -> String {
    let parts = path.split('.').filter(|part| !part.bytes().all(|b| b.is_ascii_digit()));
    parts.collect::<Vec<_>>().join(".")
}

/// What a setting is, what it takes, and what its names mean.
fn comment(setting: &Setting, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(3);
    let mut lines = wrap(&setting.about, room);
    let takes = setting.takes();
    if !takes.is_empty() {
        lines.extend(hanging(&format!("Takes {takes}."), room, "    "));
    }
    let told = setting.choices.iter().filter(|choice| !choice.about.is_empty());
    lines.extend(told.flat_map(|choice| hanging(&format!("- {}: {}", choice.name, choice.about), room, "  ")));
    lines.retain(|line| !line.is_empty());
    lines
}

/// A text in lines, the second and later ones indented.
fn hanging(text: &str, columns: usize, indent: &str) -> Vec<String> {
    let lines = wrap(text, columns.saturating_sub(indent.len())).into_iter().enumerate();
    lines.map(|(at, line)| if at == 0 { line } else { format!("{indent}{line}") }).collect()
}
