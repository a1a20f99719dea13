//! What each action does.

use std::path::PathBuf;

use super::app::{App, Effect, Overlay};
use super::panels::{self, END, PAGE, Room};
use super::{
    Action, Along, Checkpoints, Context, Item, Key, Knobs, List, Palette, Settings, Stand, Wish, Words, Writing, items,
    metric_names, sequences,
};
use crate::contract::{Annotation, Annotations, Status};

/// Does an action in the place where its key was pressed, and tells the tour.
pub(super) fn dispatch(app: &mut App, action: Action, key: Key) -> Effect {
    let ready = app.tour_is_ready();
    let effect = act(app, action, key);
    app.tour_saw(action, ready);
    effect
}

fn act(app: &mut App, action: Action, key: Key) -> Effect {
    match action {
        Action::TourOn => app.tour_on(),
        Action::TourEnd => app.tour = None,
        Action::Leave => return Effect::Leave,
        Action::Suspend => return Effect::Suspend,
        Action::Redraw => return Effect::Redraw,
        Action::Help => app.overlay = Some(Overlay::Help(app.contexts(), 0)),
        Action::Mouse => return mouse(app),
        Action::Copy => return app.copied(false),
        Action::CopyCommand => return app.copied(true),
        Action::Palette => app.overlay = Some(Overlay::Palette(Palette::of(app.contexts()))),
        _ => match app.context() {
            Context::Home | Context::Filter => in_home(app, action),
            Context::Knobs => in_knobs(app, action),
            Context::Value if matches!(app.overlay, Some(Overlay::Knobs(_))) => in_knobs(app, action),
            Context::Value if matches!(app.overlay, Some(Overlay::Writing(_))) => in_writing(app, action),
            Context::Settings | Context::Value => in_settings(app, action),
            Context::Checkpoints => in_checkpoints(app, action),
            Context::Palette => return in_palette(app, action),
            Context::Cursor | Context::Compare if app.comparison.is_some() => in_comparison(app, action, key),
            Context::Sequence => in_sequence(app, action, key),
            Context::Run | Context::Cursor | Context::Compare | Context::Panels => in_run(app, action, key),
            Context::Page => in_page(app, action),
            Context::Confirm => in_question(app, action),
            Context::Anywhere | Context::Tour => {}
        },
    }
    Effect::None
}

fn mouse(app: &mut App) -> Effect {
    app.mouse = !app.mouse;
    app.say(match app.mouse {
        true => "The mouse is on: click focuses, the wheel zooms charts and moves lists. M turns it off.",
        false => "The mouse is off: the terminal selects text again.",
    });
    Effect::Mouse(app.mouse)
}

/// How far an action moves in a list.
fn distance(action: Action) -> Option<isize> {
    Some(match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageBack => -PAGE,
        Action::PageOn => PAGE,
        Action::First => -END,
        Action::Last => END,
        _ => return None,
    })
}

fn in_home(app: &mut App, action: Action) {
    let Some(home) = &mut app.home else { return };
    if let Some(by) = distance(action) {
        return home.step(app.bench.as_ref(), by);
    }
    match action {
        Action::Next | Action::Right => home.list = home.list.turned(1),
        Action::Previous | Action::Left => home.list = home.list.turned(-1),
        Action::Filter => home.filtering = true,
        // A filter with a fault is not what is shown: it stays open until it is mended or dropped.
        Action::Accept => home.filtering = home.fault.is_some(),
        Action::Mark => home.mark(),
        Action::Tour => app.begin_tour(),
        Action::Compare => {
            let folders = home.marked.clone();
            app.compare(&folders);
        }
        Action::Back => {
            home.filtering = false;
            home.filter(app.bench.as_ref(), super::Field::default());
        }
        Action::Card => app.overlay = home.selected().map(|entry| Overlay::Card(entry.card, 0)),
        Action::Edit => match home.preset_name().map(|name| Settings::open(app.bench.as_ref(), name)) {
            Some(Ok(settings)) => app.overlay = Some(Overlay::Settings(Box::new(settings))),
            Some(Err(error)) => _ = app.say_error(error),
            None => {}
        },
        Action::Open => open(app),
        Action::Note => write(app, Words::Note),
        Action::Tag => write(app, Words::Tag),
        _ => {}
    }
}

