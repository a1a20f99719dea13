//! The house keeps its shape: a folder imports only what stands above it in the design.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each folder may use, as in ARCHITECTURE.md.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let below_systems = ["base", "kernels", "engine", "nn", "tasks", "contract", "instruments", "training"];
    BTreeMap::from([
        ("base", vec![]),
        ("kernels", vec!["base"]),
        ("engine", vec!["base", "kernels"]),
        ("nn", vec!["base", "engine"]),
        ("tasks", vec!["base"]),
        ("contract", vec!["base"]),
        ("instruments", vec!["base", "kernels", "engine", "nn", "tasks", "contract"]),
        ("training", vec!["base", "kernels", "engine", "nn", "tasks", "contract", "instruments"]),
        ("systems", below_systems.to_vec()),
        ("workloads", vec!["base", "kernels", "engine", "nn"]),
        ("run", vec!["base", "contract"]),
        ("view", vec!["base", "contract", "run"]),
        ("tui", vec!["base", "contract", "run", "view"]),
        // Commands print what every layer has to show: the table of systems, tasks, the CPU's set.
        ("cli", vec!["base", "kernels", "engine", "tasks", "contract", "systems", "run", "view", "tui", "workloads"]),
    ])
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Folders of the crate that a text names in `crate::folder`, also inside `crate::{a, b::c}`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let word = |s: &str| s.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ if start && depth == 0 && !c.is_whitespace() => {
                            found.push(word(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

/// Every import of a text in `layer` that runs the wrong way.
fn wrong(layer: &str, text: &str) -> Vec<String> {
    let allowed = allowed();
    let may = &allowed[layer];
    imports(text)
        .into_iter()
        .filter(|to| allowed.contains_key(to.as_str()) && to != layer && !may.contains(&to.as_str()))
        .collect()
}

#[test]
fn no_folder_imports_against_the_direction() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for layer in allowed().keys() {
        let mut files = Vec::new();
        rust_files(&source.join(layer), &mut files);
        assert!(!files.is_empty(), "src/{layer} is empty");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            faults.extend(wrong(layer, &text).into_iter().map(|to| format!("{} uses {to}", file.display())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_planted_import_is_found() {
    assert_eq!(wrong("tasks", "use crate::nn::zoo;"), ["nn"]);
    assert_eq!(wrong("run", "use crate::{base::hash, systems::{self, ALL}, view};"), ["systems", "view"]);
    assert!(wrong("systems", "use crate::{contract::Card, tasks};").is_empty());
}

#[test]
fn every_folder_is_a_layer() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = fs::read_dir(source).unwrap().map(|e| e.unwrap()).filter(|e| e.path().is_dir());
    let mut names: Vec<String> = folders.map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, allowed().keys().map(|k| (*k).to_owned()).collect::<Vec<_>>());
}

#[test]
fn a_system_never_uses_another_and_none_sees_the_terminal() {
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/systems");
    let mut files = Vec::new();
    rust_files(&systems, &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("ratatui") && !text.contains("crossterm"), "{}", file.display());
        assert!(!text.contains("crate::systems::"), "{} reaches into the table of systems", file.display());
    }
}

#[test]
fn every_file_says_first_what_it_is() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//!") || first.starts_with("#![doc"), "{}", file.display());
    }
}
