//! What people are told about presets that cannot be used.

use proptest::prelude::*;

use super::*;
use crate::run::testing::{TABLE, TEXT};

fn told(text: &str) -> String {
    check(TABLE, "my.ron", text).err().map_or_else(|| "fine".into(), |failure| failure.to_string())
}

fn print_all() {
    for (a, b) in [
        ("width: 8", "widht: 8"),
        ("width: 8, ", ""),
        ("width: 8", "width: \"wide\""),
        ("width: 8", "width: -8"),
        ("width: 8", "width: 8.5"),
        ("rate: 0.1", "rate: 1e999"),
        ("faults: []", "faults: [Panik(3)]"),
        ("faults: []", "faults: [Diverge(stp: 3)]"),
        ("faults: []", "faults: [Panic(1), Panic(\"x\")]"),
        ("faults: []", "faults: 3"),
        ("steps: 60", "steps: 0"),
        ("seed: 1,", "seed: 1, seed: 2,"),
        ("seeds: 2", "seeds: 0"),
        ("\"toy\"", "\"toi\""),
        ("system: \"toy\",", ""),
        ("settings: (", "settings: "),
        ("        note: None,\n    ),\n)", ""),
        ("model: (width", "model (width"),
        ("about:", "abuot:"),
        ("heads: 2", "heads: 3"),
        ("\"toy\"", "toy"),
        ("about: \"A", "about: 'A"),
    ] {
        println!("== {b}\n{}", told(&TEXT.replace(a, b)));
    }
    for set in [
        "model.widht=3",
        "model.heads=3",
        "steps",
        "steps=lots",
        "steps=1e999",
        "note=hello",
        "note=inf",
        "faults=[Panic(3)]",
        "faults=[{\"Panic\":3}]",
        "faults.0=Panic(3)",
        "settings.steps=5",
        "model=(width: 4, heads: 2, rate: 0.5)",
        "model=(((",
        "seed=-1",
        "setings.steps=3",
    ] {
        let changes = Changes { set: vec![set.into()], ..Changes::default() };
        let r = load(TABLE, "toy", &changes);
        println!(
            "== {set}\n{}",
            r.map(|p| p.study.to_json()["settings"].to_string()).unwrap_or_else(|e| e.to_string())
        );
    }
}

#[test]
fn show() {
    print_all();
}