fn open(app: &mut App) {
    let Some(home) = &app.home else { return };
    let fed = match home.list {
        List::Runs => home.selected_run().map(|run| app.bench.open(&run.folder)),
        List::Systems | List::Presets => home.preset_name().map(|name| app.bench.start(&name, &[])),
    };
    match fed {
        Some(Ok(feed)) => app.show(feed),
        Some(Err(error)) => _ = app.say_error(error),
        None => {}
    }
}

fn in_settings(app: &mut App, action: Action) {
    let Some(Overlay::Settings(settings)) = &mut app.overlay else { return };
    if let Some(by) = distance(action) {
        return settings.step(by);
    }
    match action {
        Action::Open => settings.type_value(),
        Action::Accept => settings.accept(app.bench.as_ref()),
        Action::Left => settings.choose(app.bench.as_ref(), false),
        Action::Right => settings.choose(app.bench.as_ref(), true),
        Action::PutBack => settings.put_back(app.bench.as_ref()),
        Action::Back if settings.typing.is_some() => (settings.typing, settings.error) = (None, None),
        Action::Back => app.overlay = None,
        Action::Start => match app.bench.start(&settings.preset, &settings.set) {
            Ok(feed) => {
                app.overlay = None;
                app.show(feed);
            }
            Err(error) => _ = app.say_error(error),
        },
        _ => {}
    }
}

fn in_knobs(app: &mut App, action: Action) {
    let (Some(Overlay::Knobs(knobs)), Some(run)) = (&mut app.overlay, &app.run) else { return };
    match action {
        Action::Up | Action::Down => knobs.step(distance(action).unwrap_or(0)),
        Action::Open => knobs.typing = Some(super::Field::default()),
        Action::Accept => {
            let Some(turn) = knobs.turn() else { return };
            match app.bench.turn(run.feed.folder(), &turn) {
                Ok(()) => {
                    app.say(format!("Asked for {} = {}; the journal says what came of it.", turn.knob, turn.value))
                }
                Err(error) => _ = app.say_error(error),
            }
        }
        Action::Back if knobs.typing.is_some() => (knobs.typing, knobs.error) = (None, None),
        _ => app.overlay = None,
    }
}

fn in_palette(app: &mut App, action: Action) -> Effect {
    let Some(Overlay::Palette(palette)) = &mut app.overlay else { return Effect::None };
    if let Some(by) = distance(action) {
        palette.step(by);
        return Effect::None;
    }
    let chosen = palette.chosen().filter(|_| action == Action::Accept);
    app.overlay = None;
    let Some(binding) = chosen else { return Effect::None };
    match app.enabled(binding) {
        Ok(()) => dispatch(app, binding.action, binding.keys[0]),
        Err(reason) => {
            app.say(reason);
            Effect::None
        }
    }
}

fn in_page(app: &mut App, action: Action) {
    let scroll = match &mut app.overlay {
        Some(Overlay::Help(_, scroll) | Overlay::Card(_, scroll) | Overlay::Explain(_, _, scroll)) => scroll,
        _ => return,
    };
    match distance(action) {
        Some(by) => *scroll = (*scroll as isize).saturating_add(by).clamp(0, 10_000) as usize,
        None => app.overlay = None,
    }
}

fn in_question(app: &mut App, action: Action) {
    app.overlay = None;
    if action == Action::Yes {
        ask(app, Wish::Stop, "Asked the worker to write checkpoints and end.");
    }
}

fn in_run(app: &mut App, action: Action, key: Key) {
    let Some(run) = &mut app.run else { return };
    match action {
        Action::TrialBefore => run.stand.select(run.feed.state().trials.len(), -1),
        Action::TrialAfter => run.stand.select(run.feed.state().trials.len(), 1),
        Action::Sequence => run.stand.walk.open = true,
        Action::Knobs => app.overlay = Some(Overlay::Knobs(Knobs::of(run.knobs))),
        Action::Back if run.stand.zoomed => run.stand.zoomed = false,
        Action::Back => leave_run(app),
        Action::Stop => app.overlay = Some(Overlay::ConfirmStop),
        Action::Toggle => toggle(app),
        Action::Snapshot => snapshot(app),
        Action::BiasCard => diagnose(app),
        Action::Compare => beside_the_one_before(app),
        Action::Step => ask(app, Wish::Step, "Asked for a single step; the run pauses behind it."),
        Action::Checkpoints => checkpoints(app),
        Action::Note => write(app, Words::Note),
        Action::Tag => write(app, Words::Tag),
        Action::Axis => {
            let along = run.stand.turn_axis(run.feed.state().trials.iter());
            app.say(format!("The chart over all trials is drawn along: {along}."));
        }
        _ => in_panels(app, action, key),
    }
}

