//! What keys do: from home to a run, its panels, its worker, and back.

use std::rc::Rc;

use super::made_up::{self, FakeBench, Still, TABLE};
use super::*;
use crate::contract::{Level, Status, StudyState};

fn viewer(finished: bool) -> (App, FakeBench) {
    let bench = FakeBench { finished, ..made_up::bench() };
    let mut app = App::home(TABLE, Box::new(bench.clone()), 2);
    app.resize(120, 40);
    (app, bench)
}

fn press(app: &mut App, keys: &str) -> Effect {
    let effects = keys.chars().map(|c| match c {
        '\r' => Key::Enter,
        '\x1b' => Key::Esc,
        '\t' => Key::Tab,
        c => Key::Char(c),
    });
    effects.collect::<Vec<_>>().into_iter().map(|key| app.key(key)).last().unwrap_or_default()
}

fn asked(bench: &FakeBench) -> Vec<String> {
    Rc::clone(&bench.asked).borrow().clone()
}

fn stand(app: &App) -> &Stand {
    &app.run.as_ref().unwrap().stand
}

#[test]
fn enter_starts_the_selected_preset_and_shows_it() {
    let (mut app, bench) = viewer(false);
    assert_eq!(app.context(), Context::Home);
    press(&mut app, "\tj\r");
    assert_eq!(asked(&bench), ["start gpicl/full"]);
    assert_eq!(app.context(), Context::Run);
    press(&mut app, "\x1b");
    assert_eq!(app.context(), Context::Home);
    press(&mut app, "\tj\r");
    assert_eq!(asked(&bench).last().unwrap(), "open runs/gpicl-quick");
}

#[test]
fn an_edited_preset_starts_with_its_changes() {
    let (mut app, bench) = viewer(false);
    press(&mut app, "e");
    while let Some(Overlay::Settings(settings)) = &app.overlay {
        if settings.rows[settings.selected].setting.path == "settings.width" {
            break;
        }
        press(&mut app, "j");
    }
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Value);
    app.typed(Field::new("96"));
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Settings);
    press(&mut app, "r");
    assert_eq!(asked(&bench), ["start gpicl/quick settings.width=96"]);
    assert_eq!(app.context(), Context::Run);
}

#[test]
fn space_pauses_and_x_asks_before_it_stops() {
    let (mut app, bench) = viewer(false);
    press(&mut app, "\r x");
    assert_eq!(app.context(), Context::Confirm);
    press(&mut app, "n");
    assert_eq!(asked(&bench), ["start gpicl/quick", "Pause"]);
    press(&mut app, "xy");
    assert_eq!(asked(&bench).last().unwrap(), "Stop");
    let mut stopped = made_up::state(false);
    stopped.status = Status::Stopped;
    app.show(Box::new(Still(stopped)));
    press(&mut app, "x");
    assert!(app.overlay.is_none() && app.message.as_ref().unwrap().text.contains("no worker"));
    press(&mut app, " s]b");
    assert_eq!(asked(&bench)[3..], ["Resume", "snapshot", "diagnose K-32.s0"]);
    assert!(app.message.as_ref().unwrap().text.contains("bias card of K-32.s0"));
}

#[test]
fn a_done_run_says_why_it_cannot_be_paused() {
    let (mut app, bench) = viewer(true);
    press(&mut app, "\r ");
    assert_eq!(asked(&bench), ["start gpicl/quick"]);
    assert!(app.message.as_ref().unwrap().text.contains("done"));
    assert!(app.footer().iter().all(|binding| binding.action != Action::Toggle));
}

#[test]
fn panels_are_reached_by_number_arrows_pages_and_tab() {
    let (mut app, _) = viewer(false);
    press(&mut app, "\r3");
    assert_eq!(stand(&app).panel, "study/plateaus");
    press(&mut app, "l");
    assert_eq!(stand(&app).panel, "study/state");
    press(&mut app, "k");
    assert_eq!(stand(&app).panel, "study/regimes");
    app.key(Key::PageDown);
    assert_eq!(stand(&app).panel, "trial/accuracies");
    assert_eq!(stand(&app).page(&app.run.as_ref().unwrap().items()), (6, 3));
    app.key(Key::Home);
    app.key(Key::BackTab);
    assert_eq!(stand(&app).focus, Focus::Trials);
    press(&mut app, "jj");
    assert_eq!((stand(&app).trial, stand(&app).focus), (2, Focus::Trials));
    press(&mut app, "4]");
    assert_eq!((stand(&app).trial, stand(&app).panel.as_str()), (3, "study/state"));
}

