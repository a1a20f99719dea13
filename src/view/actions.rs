//! What each action does, and why it may not do it now.

use super::app::{App, Effect, Overlay, Watched};
use super::run::metric_names;
use super::{
    Action, Binding, Charts, Context, Focus, Home, Item, Key, Knobs, List, Palette, Settings, Wish, items, lines_of,
};
use crate::contract::{Scale, Status};

/// Lines that a page key moves in lists and texts.
const PAGE: isize = 10;
/// Further than any list is long.
const END: isize = 1 << 40;

impl App {
    /// Whether a key does something now; if not, why, in a sentence.
    ///
    /// # Errors
    /// The reason.
    pub fn enabled(&self, binding: &Binding) -> Result<(), String> {
        if let (Context::Settings, Some(Overlay::Settings(settings))) = (binding.context, &self.overlay) {
            return settings.enabled(binding.action);
        }
        match (binding.context, &self.run, &self.home) {
            (Context::Run | Context::Cursor, Some(run), _) => run.enabled(binding.action, self.home.is_some()),
            (Context::Home, None, Some(home)) => enabled_home(home, binding.action),
            _ => Ok(()),
        }
    }
}

fn enabled_home(home: &Home, action: Action) -> Result<(), String> {
    let chosen = match (action, home.list) {
        (Action::Open, List::Runs) => home.selected_run().map(|_| ()).ok_or("There is no run yet."),
        (Action::Open | Action::Edit, _) => home.preset_name().map(|_| ()).ok_or("No system is selected."),
        (Action::Card, _) => home.selected().map(|_| ()).ok_or("No system is selected."),
        _ => Ok(()),
    };
    chosen.map_err(str::to_owned)
}

impl Watched {
    /// The panels now on offer.
    pub fn items(&self) -> Vec<Item<'_>> {
        items(self.feed.state(), &self.stand, self.card)
    }

    fn enabled(&self, action: Action, has_home: bool) -> Result<(), String> {
        let status = self.feed.state().status;
        let items = self.items();
        let item = items.get(self.stand.place(&items));
        let sentence = match action {
            Action::Toggle if status == Status::Done => "This run is done; there is nothing to pause.",
            Action::Toggle if status == Status::Stalled => "The worker does not answer: its process was stopped.",
            Action::Stop if !matches!(status, Status::Running | Status::Paused | Status::Waiting) => {
                "This run has no worker to stop."
            }
            Action::LogScale => return item.map_or(Err("There is no chart yet.".into()), can_be_log),
            Action::Cursor if self.stand.charts.cursor.is_some() => return Ok(()),
            Action::Cursor
            | Action::Smooth
            | Action::Seeds
            | Action::CursorBack
            | Action::CursorOn
            | Action::CursorFarBack
            | Action::CursorFarOn
            | Action::ZoomIn
            | Action::ZoomOut
            | Action::PanBack
            | Action::PanOn
            | Action::WholeChart
                if item.is_none_or(|item| lines_of(item).is_none()) =>
            {
                "The focused panel is no chart of lines."
            }
            Action::Knobs if self.knobs.is_empty() => "This system has no knobs.",
            Action::Knobs if !matches!(status, Status::Running | Status::Paused | Status::Waiting) => {
                "This run has no worker; a knob is turned while it runs."
            }
            Action::Explain | Action::Zoom | Action::Panel if items.is_empty() => "There is no panel yet.",
            Action::Metric | Action::MetricBefore if metric_names(self.feed.state(), self.card).is_empty() => {
                "No metric is recorded yet."
            }
            Action::PageOn if self.stand.focus == Focus::Panels && self.stand.grid(&items).page() >= items.len() => {
                "All panels are on the screen."
            }
            Action::Back if !has_home && !self.stand.zoomed => "This is the outermost view; q leaves.",
            _ => return Ok(()),
        };
        Err(sentence.into())
    }
}

fn can_be_log(item: &Item) -> Result<(), String> {
    let Some(lines) = lines_of(item) else {
        return Err("Only charts of lines have an axis to switch.".into());
    };
    let positive = lines.lines.iter().flat_map(|line| &line.points).any(|(_, y)| *y > 0.0);
    if positive || lines.y.scale == Scale::Log {
        Ok(())
    } else {
        Err("No value is positive, so none has a place on a logarithmic axis.".into())
    }
}