/// Does an action on the page of a sequence; what is none of the page's is the run's.
fn in_sequence(app: &mut App, action: Action, key: Key) {
    let Some(run) = &mut app.run else { return };
    let all = run.feed.state().trials.get(run.stand.trial).map_or_else(Vec::new, sequences);
    match action {
        Action::Sequence => run.stand.walk.open = false,
        Action::Explain => {
            let read = all.get(run.stand.walk.place(&all)).map(|(panel, _)| *panel);
            app.overlay = read.map(|panel| Overlay::Explain(panel.title.clone(), panels::meaning(panel), 0));
        }
        _ if run.stand.walk.act(&all, action) => {}
        _ => in_run(app, action, key),
    }
}

/// Does an action on the panels of the run.
fn in_panels(app: &mut App, action: Action, key: Key) {
    let Some(run) = &mut app.run else { return };
    let state = run.feed.state();
    let items = items(state, &run.stand, run.card);
    let events: Vec<f64> = match state.trials.get(run.stand.trial) {
        Some(trial) if run.stand.along == Along::Steps => trial.notes.iter().map(|(step, ..)| *step as f64).collect(),
        _ => Vec::new(),
    };
    let metrics = metric_names(state, run.card).len();
    let room = Room { items: &items, rows: state.trials.len(), metrics, events: &events };
    if action == Action::Explain {
        app.overlay = explained(&run.stand, &items);
    } else if let Some(said) = panels::act(&mut run.stand, &room, action, key) {
        app.say(said);
    }
}

/// The page that says what the focused panel means.
fn explained(stand: &Stand, items: &[Item]) -> Option<Overlay> {
    let item = items.get(stand.place(items))?;
    Some(Overlay::Explain(item.title(), panels::explanation(item), 0))
}

fn in_comparison(app: &mut App, action: Action, key: Key) {
    let Some(comparison) = &mut app.comparison else { return };
    let (rows, metrics) = (comparison.sides.len(), comparison.metrics().len());
    match action {
        Action::Axis => {
            let trials = comparison.sides.iter().flat_map(|side| &side.feed.state().trials);
            let along = comparison.stand.turn_axis(trials);
            app.say(format!("Curves are drawn along: {along}."));
        }
        Action::Baseline => comparison.baseline = comparison.stand.trial.min(rows.saturating_sub(1)),
        Action::ConditionAfter => comparison.turn_condition(1),
        Action::ConditionBefore => comparison.turn_condition(-1),
        Action::Back if comparison.stand.zoomed => comparison.stand.zoomed = false,
        Action::Back => app.comparison = None,
        Action::Open => {
            let folder = comparison.sides.get(comparison.stand.trial).map(|side| side.feed.folder().to_owned());
            match folder.map(|folder| app.bench.open(&folder)) {
                Some(Ok(feed)) => {
                    app.comparison = None;
                    app.show(feed);
                }
                Some(Err(error)) => _ = app.say_error(error),
                None => {}
            }
        }
        _ => {
            let items = comparison.items();
            let room = Room { items: &items, rows, metrics, events: &[] };
            if action == Action::Explain {
                app.overlay = explained(&comparison.stand, &items);
            } else if let Some(said) = panels::act(&mut comparison.stand, &room, action, key) {
                app.say(said);
            }
        }
    }
}

/// The folder of the run that is meant, and what was said of it so far.
fn meant(app: &App) -> Option<(PathBuf, Annotations)> {
    if let Some(run) = &app.run {
        return Some((run.feed.folder().to_owned(), run.feed.state().annotations.clone()));
    }
    let row = app.home.as_ref()?.selected_run()?;
    Some((row.folder.clone(), Annotations { tags: row.tags.clone(), notes: Vec::new() }))
}

fn write(app: &mut App, words: Words) {
    app.overlay = meant(app).map(|(_, before)| Overlay::Writing(Writing::of(words, before)));
}

