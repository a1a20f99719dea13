//! The run view of a finished run: focus, zoom, cursor, smoothing, bands, trials, metrics, snapshot.

use crate::room::Room;
use crate::terminal::{Viewer, viewer};

fn run(room: &Room) -> Viewer {
    let view = viewer(room).size((120, 40)).with(&["watch"]).open();
    view.wait_for("6 r2_first over all trials");
    view
}

/// Labels of the horizontal axis of the only chart on the screen.
fn axis(view: &Viewer) -> String {
    let screen = view.screen();
    let lines: Vec<&str> = screen.lines().collect();
    let rule = lines.iter().rposition(|line| line.contains('└')).expect("a chart");
    lines[rule + 1].to_owned()
}

#[test]
fn the_verdict_is_read_in_full() {
    let room = Room::finished();
    let mut view = run(&room);
    view.press("1").shows(&["━━ 1 Verdict: reproduced", "wanted >= 0.15", " more ↓"]);
    view.press("z").shows(&["1 Verdict: reproduced", "B1", "What the checks say"]).hides(&["Trials 18"]);
    let top = view.screen();
    view.press("G");
    assert_ne!(view.screen(), top, "a long verdict scrolls");
    view.hides(&[" more ↓"]).press("g");
    assert_eq!(view.screen(), top);
    view.press("\x1b").shows(&["Trials 18"]);
    view.press("\x1b").shows(&["This is the outermost view; q leaves."]);
}

#[test]
fn panels_take_the_focus_in_turn_and_explain_themselves() {
    let room = Room::finished();
    let mut view = run(&room);
    view.press("4").shows(&["━━ 4 While easy+hard is learned"]).press("i").shows(&["Esc"]);
    let explained = view.screen();
    view.press("\x1b");
    assert_ne!(view.screen(), explained);
    view.press("\t").shows(&["━━ 5 "]).press("\x1b[Z\x1b[Z").shows(&["━━ 3 "]);
    view.press("l").shows(&["━━ 4 "]).press("h").shows(&["━━ 3 "]).press("k").shows(&["━━ 1 "]);
    let trial = view.line("▸");
    view.press("]");
    assert_ne!(view.line("▸"), trial);
    view.press("[");
    assert_eq!(view.line("▸"), trial);
}

#[test]
fn a_chart_is_zoomed_moved_and_shown_whole_again() {
    let room = Room::finished();
    let mut view = run(&room);
    view.press("6z");
    let whole = axis(&view);
    view.press("++");
    let near = axis(&view);
    view.press(">");
    let behind = axis(&view);
    assert!(near != whole && behind != near, "{whole}\n{near}\n{behind}");
    view.press("<");
    assert_eq!(axis(&view), near);
    view.press("0");
    assert_eq!(axis(&view), whole);
    // Without the footer, which says what the scale is.
    let chart = |view: &Viewer| view.screen().rsplit_once('\n').map(|(chart, _)| chart.to_owned());
    let linear = chart(&view);
    view.press("y").shows(&["The vertical axis is log."]);
    assert_ne!(chart(&view), linear);
    view.press("y").shows(&["The vertical axis is symlog."]).press("y").shows(&["The vertical axis is linear."]);
    assert_eq!(chart(&view), linear);
}

#[test]
fn the_cursor_reads_values_off_every_chart_with_its_axis() {
    let room = Room::finished();
    let mut view = run(&room);
    view.press("6c");
    let end = view.screen();
    view.press("HH");
    let before = view.screen();
    assert_ne!(before, end, "the values are those of another step");
    view.shows(&["step "]).press("LL");
    assert_eq!(view.screen(), end);
    view.press("hl");
    assert_eq!(view.screen(), end);
    view.press("c").press("c");
    assert_eq!(view.screen(), end, "taken out and put in again it stands at the end");
    view.press("\x1b").press("1c").shows(&["The focused panel is no chart of lines."]);
}

#[test]
fn curves_are_smoothed_and_seeds_are_bands_or_lines() {
    let room = Room::finished();
    let mut view = run(&room);
    view.press("6z");
    let recorded = view.screen();
    for factor in ["0.6", "0.9", "0.97"] {
        view.press("w").shows(&[&format!("Curves smoothed: {factor} of the past")]);
    }
    view.press("w").shows(&["Curves as they were recorded."]);
    view.press("r").shows(&["Every seed has a line."]);
    view.press("r").shows(&["median and quartiles"]).press("g");
    assert_eq!(view.screen(), recorded);
    view.press("v").shows(&["metric 2 of"]).press("V").shows(&["metric 1 of"]);
}

#[test]
fn s_writes_the_screen_with_the_rest_of_the_snapshot() {
    let room = Room::finished();
    let mut view = run(&room);
    view.press("s").shows(&["Snapshot written to representation-bias-small-snapshot"]);
    let shot = room.path().join("representation-bias-small-snapshot");
    let read = |name: &str| std::fs::read_to_string(shot.join(name)).unwrap();
    for name in ["screen.txt", "screen.svg"] {
        assert!(read(name).contains("Verdict: reproduced"), "{name}");
    }
    assert!(read("screen.ansi").contains("\x1b[0;1"));
}
