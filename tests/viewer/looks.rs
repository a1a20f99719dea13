//! What is sent to terminals of every colour depth and every set of glyphs.

use std::collections::BTreeSet;

use crate::room::Room;
use crate::terminal::{Opening, Viewer, viewer};

/// Shows home, every panel of the run, and pages over it.
fn tour(opening: Opening<'_>) -> Viewer {
    let mut view = opening.size((120, 40)).open();
    view.press("/bias\r").press("i").press("\x1b").press("\t\t\r").press("]]]");
    view.press("z\t\t\t\t\t\t\t\t\t\t\t\tz")
        .press("6c")
        .press("\x1b")
        .press("?")
        .press("\x1b")
        .press(":")
        .press("\x1b");
    view
}

/// Every colour that was sent: parameters of SGR sequences that set one.
fn colours(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = BTreeSet::new();
    for sequence in text.split("\x1b[").skip(1) {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        if !sequence[end..].starts_with('m') {
            continue;
        }
        let mut numbers = sequence[..end].split([';', ':']);
        while let Some(number) = numbers.next() {
            let colour = match number {
                "38" | "48" | "58" => match numbers.next() {
                    Some("2") => format!("rgb {}", numbers.by_ref().take(3).collect::<Vec<_>>().join(",")),
                    _ => format!("index {}", numbers.next().unwrap_or("")),
                },
                plain if plain.parse::<u8>().is_ok_and(|n| matches!(n, 30..=37 | 40..=47 | 90..=97 | 100..=107)) => {
                    format!("index {plain}")
                }
                _ => continue,
            };
            found.insert(colour);
        }
    }
    found
}

fn index(colour: &str) -> Option<u8> {
    colour.strip_prefix("index ")?.parse().ok()
}

#[test]
fn every_depth_sends_its_own_colours_and_no_others() {
    let room = Room::finished();
    let sent = |depth: &str| {
        let view = tour(viewer(&room).with(&["--color", depth]));
        let state = view.state();
        colours(&state.bytes)
    };
    assert_eq!(sent("none"), BTreeSet::new());
    let sixteen = sent("16");
    assert!(!sixteen.is_empty() && sixteen.iter().all(|c| index(c).is_some_and(|i| i < 16)), "{sixteen:?}");
    let indexed = sent("256");
    assert!(indexed.iter().all(|c| index(c).is_some()), "{indexed:?}");
    assert!(indexed.iter().filter_map(|c| index(c)).any(|i| i >= 16), "{indexed:?}");
    let all = sent("truecolor");
    assert!(all.len() > 9 && all.iter().all(|c| c.starts_with("rgb ")), "{all:?}");
}

#[test]
fn every_set_of_glyphs_draws_with_its_own_and_no_others() {
    let room = Room::finished();
    let drawn = |glyphs: &str| {
        let view = tour(viewer(&room).with(&["--glyphs", glyphs]));
        let state = view.state();
        String::from_utf8(state.bytes.clone()).unwrap().chars().collect::<BTreeSet<char>>()
    };
    let is_braille = |c: &char| ('\u{2800}'..='\u{28ff}').contains(c);
    let braille = drawn("braille");
    assert!(braille.iter().filter(|c| is_braille(c)).count() > 20, "{braille:?}");
    let blocks = drawn("blocks");
    assert!(!blocks.iter().any(is_braille) && blocks.contains(&'▀') && blocks.contains(&'─'), "{blocks:?}");
    let ascii = drawn("ascii");
    assert!(ascii.iter().all(char::is_ascii), "{ascii:?}");
}

#[test]
fn the_environment_decides_where_nothing_is_asked_for() {
    let room = Room::finished();
    let none = tour(viewer(&room).variable("NO_COLOR", "1").variable("COLORTERM", "truecolor"));
    assert_eq!(colours(&none.state().bytes), BTreeSet::new());
    let console = tour(viewer(&room).variable("TERM", "linux"));
    assert!(colours(&console.state().bytes).iter().all(|c| index(c).is_some_and(|i| i < 16)));
    assert!(!console.screen().contains('⣀') && console.screen().contains('─'));
    let old = tour(viewer(&room).variable("LC_ALL", "C"));
    assert!(old.state().bytes.is_ascii());
}