fn in_writing(app: &mut App, action: Action) {
    let Some(Overlay::Writing(writing)) = &mut app.overlay else { return };
    if action != Action::Accept {
        app.overlay = None;
        return;
    }
    let Some(annotation) = writing.annotation() else { return };
    let Some((folder, _)) = meant(app) else { return };
    let said = match &annotation {
        Annotation::Tag(tag) => format!("Tagged {tag}."),
        Annotation::Untag(tag) => format!("The tag {tag} is off."),
        Annotation::Note(_) => "The note is kept with the run.".to_owned(),
    };
    match app.bench.annotate(&folder, annotation) {
        Ok(()) => {
            app.overlay = None;
            app.refresh();
            app.say(said);
        }
        Err(error) => _ = app.say_error(error),
    }
}

fn checkpoints(app: &mut App) {
    let Some(run) = &app.run else { return };
    let Some(trial) = run.feed.state().trials.get(run.stand.trial) else { return };
    let trial = trial.result.spec.name.clone();
    match app.bench.checkpoints(run.feed.folder(), &trial) {
        Ok(steps) => app.overlay = Some(Overlay::Checkpoints(Checkpoints { trial, steps, selected: 0 })),
        Err(error) => _ = app.say_error(error),
    }
}

fn in_checkpoints(app: &mut App, action: Action) {
    let (Some(Overlay::Checkpoints(list)), Some(run)) = (&mut app.overlay, &app.run) else { return };
    if let Some(by) = distance(action) {
        return list.step(by);
    }
    let chosen = list.steps.get(list.selected).copied().filter(|_| action == Action::Open);
    let trial = list.trial.clone();
    let went = chosen.map(|step| app.bench.go_back(run.feed.folder(), &trial, step));
    app.overlay = None;
    match went {
        Some(Ok(step)) => app.say(format!("{trial} goes on from step {step}.")),
        Some(Err(error)) => _ = app.say_error(error),
        None => {}
    }
}

/// Sets the run on the screen beside the one before it of its system; the first beside the newest.
fn beside_the_one_before(app: &mut App) {
    let Some(run) = &app.run else { return };
    let (folder, system) = (run.feed.folder().to_owned(), run.feed.state().header.system.clone());
    let name = run.feed.state().run.clone();
    let mut rows = app.bench.runs();
    rows.retain(|row| row.system == system);
    // They come newest first: what stands behind this one is older.
    let behind = rows.iter().position(|row| row.name == name).map_or(0, |at| at + 1);
    let other = rows.get(behind).or_else(|| rows.iter().find(|row| row.name != name));
    match other.map(|row| row.folder.clone()) {
        Some(other) => app.compare(&[other, folder]),
        None => app.say(format!("There is no other run of {system} to compare with.")),
    }
}

fn leave_run(app: &mut App) {
    if app.home.is_some() {
        app.put_away();
    }
    if let Some(home) = &mut app.home {
        home.refresh(app.bench.as_mut());
    }
}

fn toggle(app: &mut App) {
    let Some(run) = &app.run else { return };
    match run.feed.state().status {
        Status::Running | Status::Waiting => ask(app, Wish::Pause, "Asked the worker to pause."),
        Status::Paused => ask(app, Wish::Continue, "Asked the worker to go on."),
        Status::Stopped | Status::Failed => ask(app, Wish::Resume, "A new worker goes on from the last checkpoint."),
        Status::Done | Status::Stalled => {}
    }
}

fn ask(app: &mut App, wish: Wish, said: &str) {
    let Some(run) = &app.run else { return };
    match app.bench.ask(run.feed.folder(), wish) {
        Ok(()) => app.say(said),
        Err(error) => _ = app.say_error(error),
    }
}

fn snapshot(app: &mut App) {
    let Some(run) = &app.run else { return };
    match app.bench.snapshot(run.feed.folder()) {
        Ok(place) => app.say(format!("Snapshot written to {}", place.display())),
        Err(error) => _ = app.say_error(error),
    }
}

fn diagnose(app: &mut App) {
    let Some(run) = &app.run else { return };
    let Some(trial) = run.feed.state().trials.get(run.stand.trial) else { return };
    let name = trial.result.spec.name.clone();
    match app.bench.diagnose(run.feed.folder(), &name) {
        Ok(()) => app.say(format!("The bias card of {name} is being made; it comes behind the trial's panels.")),
        Err(error) => _ = app.say_error(error),
    }
}
