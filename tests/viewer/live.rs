//! A run while it runs: started from edited settings, paused, turned, stopped and gone on with.

use crate::room::Room;
use crate::terminal::viewer;

#[test]
fn a_run_is_edited_started_turned_paused_and_stopped() {
    let room = Room::empty();
    let mut view = viewer(&room).size((120, 40)).open();
    view.select("gpicl").press("e").select("settings.common.batch").press("\r\x152\r").shows(&["1 changed"]);
    view.select("settings.common.steps").press("\r\x15100000\r").shows(&["2 changed"]);
    view.press("r");
    view.wait_for("LIVE");
    view.wait_for("steps/s");
    assert!(room.read("preset.ron").contains("100000"), "the run has the settings that were typed");

    view.press("K").shows(&["Knobs  for every trial that runs", "learning_rate"]);
    view.press("\r7\r").shows(&["learning_rate takes 0 to"]);
    view.press("\x15quick\r").shows(&["`quick` is no number"]);
    view.press("\x150.002\r").shows(&["Asked for learning_rate = 0.002"]);
    view.press("\x1b");
    view.wait_for("learning_rate");
    assert!(room.read("changes.jsonl").contains("0.002"), "the turn is on the disk");

    view.press(" ");
    view.wait_for("PAUSED");
    view.press(" ");
    view.wait_for("LIVE");

    view.press("x").shows(&["Stop it? (y/n)"]).press("n").hides(&["Stop it?"]).press("xy");
    view.wait_for("STOPPED");
    view.press("x").shows(&["This run has no worker to stop."]);
    view.press("K").shows(&["This run has no worker; a knob is turned while it runs."]);
    view.press("\x1b").shows(&["1 run, 0 live", "STOPPED"]);

    // Its worker is not the viewer's: a new one goes on, and stays when the viewer leaves.
    view.press("\t\t\r").press(" ");
    view.wait_for("LIVE");
    view.send(b"q");
    assert!(view.ends().success());
    assert!(ansatz::run::holder(&room.folders()[0]).is_some(), "the worker went with the viewer");
}