#[test]
fn the_view_belongs_to_the_person_not_to_the_data() {
    let (mut app, _) = viewer(false);
    press(&mut app, "\r5vy");
    assert_eq!((stand(&app).panel.as_str(), stand(&app).metric), ("metric", 1));
    assert_ne!(stand(&app).charts, Charts::default());
    let before = stand(&app).clone();
    app.run.as_mut().unwrap().feed = Box::new(Still(made_up::state(true)));
    app.refresh();
    assert_eq!(stand(&app), &before);
    let run = app.run.as_ref().unwrap();
    assert_eq!(run.items()[stand(&app).place(&run.items())].title(), "loss over all trials");
    press(&mut app, "0");
    assert_eq!(stand(&app).charts, Charts::default());
}

#[test]
fn an_axis_takes_the_spacings_that_its_values_have() {
    let (mut app, _) = viewer(false);
    let mut state = made_up::state(false);
    for trial in &mut state.trials {
        for (_, value) in trial.result.metrics.values_mut().flatten() {
            *value = -*value;
        }
    }
    state.panels.clear();
    app.show(Box::new(Still(state)));
    press(&mut app, "y");
    assert_eq!(app.message.as_ref().unwrap().text, "The vertical axis is symlog.");
    press(&mut app, "y");
    assert_eq!(app.message.as_ref().unwrap().text, "The vertical axis is linear.");
}

#[test]
fn escape_goes_back_one_level_at_a_time() {
    let (mut app, _) = viewer(true);
    press(&mut app, "\rzi");
    assert_eq!(app.context(), Context::Page);
    press(&mut app, "\x1b");
    assert!(app.overlay.is_none() && stand(&app).zoomed);
    press(&mut app, "\x1b");
    assert!(!stand(&app).zoomed);
    press(&mut app, "\x1b");
    assert!(app.run.is_none());
    assert_eq!(press(&mut app, "q"), Effect::Leave);
}

#[test]
fn the_next_run_of_a_system_is_looked_at_in_the_same_way() {
    let (mut app, _) = viewer(true);
    press(&mut app, "\r6vyw+]\x1b\r");
    let stand = stand(&app);
    assert_eq!((stand.panel.as_str(), stand.metric, stand.trial), ("metric", 1, 0));
    assert!(stand.charts.windows.is_empty() && stand.charts != Charts::default());
}

#[test]
fn a_run_watched_alone_has_no_home_behind_it() {
    let feed = Box::new(Still(made_up::state(false)));
    let mut app = App::watching(TABLE, Box::new(made_up::bench()), feed, 2);
    press(&mut app, "\x1b");
    assert!(app.run.is_some() && app.message.is_some());
}

#[test]
fn metrics_of_the_card_come_first_and_names_are_found_without_a_card() {
    let state = made_up::state(false);
    assert_eq!(metric_names(&state, Some(TABLE[0].card)), ["unseen.last", "loss"]);
    assert_eq!(metric_names(&state, None), ["loss", "unseen.last"]);
    let (name, value) = headline(&state.trials[0], Some(TABLE[0].card)).unwrap();
    assert_eq!((name.as_str(), value), ("unseen.last", state.trials[0].result.last("unseen.last").unwrap()));
    assert!(headline(&state.trials[8], None).is_none());
}

#[test]
fn the_last_error_is_found_among_notes_and_journal() {
    let mut state = made_up::state(false);
    assert!(last_error(&state).is_none());
    state.trials[1].notes.push((12, Level::Error, "loss was not finite".into()));
    assert_eq!(last_error(&state).unwrap().when, "K-32.s0 @12");
    assert_eq!(notes(&state, 1).last().unwrap().text, "loss was not finite");
    state.journal.push((1100.0, Level::Error, "the disk is full".into()));
    assert_eq!(last_error(&state).unwrap().text, "the disk is full");
}

