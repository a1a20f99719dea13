//! The end of a viewer: keys, signals, a terminal that goes; and its silence while nobody presses one.

use std::time::Duration;

use rustix::process::Signal;

use crate::room::Room;
use crate::terminal::{Viewer, viewer};

fn gave_its_terminal_back(view: &Viewer) -> bool {
    let state = view.state();
    !state.terminal().alternate_screen() && !state.terminal().hide_cursor()
}

#[test]
fn leaving_gives_the_terminal_back() {
    let room = Room::finished();
    for key in ["q", "\x03"] {
        let mut view = viewer(&room).open();
        assert!(!gave_its_terminal_back(&view));
        view.press("\t\t\r?").send(key.as_bytes());
        assert!(view.ends().success() && gave_its_terminal_back(&view), "{key:?}");
    }
}

#[test]
fn a_signal_ends_it_and_restores_the_terminal() {
    let room = Room::empty();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let view = viewer(&room).open();
        view.signal(signal);
        assert!(view.ends().success() && gave_its_terminal_back(&view), "{signal:?}");
    }
}

#[test]
fn suspended_it_gives_the_terminal_back_and_draws_again_when_continued() {
    let room = Room::finished();
    let mut view = viewer(&room).open();
    let before = view.below_the_head();
    view.send(b"\x1a");
    view.stops();
    drop(view.until("the shell's screen", |state| !state.terminal().alternate_screen()));
    view.signal(Signal::CONT);
    drop(view.until("its screen again", |state| state.terminal().alternate_screen()));
    view.wait_for("1 run, 0 live");
    assert_eq!(view.below_the_head(), before);
    view.send(b"q");
    assert!(view.ends().success());
}

#[test]
fn when_its_terminal_is_gone_so_is_the_viewer() {
    let room = Room::finished();
    let mut view = viewer(&room).with(&["watch"]).open();
    view.hang_up();
    assert!(view.ends().success());
}

#[test]
fn an_idle_viewer_says_nothing() {
    let room = Room::finished();
    let view = viewer(&room).with(&["watch"]).open();
    view.stays_still(Duration::from_secs(2));
}

#[test]
fn the_idle_signal_comes_only_where_it_is_asked_for() {
    let room = Room::finished();
    let mut silent = viewer(&room).silent().open();
    silent.wait_for("1 run, 0 live");
    silent.press("?");
    silent.wait_for("Esc closes");
    assert!(!String::from_utf8_lossy(&silent.state().bytes).contains("ansatz-idle"));
    let mut told = viewer(&room).open();
    told.press("?").shows(&["Esc closes"]);
    assert!(String::from_utf8_lossy(&told.state().bytes).contains("\x1b]7777;ansatz-idle;keys=1;size=80x24\x07"));
}
