//! The tour: five minutes on a real run. Every stop names a key and is left when that was really done.

use super::{Action, App, Binding, Context, KEYS, Key, Stand, lines_of, lookup, words};
use crate::contract::Status;

/// One stop.
#[derive(Debug)]
pub struct Stop {
    /// What it is about.
    pub title: &'static str,
    /// What there is to know, in two or three sentences.
    pub text: &'static str,
    /// Where its keys are pressed.
    context: Context,
    /// What must be done; one of them will do.
    actions: &'static [Action],
    /// What must be so before.
    needs: Needs,
    /// What must be so after.
    then: fn(&App) -> bool,
}

/// What a stop needs before its key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Pause,
    Verdict,
}

/// Where the tour is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tour {
    at: usize,
}

const fn stop(title: &'static str, context: Context, actions: &'static [Action], text: &'static str) -> Stop {
    Stop { title, text, context, actions, needs: Needs::Nothing, then: |_| true }
}

impl Stop {
    const fn needing(self, needs: Needs) -> Stop {
        Stop { needs, ..self }
    }

    const fn then(self, then: fn(&App) -> bool) -> Stop {
        Stop { then, ..self }
    }

    /// The keys to press, from the key table; none at the last stop.
    pub fn keys(&self) -> String {
        let name = |b: &Binding| if b.keys.len() == 9 { b.keys_text() } else { b.keys[0].to_string() };
        self.bindings().map(name).collect::<Vec<_>>().join(" or ")
    }

    /// What its actions are bound to, panels being part of a run.
    fn bindings(&self) -> impl Iterator<Item = &'static Binding> {
        let here = |context| context == self.context || (self.context == C::Run && context == C::Panels);
        let bound = move |action: &Action| KEYS.iter().find(|b| here(b.context) && b.action == *action);
        self.actions.iter().filter_map(bound)
    }
}

use Action as A;
use Context as C;

const STOPS: &[Stop] = &[
    stop(
        "What a system asks",
        C::Home,
        &[A::Card],
        "Every system is one paper and one claim. The line above the presets is the claim of the selected one. Its card \
         says what must be shown, with thresholds that were fixed before any run.",
    ),
    stop("The card", C::Page, &[A::Back], "Claims, thresholds, what is kept of the paper and what is smaller here.")
        .then(|app| app.overlay.is_none()),
    stop(
        "A real run",
        C::Home,
        &[A::Open],
        "Its first preset is short. A worker of its own trains it; this screen only watches. If such a run \
         is live already, it is the one that opens.",
    )
    .then(|app| app.run.is_some()),
    stop(
        "The run view",
        C::Run,
        &[A::TrialAfter, A::TrialBefore],
        "On top the run, its progress and the time left; then its trials (one condition, one seed each), panels, and \
         what happened. The panels behind those of the study belong to the selected trial.",
    ),
    stop("Panels", C::Run, &[A::Panel], "Each panel has a number. A heavy rule is on the one in focus."),
    stop("One panel in full", C::Run, &[A::Zoom], "The panel in focus can have the whole screen.")
        .then(|app| stand(app).is_some_and(|stand| stand.zoomed)),
    stop(
        "What a panel means",
        C::Run,
        &[A::Explain],
        "Every panel says how to read it: what is a good sign, what a bad one.",
    ),
    stop("What a panel means", C::Page, &[A::Back], "Esc is always one level back.").then(|app| app.overlay.is_none()),
    stop("Back to all panels", C::Run, &[A::Zoom, A::Back], "The same key gives the screen back.")
        .then(|app| stand(app).is_some_and(|stand| !stand.zoomed)),
    stop("Reading values", C::Run, &[A::Cursor], "A cursor stands in every chart that has the same horizontal axis.")
        .then(|app| stand(app).is_some_and(|stand| stand.charts.cursor.is_some())),
    stop(
        "Reading values",
        C::Cursor,
        &[A::CursorBack, A::CursorOn, A::CursorFarBack, A::CursorFarOn],
        "It goes from point to point; the legend shows the values there.",
    ),
    stop("Reading values", C::Cursor, &[A::Cursor], "The cursor is taken out again.")
        .then(|app| stand(app).is_some_and(|stand| stand.charts.cursor.is_none())),
    stop(
        "Smoothing",
        C::Run,
        &[A::Smooth],
        "Curves are smoothed in three degrees; what was recorded stays behind them.",
    ),
    stop("Pausing", C::Run, &[A::Toggle], "The worker waits at a checkpoint. Nothing is lost, whatever happens then."),
    stop("Going on", C::Run, &[A::Toggle], "The same key goes on from there.").needing(Needs::Pause),
    stop(
        "The verdict",
        C::Run,
        &[A::Panel],
        "When all trials are done the study judges itself, by the thresholds of its card, controls included. The \
         verdict is panel 1.",
    )
    .needing(Needs::Verdict)
    .then(|app| stand(app).is_some_and(|stand| stand.panel == "verdict")),
    stop(
        "A snapshot",
        C::Run,
        &[A::Snapshot],
        "Report, metrics as CSV, every panel as SVG, and the preset that reproduces the run, in a folder here.",
    ),
    stop(
        "Leaving without stopping",
        C::Run,
        &[A::Back],
        "Runs do not need this screen. Going home, or closing the terminal, stops nothing.",
    )
    .then(|app| app.run.is_none()),
    stop(
        "That is all",
        C::Home,
        &[],
        "The run is in the list of runs. / asks the lists, Space marks runs, e changes a preset before it starts, and ? \
         has every key.",
    ),
];