#[test]
fn the_filter_searches_systems_and_runs() {
    let (mut app, _) = viewer(false);
    press(&mut app, "/");
    app.typed(Field::new("ablated"));
    let home = app.home.as_ref().unwrap();
    assert!(home.shown().is_empty() && home.preset_name().is_none());
    assert_eq!(home.runs().len(), 1);
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Home);
    press(&mut app, "e");
    assert!(app.overlay.is_none() && app.message.is_some());
}

#[test]
fn the_last_filter_that_can_be_read_stays_applied() {
    let (mut app, _) = viewer(false);
    press(&mut app, "/");
    app.typed(Field::new("state:done"));
    let runs = |app: &App| app.home.as_ref().unwrap().runs().len();
    assert_eq!(runs(&app), 1);
    app.typed(Field::new("state:done OR"));
    assert_eq!((runs(&app), app.home.as_ref().unwrap().fault.as_ref().unwrap().at), (1, 13));
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Filter);
    app.typed(Field::new("state:done OR state:live"));
    assert_eq!(runs(&app), 2);
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Home);
    assert!(app.home.as_ref().unwrap().fault.is_none());
}

#[test]
fn marks_are_kept_in_their_order_over_filters_and_refreshes() {
    let (mut app, _) = viewer(false);
    press(&mut app, " ");
    assert!(app.message.as_ref().unwrap().text.contains("Tab"));
    press(&mut app, "\t\tj k ");
    let marked = |app: &App| {
        let home = app.home.as_ref().unwrap();
        let names = home.marked.iter().map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(marked(&app), ["gpicl-quick", "gpicl-quick-1"]);
    press(&mut app, "/");
    app.typed(Field::new("state:stopped"));
    app.refresh();
    assert_eq!(marked(&app), ["gpicl-quick", "gpicl-quick-1"]);
    press(&mut app, "\x1b");
    let home = app.home.as_ref().unwrap();
    assert_eq!(home.mark_of(home.selected_run().unwrap()), None);
    press(&mut app, "k ");
    assert_eq!(marked(&app), ["gpicl-quick-1"]);
}

#[test]
fn the_picture_is_of_the_newest_run_that_is_done() {
    let (app, _) = viewer(false);
    let home = app.home.as_ref().unwrap();
    let picture = home.picture().unwrap();
    assert_eq!((picture.panel.id.as_str(), picture.run.as_deref()), ("in-context", Some("gpicl-quick")));
    assert_eq!(home.last_verdict(home.selected().unwrap()).unwrap().name, "gpicl-quick");
}

#[test]
fn a_command_is_found_by_its_name_and_says_why_it_does_nothing() {
    let (mut app, bench) = viewer(false);
    press(&mut app, "\r:");
    assert_eq!(app.context(), Context::Palette);
    app.typed(Field::new("checkpoint end worker"));
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Confirm);
    press(&mut app, "n:");
    app.typed(Field::new("pause"));
    press(&mut app, "\r");
    assert_eq!(asked(&bench), ["start gpicl/quick", "Pause"]);
    let (mut done, _) = viewer(true);
    press(&mut done, "\r:");
    done.typed(Field::new("knob"));
    press(&mut done, "\r");
    assert!(done.overlay.is_none() && done.message.unwrap().text.contains("no worker"));
    press(&mut app, ":");
    app.typed(Field::new("no such command"));
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Run);
}

#[test]
fn a_knob_is_turned_and_a_wrong_value_is_told() {
    let (mut app, bench) = viewer(false);
    press(&mut app, "\rK\r");
    assert_eq!(app.context(), Context::Value);
    app.typed(Field::new("12"));
    press(&mut app, "\r");
    assert_eq!(app.context(), Context::Value);
    app.typed(Field::new("3e-4"));
    press(&mut app, "\r");
    assert_eq!(asked(&bench), ["start gpicl/quick", "turn learning_rate 0.0003"]);
    press(&mut app, "\x1b");
    assert_eq!(app.context(), Context::Run);
}

