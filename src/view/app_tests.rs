//! What keys do: from home to a run, its panels, its worker, and back.

use std::rc::Rc;

use super::made_up::{self, FakeBench, Still, TABLE};
use super::*;
use crate::contract::{Level, Status};

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
    assert_eq!(stand(&app).page(&app.run.as_ref().unwrap().items()), (6, 2));
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
    assert!(stand(&app).charts.switched.contains("metric"));
    let before = stand(&app).clone();
    app.run.as_mut().unwrap().feed = Box::new(Still(made_up::state(true)));
    app.refresh();
    assert_eq!(stand(&app), &before);
    let run = app.run.as_ref().unwrap();
    assert_eq!(run.items()[stand(&app).place(&run.items())].title(), "loss over all trials");
    press(&mut app, "y");
    assert!(stand(&app).charts.switched.is_empty());
}

#[test]
fn an_axis_without_positive_values_stays_linear_and_says_why() {
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
    assert!(app.message.as_ref().unwrap().text.contains("positive"));
    assert!(stand(&app).charts.switched.is_empty());
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
