//! The run view: what there is to see of a study, and where the viewer stands in it.

use std::collections::BTreeMap;

use super::{Along, Charts, Grid, Walk, grid, metric, words};
use crate::contract::{Card, Level, Panel, StudyState, TrialState, Verdict};

/// The part of the run view that has the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list of trials.
    Trials,
    /// A panel; [`Stand::panel`] says which.
    #[default]
    Panels,
    /// Events and notes.
    Events,
}

/// Where the viewer stands in a run: belongs to the person, never changed by new data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stand {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What has the focus.
    pub focus: Focus,
    /// Key of the panel in focus; empty for the first.
    pub panel: String,
    /// Selected trial.
    pub trial: usize,
    /// Whether the focused panel takes the whole body.
    pub zoomed: bool,
    /// How the charts are looked at.
    pub charts: Charts,
    /// Which metric the chart over all trials shows; counts through [`metric_names`](super::metric_names).
    pub metric: usize,
    /// Along what that chart is drawn.
    pub along: Along,
    /// The column by which a person sorted a table, by the panel's key, and whether it rises.
    pub sorted: BTreeMap<String, (usize, bool)>,
    /// Lines scrolled down in the focused panel or up in the events.
    pub scroll: usize,
    /// Where a person stands in its sequences.
    pub walk: Walk,
}

/// What a panel of the run view shows.
#[derive(Clone, Debug)]
pub enum Shown<'a> {
    /// The verdict, and the card of the system, if the system is on this bench.
    Verdict(&'a Verdict, Option<&'a Card>),
    /// A panel of the study or of the selected trial.
    Panel(&'a Panel),
    /// A panel made by the viewer.
    Made(Box<Panel>),
}

/// One panel of the run view.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Stable key: keeps focus and axis switches over updates.
    pub key: String,
    /// What it shows.
    pub shown: Shown<'a>,
}

impl Item<'_> {
    /// The panel, unless it is the verdict.
    pub fn panel(&self) -> Option<&Panel> {
        match &self.shown {
            Shown::Verdict(..) => None,
            Shown::Panel(panel) => Some(panel),
            Shown::Made(panel) => Some(panel),
        }
    }

    /// Its title.
    pub fn title(&self) -> String {
        match &self.shown {
            Shown::Verdict(verdict, _) => format!("Verdict: {}", words::outcome(verdict.outcome)),
            Shown::Panel(panel) => panel.title.clone(),
            Shown::Made(panel) => panel.title.clone(),
        }
    }
}

/// All panels in their order: verdict, study, chosen metric over all trials, selected trial.
pub fn items<'a>(state: &'a StudyState, stand: &Stand, card: Option<&'a Card>) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    if let Some(verdict) = &state.verdict {
        items.push(Item { key: "verdict".into(), shown: Shown::Verdict(verdict, card) });
    }
    for panel in &state.panels {
        items.push(Item { key: format!("study/{}", panel.id), shown: Shown::Panel(panel) });
    }
    if let Some(panel) = metric::panel(state, stand.metric, stand.along, card) {
        items.push(Item { key: "metric".into(), shown: Shown::Made(Box::new(panel)) });
    }
    for panel in state.trials.get(stand.trial).map_or(&[][..], |trial| &trial.panels) {
        items.push(Item { key: format!("trial/{}", panel.id), shown: Shown::Panel(panel) });
    }
    items
}

/// A line of the event list.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When: time since the run began, or the step of a trial.
    pub when: String,
    /// Weight.
    pub level: Level,
    /// The sentence.
    pub text: String,
}

/// What happened around the trials, and the notes that people wrote, newest last.
pub fn journal(state: &StudyState) -> Vec<Told> {
    let began = state.journal.first().map_or(0.0, |(time, ..)| *time);
    let notes = state.annotations.notes.iter().map(|(time, text)| (*time, Level::Info, format!("Note: {text}")));
    let mut all: Vec<(f64, Level, String)> = state.journal.iter().cloned().chain(notes).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let told = |(time, level, text): (f64, Level, String)| Told {
        when: format!("+{}", words::clock((time - began).max(0.0))),
        level,
        text,
    };
    all.into_iter().map(told).collect()
}

/// The notes of the trials: the selected one's last, so that they are the ones seen.
pub fn notes(state: &StudyState, selected: usize) -> Vec<Told> {
    let others = state.trials.iter().enumerate().filter(|(at, _)| *at != selected);
    let chosen = state.trials.iter().enumerate().skip(selected).take(1);
    let told = |(_, trial): (usize, &TrialState)| {
        let name = trial.result.spec.name.clone();
        let line = move |(step, level, text): &(u64, Level, String)| Told {
            when: format!("{name} @{step}"),
            level: *level,
            text: text.clone(),
        };
        trial.notes.iter().map(line).collect::<Vec<_>>()
    };
    others.chain(chosen).flat_map(told).collect()
}