fn stand(app: &App) -> Option<&Stand> {
    app.run.as_ref().map(|run| &run.stand)
}

impl Tour {
    /// The stop, its number and how many there are.
    pub fn stop(self) -> (&'static Stop, usize, usize) {
        let at = self.at.min(STOPS.len() - 1);
        (&STOPS[at], at + 1, STOPS.len())
    }
}

impl App {
    /// Begins the tour on the system whose first preset takes the least, or on its run that is live.
    pub fn begin_tour(&mut self) {
        let Some(home) = &mut self.home else { return };
        let cost =
            |slug: &str, preset: &str| self.bench.load(&format!("{slug}/{preset}"), &[]).ok().map(|s| s.cost().flop);
        let costs = self.systems.iter().filter_map(|entry| {
            let slug = entry.card.slug;
            Some((cost(slug, entry.presets.first()?.name)?, slug))
        });
        if let Some((_, slug)) = costs.min_by(|a, b| a.0.total_cmp(&b.0)) {
            home.go_to(self.bench.as_ref(), slug);
        }
        self.tour = Some(Tour::default());
    }

    /// What stands between the person and the stop; nothing when its key can be pressed.
    pub fn tour_hint(&self) -> Option<String> {
        let (stop, ..) = self.tour?.stop();
        let needs_run = matches!(stop.context, Context::Run | Context::Cursor);
        if needs_run && self.run.is_none() {
            return Some("Open the run again first: Tab to the runs, Enter.".into());
        }
        if stop.actions.is_empty() {
            return None;
        }
        self.obstacle(stop).or_else(|| {
            (!self.contexts().contains(&stop.context) && stop.context != Context::Page).then(|| "Esc first.".into())
        })
    }

    /// Why a stop cannot be done yet, wherever the person is.
    fn obstacle(&self, stop: &Stop) -> Option<String> {
        let state = self.run.as_ref().map(|run| run.feed.state());
        let (status, verdict) = (state.map(|state| state.status), state.and_then(|state| state.verdict.as_ref()));
        if stop.needs == Needs::Pause && status == Some(Status::Running) {
            return Some("The worker is on its way to a checkpoint; the state above becomes PAUSED.".into());
        }
        if stop.needs == Needs::Verdict && verdict.is_none() {
            let share = words::percent(words::share(state.map(|state| state.progress()).unwrap_or_default()));
            return Some(format!("Not yet: {share} is done. Wait, or go on with n."));
        }
        let why = stop.bindings().map(|binding| self.enabled(binding)).find_map(Result::err)?;
        Some(match self.first_chart().filter(|_| stop.actions.contains(&Action::Cursor)) {
            Some(number) => format!("Press {number} first: that panel is a chart of lines."),
            None => format!("{why} n goes on."),
        })
    }

    /// The number of the first chart of lines.
    fn first_chart(&self) -> Option<usize> {
        let items = self.run.as_ref()?.items();
        items.iter().position(|item| lines_of(item).is_some()).map(|at| at + 1)
    }

