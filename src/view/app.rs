//! The whole viewer without a terminal: which screen, what lies over it, what it last said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::actions::dispatch;
use super::{
    Bench, Binding, Checkpoints, Comparison, Context, Feed, Field, Home, Item, KEYS, Key, Knobs, Palette, Read,
    Settings, Side, Stand, Tour, Walk, Writing, items, lookup, sequences,
};
use crate::contract::{Card, Entry, Knob, Status};

/// What lies over a screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The keys, those of the places where it was asked first; lines scrolled down.
    Help(Vec<Context>, usize),
    /// The card of a system; lines scrolled down.
    Card(&'static Card, usize),
    /// What a panel means: title, text, lines scrolled down.
    Explain(String, String, usize),
    /// Settings of a preset.
    Settings(Box<Settings>),
    /// The knobs of the run.
    Knobs(Knobs),
    /// Every command by name.
    Palette(Palette),
    /// Stop the run?
    ConfirmStop,
    /// A note or a tag being typed.
    Writing(Writing),
    /// The checkpoints of a trial.
    Checkpoints(Checkpoints),
}

/// What the viewer last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sentence.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
}

/// What the terminal must do after a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// Draw everything again.
    Redraw,
    /// Hand a text to the clipboard.
    Copy(String),
    /// Listen to the mouse, or not.
    Mouse(bool),
    /// Give the terminal back and stop until continued.
    Suspend,
    /// End the viewer.
    Leave,
}

/// A run on the screen.
pub struct Watched {
    /// Where its state comes from.
    pub feed: Box<dyn Feed>,
    /// Where the viewer stands.
    pub stand: Stand,
    /// The card of its system, if the system is on this bench.
    pub card: Option<&'static Card>,
    /// What its system lets be turned while it runs.
    pub knobs: &'static [Knob],
}

impl Watched {
    /// The panels now on offer.
    pub fn items(&self) -> Vec<Item<'_>> {
        items(self.feed.state(), &self.stand, self.card)
    }

    /// The sequences of the selected trial.
    pub fn sequences(&self) -> Vec<Read<'_>> {
        self.feed.state().trials.get(self.stand.trial).map_or_else(Vec::new, sequences)
    }
}

/// The viewer.
pub struct App {
    pub(super) systems: &'static [Entry],
    pub(super) bench: Box<dyn Bench>,
    /// The home screen; none when only one run is watched.
    pub home: Option<Home>,
    /// The run on the screen; none on the home screen.
    pub run: Option<Watched>,
    /// Runs side by side, over the home screen or over a run.
    pub comparison: Option<Comparison>,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// The tour, while one is made.
    pub tour: Option<Tour>,
    /// What was last said, until the next key.
    pub message: Option<Message>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Cores of this machine, for estimates.
    pub cores: usize,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// Where the viewer stood in the last run of each system: the next one is looked at in the same way.
    stands: BTreeMap<String, Stand>,
}

impl App {
    /// The viewer on its home screen.
    pub fn home(systems: &'static [Entry], mut bench: Box<dyn Bench>, cores: usize) -> Self {
        let home = Home::new(systems, bench.as_mut());
        App { home: Some(home), ..App::bare(systems, bench, cores) }
    }

    /// The viewer on one run, without a home screen.
    pub fn watching(systems: &'static [Entry], bench: Box<dyn Bench>, feed: Box<dyn Feed>, cores: usize) -> Self {
        let mut app = App::bare(systems, bench, cores);
        app.show(feed);
        app
    }

    fn bare(systems: &'static [Entry], bench: Box<dyn Bench>, cores: usize) -> Self {
        App {
            systems,
            bench,
            home: None,
            run: None,
            comparison: None,
            overlay: None,
            tour: None,
            message: None,
            size: (80, 24),
            cores,
            mouse: false,
            stands: BTreeMap::new(),
        }
    }