/// Does an action in the place where its key was pressed.
pub(super) fn dispatch(app: &mut App, action: Action, key: Key) -> Effect {
    match action {
        Action::Leave => return Effect::Leave,
        Action::Suspend => return Effect::Suspend,
        Action::Redraw => return Effect::Redraw,
        Action::Help => app.overlay = Some(Overlay::Help(0)),
        Action::Palette => app.overlay = Some(Overlay::Palette(Palette::of(app.context()))),
        _ => match app.context() {
            Context::Home | Context::Filter => in_home(app, action),
            Context::Knobs => in_knobs(app, action),
            Context::Value if matches!(app.overlay, Some(Overlay::Knobs(_))) => in_knobs(app, action),
            Context::Settings | Context::Value => in_settings(app, action),
            Context::Palette => return in_palette(app, action),
            Context::Run | Context::Cursor => in_run(app, action, key),
            Context::Page => in_page(app, action),
            Context::Confirm => in_question(app, action),
            Context::Anywhere => {}
        },
    }
    Effect::None
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
        Action::Accept => home.filtering = false,
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
        Some(Overlay::Help(scroll) | Overlay::Card(_, scroll) | Overlay::Explain(_, _, scroll)) => scroll,
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
    let state = run.feed.state();
    let items = items(state, &run.stand, run.card);
    let trials = state.trials.len();
    let stand = &mut run.stand;
    let page = stand.grid(&items).page().max(1) as isize;
    match action {
        Action::Up => stand.vertical(&items, trials, -1),
        Action::Down => stand.vertical(&items, trials, 1),
        Action::PageBack if stand.focus == Focus::Panels && !stand.zoomed => stand.across(&items, -page),
        Action::PageOn if stand.focus == Focus::Panels && !stand.zoomed => stand.across(&items, page),
        Action::First if stand.focus == Focus::Panels && !stand.zoomed => stand.across(&items, -END),
        Action::Last if stand.focus == Focus::Panels && !stand.zoomed => stand.across(&items, END),
        Action::PageBack => stand.vertical(&items, trials, -PAGE),
        Action::PageOn => stand.vertical(&items, trials, PAGE),
        Action::First => stand.vertical(&items, trials, -END),
        Action::Last => stand.vertical(&items, trials, END),
        Action::Left => stand.across(&items, -1),
        Action::Right => stand.across(&items, 1),
        Action::Next => stand.turn(&items, 1),
        Action::Previous => stand.turn(&items, -1),
        Action::TrialBefore => stand.select(trials, -1),
        Action::TrialAfter => stand.select(trials, 1),
        Action::Zoom => {
            stand.focus = Focus::Panels;
            (stand.zoomed, stand.scroll) = (!stand.zoomed, 0);
        }
        Action::Panel => {
            if let Key::Char(digit) = key {
                let place = digit.to_digit(10).map_or(0, |d| d as usize - 1);
                stand.focus_panel(&items, place);
            }
        }
        Action::Metric => stand.turn_metric(metric_names(state, run.card).len(), 1),
        Action::MetricBefore => stand.turn_metric(metric_names(state, run.card).len(), -1),
        Action::Smooth => {
            let said = stand.charts.smooth();
            app.say(said);
        }
        Action::Seeds => {
            let said = stand.charts.seeds();
            app.say(said);
        }
        Action::Knobs => app.overlay = Some(Overlay::Knobs(Knobs::of(run.knobs))),
        Action::LogScale
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::PanBack
        | Action::PanOn
        | Action::WholeChart
        | Action::Cursor
        | Action::CursorBack
        | Action::CursorOn
        | Action::CursorFarBack
        | Action::CursorFarOn => {
            if let Some(item) = items.get(stand.place(&items)) {
                in_chart(&mut stand.charts, item, action);
            }
        }
        Action::Explain => {
            if let Some(item) = items.get(stand.place(&items)) {
                app.overlay = Some(Overlay::Explain(item.title(), explanation(item), 0));
            }
        }
        Action::Back if stand.zoomed => stand.zoomed = false,
        Action::Back => leave_run(app),
        Action::Stop => app.overlay = Some(Overlay::ConfirmStop),
        Action::Toggle => toggle(app),
        Action::Snapshot => snapshot(app),
        Action::BiasCard => diagnose(app),
        _ => {}
    }
}

/// What is done to the focused chart.
fn in_chart(charts: &mut Charts, item: &Item, action: Action) {
    match action {
        Action::LogScale => charts.switch(item),
        Action::ZoomIn => charts.zoom(item, true),
        Action::ZoomOut => charts.zoom(item, false),
        Action::PanBack => charts.pan(item, false),
        Action::PanOn => charts.pan(item, true),
        Action::WholeChart => charts.reset(item),
        Action::Cursor if charts.cursor.take().is_none() => charts.place_cursor(item),
        Action::CursorBack => charts.move_cursor(item, false, false),
        Action::CursorOn => charts.move_cursor(item, true, false),
        Action::CursorFarBack => charts.move_cursor(item, false, true),
        Action::CursorFarOn => charts.move_cursor(item, true, true),
        _ => {}
    }
}

fn explanation(item: &Item) -> String {
    match item.panel() {
        Some(panel) if panel.note.is_empty() => panel.says.clone(),
        Some(panel) => format!("{}\n\n{}", panel.says, panel.note),
        None => "What the study says about the paper's claim. Every check was fixed, with its threshold, before the \
                 run; the controls must not show the effect. Reproduced: every check held and every control behaved. \
                 Partly: the core held, something else did not. Not reproduced: the core did not hold. Undecided: a \
                 gate failed, for example too few seeds or a base too weak to tell."
            .into(),
    }
}

fn leave_run(app: &mut App) {
    if let Some(home) = &mut app.home {
        app.run = None;
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
