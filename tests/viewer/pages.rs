//! Home and the pages over it: lists, filter, commands by name, help, settings of a preset.

use crate::room::{FINISHED, Room};
use crate::terminal::viewer;

const DOWN: &str = "\x1b[B";
const ESC: &str = "\x1b";

#[test]
fn home_lists_systems_presets_and_runs() {
    let room = Room::finished();
    let mut home = viewer(&room).size((120, 40)).open();
    home.shows(&["gpicl", "opposing-signals", FINISHED, "1 run, 0 live", "reproduced"]);
    home.select("opposing-signals").shows(&["quick", "ablated", "an estimate"]);
    home.press("\t\t\r").shows(&["DONE", "Trials 18", "1 Verdict: reproduced", "100%"]);
    home.press(ESC).shows(&["1 run, 0 live"]);
}

#[test]
fn a_filter_narrows_the_lists_while_it_is_typed() {
    let room = Room::finished();
    let mut home = viewer(&room).size((120, 40)).open();
    home.press("/SHAMPOO").shows(&["/ SHAMPOO"]);
    home.press("\x15oppo").shows(&[
        "/ oppo",
        &format!("1 of {} systems", ansatz::systems::ALL.len()),
        "opposing-signals",
        "No run passes the filter.",
    ]);
    home.hides(&["simplicity-bias"]);
    home.press("\r").send(b"q");
    assert!(home.ends().success(), "a kept filter is no place to type");
    let mut home = viewer(&room).open();
    home.press("/zebra").shows(&["Nothing passes the filter."]);
    home.press(ESC).shows(&["simplicity-bias"]).hides(&["zebra"]);
}

#[test]
fn a_burst_of_keys_is_handled_key_by_key() {
    let room = Room::empty();
    let mut home = viewer(&room).open();
    let shown = home.below_the_head();
    home.press("jjkk\t\t\t".repeat(100).as_str());
    assert_eq!(home.below_the_head(), shown, "as many steps back as forth");
    // What comes behind a key that the terminal sees to itself is not left lying.
    home.press("\x0c/gpi").shows(&["/ gpi"]);
}

#[test]
fn commands_have_names_and_say_why_they_do_nothing() {
    let room = Room::finished();
    let mut view = viewer(&room).size((120, 40)).with(&["watch"]).open();
    view.press(":").shows(&["Commands"]);
    view.press("pause").shows(&[": pause", "This run is done; there is nothing to pause."]);
    view.press("\r").shows(&["This run is done; there is nothing to pause."]).hides(&[": pause"]);
    view.press(":no such command\r").hides(&["Commands"]);
    view.press(":every key\r").shows(&["Keys", "Esc closes"]);
}

#[test]
fn help_scrolls_to_its_end_and_closes() {
    let room = Room::empty();
    let mut home = viewer(&room).open();
    home.press("?").shows(&["Home", "Start the selected preset"]);
    home.press("G").shows(&["End the tour."]).hides(&["Start the selected preset"]);
    home.press("g").shows(&["Start the selected preset"]);
    home.press(ESC).shows(&["Presets"]).hides(&["Esc closes"]);
    home.press("i").shows(&["In one sentence", "Esc closes"]).press("i").hides(&["In one sentence"]);
}

#[test]
fn a_setting_takes_what_can_be_used_and_says_what_cannot() {
    let room = Room::empty();
    let mut home = viewer(&room).size((120, 40)).open();
    home.select("opposing-signals").press("e").shows(&["Settings of opposing-signals/quick", "0 changed"]);
    let estimate = home.line("an estimate");
    home.select("settings.network.steps").hides(&["expected a whole"]);
    home.press("\r\x15many\r").shows(&["expected a whole", "\"many\""]);
    home.press("\x1580000\r").shows(&["80000  (changed)", "1 changed"]);
    assert_ne!(home.line("an estimate"), estimate, "a hundred times the steps cost as much");
    home.press("\r\x15junk").press(ESC).shows(&["80000  (changed)"]).hides(&["junk"]);
    home.press(ESC).hides(&["Settings of"]).press("e").shows(&["0 changed"]);
    home.press(&DOWN.repeat(300)).press("g").shows(&["▸ seed"]);
    assert!(room.folders().is_empty(), "nothing was started");
}