    /// A system of this bench.
    fn entry(&self, slug: &str) -> Option<&'static Entry> {
        self.systems.iter().find(|entry| entry.card.slug == slug)
    }

    /// Puts a run on the screen.
    pub(super) fn show(&mut self, feed: Box<dyn Feed>) {
        let slug = &feed.state().header.system;
        let entry = self.entry(slug);
        let (card, knobs) = (entry.map(|entry| entry.card), entry.map_or(&[][..], |entry| entry.knobs));
        let before = self.stands.get(slug).cloned().unwrap_or_default();
        let walk = Walk { open: false, ..before.walk.clone() };
        let stand = Stand { size: self.size, trial: 0, scroll: 0, zoomed: false, walk, ..before };
        self.run = Some(Watched { feed, stand, card, knobs });
    }

    /// Takes the run off the screen and remembers how it was looked at.
    pub(super) fn put_away(&mut self) {
        if let Some(Watched { feed, mut stand, .. }) = self.run.take() {
            stand.charts.leave();
            self.stands.insert(feed.state().header.system.clone(), stand);
        }
    }

    /// The systems of this bench whose trials show sequences to step through, in words.
    pub fn with_sequences(&self) -> String {
        let slugs: Vec<&str> = self.systems.iter().filter(|e| e.sequences).map(|e| e.card.slug).collect();
        slugs.join(", ")
    }

    /// Where the viewer stands among panels: of a comparison, else of a run.
    fn stand(&self) -> Option<&Stand> {
        let of_run = self.run.as_ref().map(|run| &run.stand);
        self.comparison.as_ref().map(|comparison| &comparison.stand).or(of_run)
    }

    /// Sets runs side by side.
    pub(super) fn compare(&mut self, folders: &[PathBuf]) {
        let sides: Result<Vec<Side>, String> = folders.iter().map(|folder| self.side(folder)).collect();
        match sides {
            Ok(sides) => self.comparison = Some(Comparison::of(sides, self.size)),
            Err(error) => _ = self.say_error(error),
        }
    }

    fn side(&mut self, folder: &Path) -> Result<Side, String> {
        let (feed, preset) = (self.bench.open(folder)?, self.bench.preset(folder)?);
        let slug = &feed.state().header.system;
        let card = self.entry(slug).map(|entry| entry.card);
        Ok(Side { feed, preset, card })
    }

    /// Takes over the size of the terminal.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        for stand in [self.run.as_mut().map(|run| &mut run.stand), self.comparison.as_mut().map(|c| &mut c.stand)] {
            stand.into_iter().for_each(|stand| stand.size = self.size);
        }
    }

    /// Reads what is new on disk; whether the screen changed.
    pub fn refresh(&mut self) -> bool {
        if let Some(comparison) = &mut self.comparison {
            return match comparison.refresh() {
                Ok(changed) => changed,
                Err(error) => self.say_error(error),
            };
        }
        if let Some(run) = &mut self.run {
            return match run.feed.refresh() {
                Ok(changed) => {
                    run.stand.trial = run.stand.trial.min(run.feed.state().trials.len().saturating_sub(1));
                    changed
                }
                Err(error) => self.say_error(error),
            };
        }
        let home = self.home.as_mut();
        home.is_some_and(|home| home.refresh(self.bench.as_mut()))
    }

    /// Puts a fault of the viewer into the journal of the run that is open.
    pub fn report(&mut self, fault: &str) {
        if let Some(run) = &self.run {
            self.bench.report(run.feed.folder(), fault);
        }
    }

    /// Whether anything on the screen may change by itself soon.
    pub fn is_live(&self) -> bool {
        let live = |status| matches!(status, Status::Running | Status::Waiting);
        match (&self.comparison, &self.run, &self.home) {
            (Some(comparison), ..) => comparison.sides.iter().any(|side| live(side.feed.state().status)),
            (_, Some(run), _) => live(run.feed.state().status),
            (_, None, Some(home)) => home.counts().2 > 0,
            (_, None, None) => false,
        }
    }

    /// Where the keys work now: the innermost place first.
    pub fn contexts(&self) -> Vec<Context> {
        let here = self.context();
        let mut all = vec![here];
        let base = if self.comparison.is_some() { Context::Compare } else { Context::Run };
        match here {
            Context::Cursor => all.extend([base, Context::Panels]),
            Context::Sequence => all.push(Context::Run),
            Context::Run | Context::Compare => all.push(Context::Panels),
            _ => {}
        }
        if !here.types() {
            all.push(Context::Anywhere);
        }
        all
    }

    /// The innermost place where a key would be pressed now.
    pub fn context(&self) -> Context {
        match (&self.overlay, &self.run) {
            (Some(Overlay::Settings(settings)), _) if settings.typing.is_some() => Context::Value,
            (Some(Overlay::Settings(_)), _) => Context::Settings,
            (Some(Overlay::ConfirmStop), _) => Context::Confirm,
            (Some(Overlay::Knobs(knobs)), _) if knobs.typing.is_some() => Context::Value,
            (Some(Overlay::Knobs(_)), _) => Context::Knobs,
            (Some(Overlay::Palette(_)), _) => Context::Palette,
            (Some(Overlay::Writing(_)), _) => Context::Value,
            (Some(Overlay::Checkpoints(_)), _) => Context::Checkpoints,
            (Some(_), _) => Context::Page,
            (None, Some(run)) if self.comparison.is_none() && run.stand.walk.open => Context::Sequence,
            (None, _) if self.stand().is_some_and(|stand| stand.charts.cursor.is_some()) => Context::Cursor,
            (None, _) if self.comparison.is_some() => Context::Compare,
            (None, Some(_)) => Context::Run,
            (None, None) if self.home.as_ref().is_some_and(|home| home.filtering) => Context::Filter,
            (None, None) => Context::Home,
        }
    }

    /// Does what a key means.
    pub fn key(&mut self, key: Key) -> Effect {
        self.message = None;
        let Some(binding) = self.tour_key(key).or_else(|| lookup(&self.contexts(), key)) else {
            return Effect::None;
        };
        if let Err(reason) = self.enabled(binding) {
            self.say(reason);
            return Effect::None;
        }
        dispatch(self, binding.action, key)
    }

    /// The text being typed, if any.
    pub fn field(&self) -> Option<&Field> {
        match (&self.overlay, &self.home) {
            (Some(Overlay::Settings(settings)), _) => settings.typing.as_ref(),
            (Some(Overlay::Knobs(knobs)), _) => knobs.typing.as_ref(),
            (Some(Overlay::Palette(palette)), _) => Some(&palette.field),
            (Some(Overlay::Writing(writing)), _) => Some(&writing.field),
            (None, Some(home)) if self.run.is_none() && home.filtering => Some(&home.filter),
            _ => None,
        }
    }

    /// Takes over the text being typed.
    pub fn typed(&mut self, field: Field) {
        match (&mut self.overlay, &mut self.home) {
            (Some(Overlay::Settings(settings)), _) => {
                settings.typing = Some(field);
                settings.error = None;
            }
            (Some(Overlay::Knobs(knobs)), _) => (knobs.typing, knobs.error) = (Some(field), None),
            (Some(Overlay::Palette(palette)), _) => palette.typed(field),
            (Some(Overlay::Writing(writing)), _) => (writing.field, writing.error) = (field, None),
            (None, Some(home)) => home.filter(self.bench.as_ref(), field),
            _ => {}
        }
    }

    /// The keys that work here and now, for the footer: this screen's first, then those of every
    /// screen.
    pub fn footer(&self) -> Vec<&'static Binding> {
        let contexts = self.contexts();
        let works = |binding: &&Binding| contexts.contains(&binding.context) && !binding.label.is_empty();
        let reached = |binding: &&Binding| {
            // A key that an inner place took over is not this one's any more.
            lookup(&contexts, binding.keys[0])
                .is_some_and(|first| (first.action, first.context) == (binding.action, binding.context))
        };
        KEYS.iter().filter(works).filter(reached).filter(|binding| self.enabled(binding).is_ok()).collect()
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), is_error: false });
    }

    /// Says that something went wrong; whether that is news.
    pub(super) fn say_error(&mut self, text: String) -> bool {
        let message = Some(Message { text, is_error: true });
        let news = self.message != message;
        self.message = message;
        news
    }
}
