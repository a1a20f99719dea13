//! What people are told about presets that cannot be used.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::run::testing::{TABLE, TEXT};

fn told(text: &str) -> String {
    check(TABLE, "my.ron", text).map_or_else(|failure| failure.to_string(), |_| "fine".into())
}

/// The first line of what is told when `from` is replaced, and the text that the caret stands under.
fn changed(from: &str, to: &str) -> (String, String) {
    assert!(TEXT.contains(from));
    let told = told(&TEXT.replacen(from, to, 1));
    let lines: Vec<&str> = told.lines().collect();
    let caret = lines[2].find('^').unwrap();
    (lines[0].to_owned(), lines[1].get(caret..).unwrap_or_default().chars().take(5).collect())
}

#[test]
fn every_message_names_place_field_expectation_and_nearest_name() {
    let width = "my.ron:8:24: `settings.model.width`: ";
    let tops = "`system`, `about`, `seed`, `seeds`, `watch`, `settings`";
    for (from, to, says, at) in [
        ("width: 8", "widht: 8", "my.ron:8:17: `settings.model.widht`: there is no field `widht` here; there are `width`, `heads`, `rate`; did you mean `width`?".to_owned(), "widht"),
        ("about", "abuot", format!("my.ron:3:5: `abuot`: there is no field `abuot` here; there are {tops}; did you mean `about`?"), "abuot"),
        ("width: 8, ", "", "my.ron:8:9: `settings.model`: the field `width` is missing".into(), "model"),
        ("width: 8", "width: \"w\"", format!("{width}expected a whole number, found \"w\""), "\"w\", "),
        ("width: 8", "width: \"`, expected u8\"", format!("{width}expected a whole number, found \"`, expected u8\""), "\"`, exp"),
        ("rate: 0.1", "rate: {1: 2}", "my.ron:8:43: `settings.model.rate`: expected a number, found map".into(), "{1: 2"),
        ("width: 8", "width: -8", format!("{width}the whole number -8 does not fit the field"), "-8, h"),
        ("width: 8", "width: 8.5", format!("{width}expected a whole number, found 8.5"), "8.5, "),
        ("rate: 0.1", "rate: 1e999", "my.ron:8:43: 1e999 is too large a number".into(), "1e999"),
        ("faults: []", "faults: [Fail(1), Panik(3)]", "my.ron:10:27: `settings.faults[1]`: `Panik` is none of `Panic`, `Fail`, `Diverge`, `Nan`; did you mean `Panic`?".into(), "Panik"),
        ("faults: []", "faults: 3", "my.ron:10:17: `settings.faults`: expected a list: [..], found 3".into(), "3,"),
        ("seed: 1", "seed: 1, seed: 2", "my.ron:4:14: `seed`: the field `seed` is given twice".into(), "seed:"),
        ("seeds: 2", "seeds: 0", "my.ron:5:12: `seeds`: 0 cannot be used: expected 1 to 1000 replicas".into(), "0, wa"),
        ("\"toy\"", "\"toi\"", "my.ron:2:13: `system`: there is no system `toi`; there are toy; did you mean `toy`?".into(), "\"toi\""),
        ("model: (", "model (", "my.ron:8:15: expected colon".into(), "(widt"),
    ] {
        let (line, caret) = changed(from, to);
        assert_eq!(line, says);
        assert!(at.starts_with(&caret) && !caret.is_empty(), "{to}: {caret} is not {at}");
    }
    assert!(told("( about: \"no system\" )").contains("the field `system` is missing"));
    assert!(told(&TEXT[..TEXT.len() - 10]).contains("is a bracket left open?"));
    assert_eq!(told(&format!("\u{feff}{}", TEXT.replace('\n', "\r\n"))), "fine");
}

#[test]
fn problems_come_all_at_once_each_in_its_place() {
    let told = told(&TEXT.replace("heads: 2", "heads: 3").replace("steps: 60", "steps: 0"));
    let expected = "my.ron:7:16: `settings.steps`: 0 cannot be used: expected at least 1
  7 |         steps: 0,
    |                ^
my.ron:8:34: `settings.model.heads`: 3 cannot be used: expected a divisor of the width 8
  8 |         model: (width: 8, heads: 3, rate: 0.1),
    |                                  ^";
    assert_eq!(told, expected);
}

#[test]
fn files_that_are_no_presets_are_refused_before_they_do_harm() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bad.ron");
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        load(TABLE, path.to_str().unwrap(), &Changes::default()).unwrap_err().to_string()
    };
    assert!(load(b"").contains("holds no preset") && load(b"// (nothing)").contains("bad.ron"));
    assert!(load(&vec![b' '; (1 << 20) + 1]).contains("larger than 1 MiB"));
    let told = load(b"(\n  system: \"t\xff\"");
    assert!(told.contains(":2:13: this byte is not UTF-8"), "{told}");
    std::fs::remove_file(&path).unwrap();
    assert!(
        super::load(TABLE, path.to_str().unwrap(), &Changes::default())
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    std::fs::create_dir(&path).unwrap();
    assert!(
        super::load(TABLE, path.to_str().unwrap(), &Changes::default())
            .unwrap_err()
            .to_string()
            .contains("is not a file")
    );
}