    /// What a key means to the tour, where it is not the screen's.
    pub(super) fn tour_key(&self, key: Key) -> Option<&'static Binding> {
        let (stop, ..) = self.tour?.stop();
        let binding = lookup(&[Context::Tour], key)?;
        let away = self.overlay.is_some() || self.context().types();
        let opens = key == Key::Enter && stop.actions.contains(&Action::Open);
        let level = stand(self).is_some_and(|stand| stand.zoomed || stand.charts.cursor.is_some());
        let back = binding.action == Action::TourEnd && (level || stop.actions.contains(&Action::Back));
        (!away && !opens && !back).then_some(binding)
    }

    /// Whether the stop can be done now.
    pub(super) fn tour_is_ready(&self) -> bool {
        self.tour.is_some_and(|tour| self.obstacle(tour.stop().0).is_none())
    }

    /// Goes on when what was done is what the stop is about.
    pub(super) fn tour_saw(&mut self, action: Action, ready: bool) {
        let Some(tour) = self.tour else { return };
        let (stop, ..) = tour.stop();
        if ready && stop.actions.contains(&action) && (stop.then)(self) {
            self.tour_on();
        }
    }

    /// The next stop that can be reached from here; behind the last one the tour ends.
    pub(super) fn tour_on(&mut self) {
        let Some(tour) = self.tour else { return };
        let reachable = |stop: &Stop| match stop.context {
            Context::Page => self.overlay.is_some(),
            Context::Cursor => stand(self).is_some_and(|stand| stand.charts.cursor.is_some()),
            Context::Run => self.run.is_some(),
            _ => true,
        };
        let next = (tour.at + 1..STOPS.len()).find(|at| reachable(&STOPS[*at]));
        self.tour = next.map(|at| Tour { at });
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{self, FakeBench, Still, TABLE};
    use super::*;

    fn tour() -> (App, FakeBench) {
        let bench = made_up::bench();
        let mut app = App::home(TABLE, Box::new(bench.clone()), 2);
        press(&mut app, "t");
        (app, bench)
    }

    fn press(app: &mut App, keys: &str) {
        for c in keys.chars() {
            app.key(match c {
                '\r' => Key::Enter,
                '\x1b' => Key::Esc,
                c => Key::Char(c),
            });
        }
    }

    fn place(app: &App) -> usize {
        app.tour.map_or(0, |tour| tour.stop().1)
    }

    fn title(app: &App) -> &'static str {
        app.tour.map_or("", |tour| tour.stop().0.title)
    }

    #[test]
    fn every_stop_is_left_by_really_doing_it() {
        let (mut app, bench) = tour();
        for (at, key) in ["i", "\x1b", "\r", "]", "2", "z", "i", "\x1b", "z"].into_iter().enumerate() {
            assert_eq!(place(&app), at + 1, "before {key:?}");
            press(&mut app, key);
        }
        assert!(app.tour_hint().unwrap().contains("Press 1 first"), "{:?}", app.tour_hint());
        press(&mut app, "c");
        assert_eq!(title(&app), "Reading values");
        press(&mut app, "1clcw");
        assert_eq!(title(&app), "Pausing");
        press(&mut app, " ");
        assert!(app.tour_hint().unwrap().contains("PAUSED"));
        press(&mut app, " ");
        assert_eq!(title(&app), "Going on");
        let mut paused = made_up::state(false);
        paused.status = Status::Paused;
        app.run.as_mut().unwrap().feed = Box::new(Still(paused));
        press(&mut app, " ");
        assert!(app.tour_hint().unwrap().starts_with("Not yet: 45%"));
        press(&mut app, "1");
        assert_eq!(title(&app), "The verdict");
        app.run.as_mut().unwrap().feed = Box::new(Still(made_up::state(true)));
        press(&mut app, "1s\x1b");
        assert_eq!((title(&app), app.run.is_none()), ("That is all", true));
        press(&mut app, "\r");
        assert!(app.tour.is_none() && app.run.is_none());
        let asked = bench.asked.borrow().join(", ");
        assert_eq!(asked, "open runs/gpicl-quick-1, Pause, Pause, Continue, snapshot");
    }

    #[test]
    fn every_stop_can_be_skipped_and_the_tour_left() {
        let (mut app, _) = tour();
        press(&mut app, "n");
        assert_eq!(title(&app), "A real run");
        press(&mut app, "n");
        assert_eq!(title(&app), "That is all");
        let (mut app, _) = tour();
        press(&mut app, "n\r");
        let mut skipped = 0;
        while app.tour.is_some() {
            press(&mut app, "n");
            skipped += 1;
        }
        assert!(skipped > 8 && app.run.is_some());
        let (mut app, _) = tour();
        press(&mut app, "n\rn\x1b");
        assert!(app.tour.is_none() && app.run.is_some(), "Esc ends the tour before it goes home");
    }

    #[test]
    fn a_run_that_is_done_says_why_it_cannot_be_paused() {
        let bench = FakeBench { finished: true, ..made_up::bench() };
        let mut app = App::home(TABLE, Box::new(bench), 2);
        press(&mut app, "tn\r");
        while title(&app) != "Pausing" {
            press(&mut app, "n");
        }
        press(&mut app, " ");
        assert!(app.tour_hint().unwrap().contains("nothing to pause"));
        press(&mut app, "n");
        assert_eq!(title(&app), "Going on");
    }

    #[test]
    fn every_stop_names_keys_of_the_table_and_is_short() {
        for stop in &STOPS[..STOPS.len() - 1] {
            assert!(!stop.keys().is_empty(), "{}", stop.title);
            assert!(stop.text.len() <= 260, "{}", stop.title);
        }
    }
}