#[test]
fn the_cursor_moves_in_the_focused_chart_and_leaves_it() {
    let (mut app, _) = viewer(true);
    press(&mut app, "\r3c");
    assert!(app.message.as_ref().unwrap().text.contains("no chart"));
    let place = app.run.as_ref().unwrap().items().iter().position(|item| item.key == "metric").unwrap();
    press(&mut app, &format!("{}c", place + 1));
    assert_eq!(app.context(), Context::Cursor);
    assert_eq!(stand(&app).charts.cursor, Some(("step".into(), 150.0)));
    press(&mut app, "Hh");
    assert_eq!(stand(&app).charts.cursor, Some(("step".into(), 130.0)));
    press(&mut app, "]");
    assert_eq!(stand(&app).trial, 1);
    press(&mut app, "\x1b");
    assert_eq!((app.context(), &stand(&app).charts.cursor), (Context::Run, &None));
}

#[test]
fn runs_are_set_side_by_side_and_read_like_one() {
    let (mut app, bench) = viewer(true);
    press(&mut app, "\rC");
    assert_eq!(app.context(), Context::Compare);
    assert_eq!(asked(&bench)[1..], ["open runs/gpicl-quick", "open runs/gpicl-quick-1"]);
    let comparison = app.comparison.as_ref().unwrap();
    assert_eq!((comparison.sides.len(), comparison.baseline, comparison.items().len()), (2, 0, 5));
    press(&mut app, "c");
    assert_eq!(app.context(), Context::Cursor);
    press(&mut app, "cv2t");
    assert!(app.message.as_ref().unwrap().text.contains("Sorted by condition"));
    press(&mut app, "]");
    assert_eq!(app.comparison.as_ref().unwrap().condition().as_deref(), Some("K = inf"));
    press(&mut app, "[[");
    assert_eq!(app.comparison.as_ref().unwrap().condition().as_deref(), Some("K = 4"));
    app.key(Key::BackTab);
    app.key(Key::BackTab);
    press(&mut app, "jb");
    assert_eq!(app.comparison.as_ref().unwrap().baseline, 1);
    assert!(
        matches!(app.key(Key::Char('Y')), Effect::Copy(text) if text.starts_with("ansatz compare") || text.contains('\t'))
    );
    press(&mut app, "z\x1b");
    assert!(app.comparison.is_some(), "one level at a time");
    press(&mut app, "o");
    assert!(app.comparison.is_none() && app.run.is_some());
    press(&mut app, "C\x1b");
    assert_eq!(app.context(), Context::Run);
}

