//! Runs side by side, and what people say about them.

use crate::room::{FINISHED, Room};
use crate::terminal::viewer;

#[test]
fn marked_runs_stand_side_by_side_and_one_of_them_opens() {
    let room = Room::finished();
    room.finished_as("again");
    let mut view = viewer(&room).size((160, 48)).open();
    view.press("C").shows(&["Mark two runs or more with Space"]);
    view.press("\t\t j ").shows(&["2 marked"]).press("C");
    view.shows(&["2 runs side by side", "baseline [a]", "in 2 runs", "Last ", "Settings that differ", "Verdicts"]);
    view.shows(&["[a] ", "[b] ", "all conditions"]);
}

#[test]
fn a_comparison_turns_conditions_and_baselines() {
    let room = Room::finished();
    room.finished_as("again");
    let mut view = viewer(&room).size((160, 48)).with(&["watch", FINISHED]).open();
    view.wait_for("6 r2_first over all trials");
    view.press("C").shows(&["2 runs side by side", "all conditions"]);
    view.press("]").shows(&["only easy+hard"]).press("[").shows(&["all conditions"]);
    let baseline = view.line("baseline");
    view.press("\x1b[Zj").press("b");
    assert_ne!(view.line("baseline"), baseline);
    // The same run twice: no difference, whatever the baseline.
    view.press("2z").shows(&["less the baseline", "+0 ±"]);
    view.press("\x1b").press("\x1b").shows(&["6 r2_first over all trials"]);
}

#[test]
fn a_run_is_tagged_and_found_by_its_tag_and_notes_stay_with_it() {
    let room = Room::finished();
    let mut view = viewer(&room).size((120, 40)).with(&["watch"]).open();
    view.press("#").shows(&["A tag for this run"]);
    view.press("two words\r").shows(&["no tag"]);
    view.press("\x15fig-2\r").shows(&["Tagged fig-2.", "#fig-2"]);
    view.press("Nthe gap closes late\r").shows(&["The note is kept with the run.", "Note: the gap closes late"]);
    assert!(room.read("notes.jsonl").contains("the gap closes late"));
    view.press("#fig-2\r").shows(&["The tag fig-2 is off."]).hides(&["#fig-2"]);
    view.press("#fig-3\r").send(b"q");
    assert!(view.ends().success());
    let mut home = viewer(&room).size((120, 40)).open();
    home.press("/tag:fig-3\r").shows(&["1 of 1 runs"]).press("/\x15tag:fig-2\r").shows(&["0 of 1 runs"]);
}

#[test]
fn values_and_commands_are_copied() {
    let room = Room::finished();
    let mut view = viewer(&room).size((120, 40)).with(&["watch"]).open();
    view.press("@").shows(&["Copied"]);
    let sent = String::from_utf8_lossy(&view.state().bytes).into_owned();
    // OSC 52 with base64 of "ansatz ".
    assert!(sent.contains("\x1b]52;c;YW5zYXR6I"), "no clipboard sequence");
}

#[test]
fn the_mouse_is_off_until_it_is_asked_for() {
    let room = Room::finished();
    let mut view = viewer(&room).size((120, 40)).with(&["watch"]).open();
    assert!(!String::from_utf8_lossy(&view.state().bytes).contains("\x1b[?1000h"));
    view.press("M").shows(&["The mouse is on"]);
    assert!(String::from_utf8_lossy(&view.state().bytes).contains("\x1b[?1000h"));
    view.press("M").shows(&["The mouse is off"]).send(b"q");
    assert!(view.ends().success());
    assert!(String::from_utf8_lossy(&view.state().bytes).contains("\x1b[?1000l"));
}