#[test]
fn nested_brackets_are_refused_quickly() {
    let begun = Instant::now();
    for bracket in ["[", "(", "{", "Some(", "(a:", "/*"] {
        let bomb = bracket.repeat(100_000);
        assert_ne!(told(&bomb), "fine");
        assert_ne!(told(&TEXT.replace("note: None", &format!("note: {bomb}"))), "fine");
        assert_ne!(told(&TEXT.replace("note: None", &format!("not: {bomb}"))), "fine");
        assert!(set(&format!("model={bomb}")).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

fn set(change: &str) -> Result<Value, String> {
    let changes = Changes { set: vec![change.into()], ..Changes::default() };
    load(TABLE, "toy", &changes).map(|p| p.study.to_json()).map_err(|failure| failure.to_string())
}

#[test]
fn settings_can_be_set_from_the_command_line() {
    let settings = |change: &str, name: &str| set(change).unwrap()["settings"][name].clone();
    assert_eq!(settings("steps=5", "steps"), 5);
    assert_eq!(settings("settings.steps=5_0", "steps"), 50);
    assert_eq!(settings("model.rate=1e-3", "model")["rate"].as_f64().unwrap() as f32, 1e-3);
    assert_eq!(settings("model=(width: 4, heads: 2, rate: .5)", "model")["width"], 4);
    assert_eq!(settings("note=hello world", "note"), "hello world");
    assert_eq!(settings("note=Some(\"a, b\")", "note"), "a, b");
    assert_eq!(settings("note=inf", "note"), "inf");
    assert_eq!(settings("note=null", "note"), Value::Null);
    let faults = serde_json::json!([{ "Panic": 3 }, { "Diverge": { "step": 4 } }]);
    assert_eq!(settings("faults=[Panic(3), Diverge(step: 4)]", "faults"), faults);
    assert_eq!(settings(&format!("faults={faults}"), "faults"), faults);
    let told = |change: &str| set(change).unwrap_err();
    assert_eq!(told("steps=lots"), "--set steps=lots: `settings.steps`: expected a whole number, found \"lots\"");
    assert!(told("model.widht=3").ends_with("there are `heads`, `rate`, `width`; did you mean `width`?"));
    assert!(told("model.heads=3").contains("`settings.model.heads`: 3 cannot be used: expected a divisor"));
    assert!(told("model.rate=1e999").contains("1e999 is too large a number"));
    assert!(told("faults=[Panik(3)]").ends_with("did you mean `Panic`?"));
    assert!(told("model=(width: 4").contains("is neither JSON nor RON"));
    assert!(told("steps").contains("expected path.to.field=VALUE"));
}

#[test]
fn names_and_seeds_reach_the_preset() {
    let changes = Changes { seed: Some(7), seeds: Some(3), ..Changes::default() };
    let preset = load(TABLE, "toy/full", &changes).unwrap();
    let header = preset.study.header();
    assert_eq!((preset.name.as_str(), header.seed, header.seeds), ("full", 7, 3));
    assert_eq!(load(TABLE, "toy", &Changes::default()).unwrap().name, "quick");
    let told = |name: &str, changes: Changes| load(TABLE, name, &changes).unwrap_err().to_string();
    let none = Changes::default;
    assert_eq!(told("toys", none()), "there is no system `toys`; there are toy; did you mean `toy`?");
    let quik = "toy has no preset `quik`; it has `quick`, `full`; did you mean `quick`?";
    assert_eq!(told("toy/quik", none()), quik);
    let zero = Changes { seeds: Some(0), ..none() };
    assert_eq!(told("toy", zero), "--seeds 0: `seeds`: 0 cannot be used: expected 1 to 1000 replicas");
    // A resolved preset is itself a preset.
    let resolved = preset.study.to_ron();
    assert_eq!(check(TABLE, "x.ron", &resolved).unwrap().study.to_ron(), resolved);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(failure) = check_bytes(TABLE, "my.ron", &bytes) {
            prop_assert!(!failure.to_string().is_empty());
        }
    }

    #[test]
    fn no_mutation_makes_it_panic(
        edits in prop::collection::vec((0..TEXT.len(), r#"[()\[\]{}:,"'/*#r0-9.eé\\n\r -]{0,4}"#, 0..6usize), 1..5),
    ) {
        let mut text = TEXT.to_owned();
        for (at, new, cut) in edits {
            let at = at.min(text.len());
            let end = (at + cut).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, &new);
            }
        }
        if let Err(failure) = check_bytes(TABLE, "my.ron", text.as_bytes()) {
            prop_assert!(failure.to_string().starts_with("my.ron"));
        }
    }

    #[test]
    fn no_change_makes_it_panic(change in r#"(model|faults|steps|note)(\.[a-z0-9]{0,3})?=[()\[\]{}:,"'/*#r0-9.eSomé -]{0,12}"#) {
        if let Err(told) = set(&change) {
            prop_assert!(told.starts_with("--set "));
        }
    }
}