#[test]
fn what_is_copied_is_what_is_meant() {
    let (mut app, _) = viewer(true);
    let copied = |app: &mut App, key: char| match app.key(Key::Char(key)) {
        Effect::Copy(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(&mut app, 'Y'), "gpicl/quick");
    assert_eq!(copied(&mut app, '@'), "ansatz run gpicl/quick");
    assert!(app.message.as_ref().unwrap().text.contains("ansatz run gpicl/quick"));
    press(&mut app, "\r");
    assert_eq!(copied(&mut app, 'Y'), "runs/gpicl-quick-1");
    assert_eq!(copied(&mut app, '@'), "ansatz run 'runs/gpicl-quick-1/preset.ron'");
    let place = app.run.as_ref().unwrap().items().iter().position(|item| item.key == "metric").unwrap();
    press(&mut app, &format!("{}c", place + 1));
    let text = copied(&mut app, 'Y');
    assert!(text.starts_with("step\t150\nK = inf\t0.7"), "{text}");
}

#[test]
fn a_step_a_note_a_tag_and_a_checkpoint_are_asked_for() {
    let (mut app, bench) = viewer(false);
    press(&mut app, "\r.N");
    assert_eq!(app.context(), Context::Value);
    app.typed(Field::new("the bend comes early"));
    press(&mut app, "\r#");
    app.typed(Field::new("two words"));
    press(&mut app, "\r");
    assert!(matches!(&app.overlay, Some(Overlay::Writing(writing)) if writing.error.is_some()));
    app.typed(Field::new("fig-2"));
    press(&mut app, "\r");
    assert_eq!(asked(&bench)[1..], ["Step", "Note(\"the bend comes early\")", "Tag(\"fig-2\")"]);
    press(&mut app, ",");
    assert!(app.overlay.is_none() && app.message.as_ref().unwrap().text.contains("x stops it"));
    let mut stopped = made_up::state(false);
    stopped.status = Status::Stopped;
    app.show(Box::new(Still(stopped)));
    press(&mut app, ",j");
    assert_eq!(app.context(), Context::Checkpoints);
    press(&mut app, "\r");
    assert!(app.overlay.is_none() && asked(&bench).last().unwrap().starts_with("back K-inf.s0 60"));
    press(&mut app, ".");
    assert!(app.message.as_ref().unwrap().text.contains("no worker"));
}

#[test]
fn marked_runs_are_compared_in_the_order_of_their_letters() {
    let (mut app, bench) = viewer(true);
    press(&mut app, "C");
    assert!(app.message.as_ref().unwrap().text.contains("Mark two runs"));
    press(&mut app, "\t\tj k C");
    let comparison = app.comparison.as_ref().unwrap();
    assert_eq!((comparison.sides.len(), app.context()), (2, Context::Compare));
    assert_eq!(asked(&bench), ["open runs/gpicl-quick", "open runs/gpicl-quick-1"]);
    press(&mut app, "\x1b");
    assert_eq!((app.context(), app.home.as_ref().unwrap().marked.len()), (Context::Home, 2));
}

#[test]
fn a_run_is_compared_with_the_one_before_it_and_not_with_a_newer() {
    let (mut app, bench) = viewer(true);
    press(&mut app, "\rC");
    assert_eq!(asked(&bench)[1], "open runs/gpicl-quick");
    press(&mut app, "\x1b");
    let older = StudyState { run: "gpicl-quick".into(), ..made_up::state(true) };
    app.show(Box::new(Still(older)));
    press(&mut app, "C");
    assert_eq!(asked(&bench)[3], "open runs/gpicl-ablated");
    press(&mut app, "\x1b");
    let first = StudyState { run: "gpicl-ablated".into(), ..made_up::state(true) };
    app.show(Box::new(Still(first)));
    press(&mut app, "C");
    assert_eq!(asked(&bench)[5], "open runs/gpicl-quick-1");
}

#[test]
fn a_sequence_is_stepped_through_and_the_cursor_stays() {
    let (mut app, bench) = viewer(false);
    press(&mut app, "\rS");
    assert_eq!(app.context(), Context::Sequence);
    press(&mut app, "lle");
    assert_eq!(stand(&app).walk.token, 8);
    let walk = |app: &App| stand(app).walk.clone();
    press(&mut app, "E");
    assert!(app.message.as_ref().unwrap().text.contains("Nothing is noted before here"));
    press(&mut app, "j i");
    assert_eq!((walk(&app).picture, asked(&bench).last().unwrap().as_str()), (1, "Pause"), "keys of the run work");
    assert!(matches!(&app.overlay, Some(Overlay::Explain(title, text, 0))
        if title == "A memory under fire" && text.contains("6 of 40 noted")));
    press(&mut app, "\x1b");
    assert_eq!(app.context(), Context::Sequence, "the page is still there");
    app.pointed(Pointed::Click, (30, 8));
    let picked = walk(&app).token;
    app.pointed(Pointed::WheelDown, (30, 8));
    assert!(picked != 8 && walk(&app).token == picked + 1);
    press(&mut app, "\x1b");
    assert_eq!((app.context(), walk(&app).token), (Context::Run, picked + 1));
    press(&mut app, "S]l");
    assert!(app.message.as_ref().unwrap().text.contains("shows nothing to step through"), "the next trial has none");
    assert!(app.footer().iter().all(|binding| binding.action != Action::EventOn));
    press(&mut app, "S\x1b");
    assert_eq!(app.context(), Context::Home);
    press(&mut app, "\r");
    assert!(!walk(&app).open && walk(&app).token == picked + 1, "the next run is looked at in the same way");
}