/// The last thing that went wrong, if anything did.
pub fn last_error(state: &StudyState) -> Option<Told> {
    let is_error = |told: &Told| told.level == Level::Error;
    let around = journal(state).into_iter().rev().find(is_error);
    around.or_else(|| notes(state, usize::MAX).into_iter().rev().find(is_error))
}

impl Stand {
    /// Place of the focused panel among the items.
    pub fn place(&self, items: &[Item]) -> usize {
        items.iter().position(|item| item.key == self.panel).unwrap_or(0)
    }

    /// The layout for some items.
    pub fn grid(&self, items: &[Item]) -> Grid {
        grid(self.size.0, self.size.1, items.len(), self.zoomed)
    }

    /// The items on the page that holds the focused panel: place of the first, and how many.
    pub fn page(&self, items: &[Item]) -> (usize, usize) {
        let page = self.grid(items).page();
        if page == 0 {
            return (0, 0);
        }
        let first = self.place(items) / page * page;
        (first, page.min(items.len() - first.min(items.len())))
    }

    /// Focuses a panel by its place.
    pub fn focus_panel(&mut self, items: &[Item], place: usize) {
        if let Some(item) = items.get(place.min(items.len().saturating_sub(1))) {
            self.focus = Focus::Panels;
            if self.panel != item.key {
                self.panel = item.key.clone();
                self.scroll = 0;
            }
        }
    }

    /// Tab: trials, every panel, events, and round again.
    pub fn turn(&mut self, items: &[Item], by: isize) {
        let at = match self.focus {
            Focus::Trials => 0,
            Focus::Panels => 1 + self.place(items),
            Focus::Events => 1 + items.len(),
        };
        let to = (at as isize + by).rem_euclid(items.len() as isize + 2) as usize;
        self.scroll = 0;
        if to == 0 {
            (self.focus, self.zoomed) = (Focus::Trials, false);
        } else if to > items.len() {
            (self.focus, self.zoomed) = (Focus::Events, false);
        } else {
            self.focus_panel(items, to - 1);
        }
    }

    /// Up and down: trials, lines of a zoomed panel or of the events, else panels of the grid.
    pub fn vertical(&mut self, items: &[Item], trials: usize, by: isize) {
        let scrolled = |scroll: usize, by: isize| (scroll as isize).saturating_add(by).clamp(0, 1_000_000) as usize;
        match self.focus {
            Focus::Trials => self.select(trials, by),
            Focus::Events => self.scroll = scrolled(self.scroll, -by),
            Focus::Panels if self.zoomed || self.grid(items).page() < 2 => self.scroll = scrolled(self.scroll, by),
            Focus::Panels => {
                let columns = self.grid(items).columns as isize;
                self.across(items, by.clamp(-1, 1) * columns);
            }
        }
    }

    /// Goes some metrics on, round and round.
    pub fn turn_metric(&mut self, metrics: usize, by: isize) {
        self.metric = (self.metric as isize + by).rem_euclid(metrics.max(1) as isize) as usize;
    }

    /// Draws the chart over all trials along something else that is known of some; what.
    pub fn turn_axis<'a>(&mut self, trials: impl Iterator<Item = &'a TrialState> + Clone) -> &'static str {
        self.along = self.along.next(trials);
        self.along.name()
    }

    /// Sorts a table by its next column, or turns the order round; how, in words.
    pub fn sort(&mut self, item: &Item, on: bool) -> Option<String> {
        let table = item.panel()?.body.table()?;
        let (column, rises) = match self.sorted.get(&item.key) {
            None => (0, true),
            Some((column, rises)) if !on => (*column, !rises),
            Some((column, _)) => (column + 1, true),
        };
        let Some(name) = table.columns.get(column) else {
            self.sorted.remove(&item.key);
            return Some("In the order that it came in.".into());
        };
        self.sorted.insert(item.key.clone(), (column, rises));
        Some(format!("Sorted by {name}, {}.", if rises { "rising" } else { "falling" }))
    }

    /// Moves the focus some panels on.
    pub fn across(&mut self, items: &[Item], by: isize) {
        let last = items.len().saturating_sub(1) as isize;
        let to = (self.place(items) as isize + by).clamp(0, last) as usize;
        self.focus_panel(items, to);
    }

    /// First line of the list beside the panels to show in some rows so that the selected one is seen, in the middle
    /// when the list is long.
    pub fn first_row(&self, all: usize, rows: usize) -> usize {
        self.trial.saturating_sub(rows / 2).min(all.saturating_sub(rows))
    }

    /// Selects another trial.
    pub fn select(&mut self, trials: usize, by: isize) {
        self.trial = (self.trial as isize).saturating_add(by).clamp(0, trials.max(1) as isize - 1) as usize;
    }
}
