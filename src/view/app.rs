//! The whole viewer without a terminal: which screen, what lies over it, what it last said.

use super::actions::dispatch;
use super::{Bench, Binding, Context, Feed, Field, Home, KEYS, Key, Knobs, Palette, Settings, Stand, Tour, lookup};
use crate::contract::{Card, Entry, Knob, Status};

/// What lies over a screen.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The keys; lines scrolled down.
    Help(usize),
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// Draw everything again.
    Redraw,
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

/// The viewer.
pub struct App {
    pub(super) systems: &'static [Entry],
    pub(super) bench: Box<dyn Bench>,
    /// The home screen; none when only one run is watched.
    pub home: Option<Home>,
    /// The run on the screen; none on the home screen.
    pub run: Option<Watched>,
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
        App { systems, bench, home: None, run: None, overlay: None, tour: None, message: None, size: (80, 24), cores }
    }

    /// Puts a run on the screen.
    pub(super) fn show(&mut self, feed: Box<dyn Feed>) {
        let slug = &feed.state().header.system;
        let entry = self.systems.iter().find(|entry| entry.card.slug == slug);
        let (card, knobs) = (entry.map(|entry| entry.card), entry.map_or(&[][..], |entry| entry.knobs));
        let stand = Stand { size: self.size, ..Stand::default() };
        self.run = Some(Watched { feed, stand, card, knobs });
    }

    /// Takes over the size of the terminal.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        if let Some(run) = &mut self.run {
            run.stand.size = self.size;
        }
    }

    /// Reads what is new on disk; whether the screen changed.
    pub fn refresh(&mut self) -> bool {
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
        match (&self.run, &self.home) {
            (Some(run), _) => live(run.feed.state().status),
            (None, Some(home)) => home.counts().2 > 0,
            (None, None) => false,
        }
    }

    /// Where a key would be pressed now.
    pub fn context(&self) -> Context {
        match (&self.overlay, &self.run) {
            (Some(Overlay::Settings(settings)), _) if settings.typing.is_some() => Context::Value,
            (Some(Overlay::Settings(_)), _) => Context::Settings,
            (Some(Overlay::ConfirmStop), _) => Context::Confirm,
            (Some(Overlay::Knobs(knobs)), _) if knobs.typing.is_some() => Context::Value,
            (Some(Overlay::Knobs(_)), _) => Context::Knobs,
            (Some(Overlay::Palette(_)), _) => Context::Palette,
            (Some(_), _) => Context::Page,
            (None, Some(run)) if run.stand.charts.cursor.is_some() => Context::Cursor,
            (None, Some(_)) => Context::Run,
            (None, None) if self.home.as_ref().is_some_and(|home| home.filtering) => Context::Filter,
            (None, None) => Context::Home,
        }
    }

    /// Does what a key means.
    pub fn key(&mut self, key: Key) -> Effect {
        self.message = None;
        let Some(binding) = self.tour_key(key).or_else(|| lookup(self.context(), key)) else {
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
            (None, Some(home)) => home.filter(self.bench.as_ref(), field),
            _ => {}
        }
    }

    /// The keys that work here and now, for the footer: this screen's first, then those of every
    /// screen.
    pub fn footer(&self) -> Vec<&'static Binding> {
        let context = self.context();
        let here = |binding: &&Binding| {
            let of = binding.context == context || (binding.context == Context::Anywhere && !context.types());
            of && !binding.label.is_empty() && self.enabled(binding).is_ok()
        };
        KEYS.iter().filter(here).collect()
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
