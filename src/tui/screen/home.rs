//! The home screen: systems by family, the selected one's claim, picture, presets and cost, the runs.

use unicode_width::UnicodeWidthStr;

use super::chrome::{progress, state_style, titled};
use super::run::scrolled;
use crate::contract::{Entry, Outcome, Status};
use crate::tui::look::Look;
use crate::tui::paint::{self, View, letter, verdict_style};
use crate::tui::pen::{Pen, shorten_middle, wrap};
use crate::view::{Home, List, Message, PresetRow, RunRow, Size, words};

/// Rows of a picture: fewer tell nothing, more take the lists their room.
const PICTURE: (u16, u16) = (8, 14);
/// Columns of a picture.
const PICTURE_COLUMNS: u16 = 28;
/// Rows that the list of runs should have.
const RUNS: u16 = 6;

/// Paints everything but the footer.
pub(super) fn paint(pen: &mut Pen, home: &Home, cores: usize) {
    head(pen, home);
    let size = Size::of(pen.width(), pen.height());
    let mut body = pen.inset(0, 2, 0, 1);
    if size < Size::Small {
        return narrow(&mut body, home, cores);
    }
    let width = body.width();
    let left = match size {
        Size::Small => 32,
        Size::Medium => 52,
        _ => width * 2 / 5,
    };
    let mut column = body.inset(0, 0, width - left + 1, 0);
    let rows = system_rows(home).len() as u16 + 2;
    let under = size == Size::Small && column.height() >= rows + 1 + PICTURE.0;
    systems(&mut column.inset(0, 0, 0, if under { column.height() - rows } else { 0 }), home);
    if under {
        picture(&mut column.inset(0, rows, 1, 0), home);
    }
    let mut right = body.inset(left, 0, 0, 0);
    let needed = presets_rows(home) + RUNS;
    let used = about(&mut right.inset(0, 0, 0, needed.min(right.height() / 2)), home, !under);
    let mut right = right.inset(0, used, 0, 0);
    let used = presets(&mut right, home, cores);
    runs(&mut right.inset(0, used, 0, 0), home);
}

/// One column: the list in focus, and what is selected in it.
fn narrow(pen: &mut Pen, home: &Home, cores: usize) {
    match home.list {
        List::Systems => {
            let sentence = home.selected().map_or("", |entry| entry.card.sentence);
            let lines = wrap(sentence, usize::from(pen.width().saturating_sub(4)));
            let rows = if pen.height() >= 10 { lines.len().min(3) as u16 + 1 } else { 0 };
            systems(&mut pen.inset(0, 0, 0, rows), home);
            let (first, look) = (pen.height() - rows + 1, pen.look);
            for (y, line) in lines.iter().take(usize::from(rows.saturating_sub(1))).enumerate() {
                pen.text(2, first + y as u16, line, look.text());
            }
        }
        List::Presets => _ = presets(pen, home, cores),
        List::Runs => runs(pen, home),
    }
}

fn head(pen: &mut Pen, home: &Home) {
    let look = pen.look;
    let (systems, runs, live) = home.counts();
    let x = pen.text(1, 0, "Ansatz", look.accent()) + 2;
    if home.filtering || !home.filter.text.is_empty() {
        let (shown, passing) = (home.shown().len(), home.runs().len());
        let text = format!("{shown} of {systems} systems, {passing} of {runs} runs");
        pen.text(x, 0, &text, look.warning());
        return filter(pen, home);
    }
    let space = home.free_space().map_or(String::new(), |free| format!(", {free} free"));
    let text = format!("{systems} system{}, {runs} run{}, {live} live", words::plural(systems), words::plural(runs));
    let x = pen.text(x, 0, &(text + &space), look.text());
    let motto = "assumptions on the bench: what a learner brings before the data speak";
    if usize::from(pen.width().saturating_sub(x + 4)) > motto.width() {
        pen.text_before(pen.width() - 1, 0, motto, look.dim());
    }
}

/// The query as it is typed, from where it is wrong in the colour of faults, and why beside it.
fn filter(pen: &mut Pen, home: &Home) {
    let look = pen.look;
    let style = if home.filtering { look.accent() } else { look.warning() };
    let x = pen.text(1, 1, "/", look.dim());
    let Some(fault) = &home.fault else {
        pen.text(x + 1, 1, &home.filter.text, style);
        return;
    };
    let good: String = home.filter.text.chars().take(fault.at).collect();
    let wrong: String = home.filter.text.chars().skip(fault.at).collect();
    let x = pen.text(x + 1, 1, &good, style);
    let x = pen.text(x, 1, &wrong, look.bad());
    if beside(pen.width(), home) {
        pen.text(x + 3, 1, &fault.message, look.bad());
    }
}

/// Whether what is wrong with the query fits beside it.
fn beside(width: u16, home: &Home) -> bool {
    let message = home.fault.as_ref().map_or(0, |fault| fault.message.width());
    home.filter.text.width() + message + 7 <= usize::from(width)
}

/// What is wrong with the query, where that does not fit beside it.
pub(super) fn fault(width: u16, home: &Home) -> Option<Message> {
    let fault = home.fault.as_ref().filter(|_| !beside(width, home))?;
    Some(Message { text: fault.message.clone(), is_error: true })
}

/// Where the cursor stands while a query is typed.
pub(in crate::tui) fn filter_cursor(width: u16, home: &Home) -> (u16, u16) {
    let before: String = home.filter.text.chars().take(home.filter.cursor).collect();
    ((3 + before.width() as u16).min(width.saturating_sub(1)), 1)
}

enum Row {
    Family(&'static str),
    System(usize, &'static Entry),
}

fn system_rows(home: &Home) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut family = None;
    for (at, entry) in home.shown().iter().enumerate() {
        if family != Some(entry.card.family) {
            family = Some(entry.card.family);
            rows.push(Row::Family(entry.card.family.name()));
        }
        rows.push(Row::System(at, entry));
    }
    rows
}

/// A verdict in one cell; the word stands beside the claim and in the list of runs.
fn mark(outcome: Outcome, look: Look) -> &'static str {
    match outcome {
        Outcome::Reproduced => look.glyph("✓", "+"),
        Outcome::Partly => look.glyph("≈", "~"),
        Outcome::NotReproduced => look.glyph("✗", "x"),
        Outcome::Undecided => "?",
    }
}

fn systems(pen: &mut Pen, home: &Home) {
    let mut list = titled(pen, None, "Systems", "", home.list == List::Systems);
    let look = list.look;
    let rows = system_rows(home);
    if rows.is_empty() {
        list.text(1, 0, "Nothing passes the filter.", look.dim());
    }
    let chosen = rows.iter().position(|row| matches!(row, Row::System(at, _) if *at == home.system)).unwrap_or(0);
    let height = usize::from(list.height());
    let slugs = home.shown().iter().map(|entry| entry.card.slug.len()).max().unwrap_or(0) as u16;
    for (y, row) in rows.iter().skip(scrolled(chosen, rows.len(), height)).take(height).enumerate() {
        match row {
            Row::Family(name) => _ = list.text(1, y as u16, name, look.dim()),
            Row::System(at, entry) => system(&mut list, y as u16, home, (*at, *entry), slugs),
        }
    }
}

fn system(list: &mut Pen, y: u16, home: &Home, (at, entry): (usize, &Entry), slugs: u16) {
    let look = list.look;
    let selected = at == home.system;
    let x = list.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
    let x = list.text(x, y, &format!("{:>2} ", entry.card.number), look.dim());
    if let Some(outcome) = home.last_verdict(entry).and_then(|run| run.outcome) {
        list.text(x, y, mark(outcome, look), verdict_style(outcome, look));
    }
    let x = x + 2;
    let style = if selected { look.strong() } else { look.text() };
    let room = list.width().saturating_sub(x);
    list.text_within(x, y, entry.card.slug, room, style);
    let title = x + slugs + 2;
    if list.width() > title + 12 {
        let room = list.width() - title;
        list.text_within(title, y, entry.card.title, room, look.dim());
    }
    if selected && home.list == List::Systems {
        let width = list.width();
        list.restyle(0, y, width, look.selected());
    }
}

/// The selected system in words, with its picture where there is room; rows used.
fn about(pen: &mut Pen, home: &Home, pictured: bool) -> u16 {
    let Some(entry) = home.selected() else { return 0 };
    let (width, height) = (pen.width(), pen.height());
    let pictured = pictured && home.picture().is_some();
    if pictured && width >= 100 && height >= PICTURE.0 {
        let half = width / 2;
        let used = claim(&mut pen.inset(0, 0, width - half + 1, 0), home, entry, true);
        let rows = used.max(PICTURE.1 + 2).min(height);
        picture(&mut pen.inset(half, 0, 0, height - rows + 1), home);
        return rows;
    }
    let used = claim(pen, home, entry, false);
    let left = height.saturating_sub(used + 1).min(PICTURE.1);
    if !pictured || left < PICTURE.0 {
        return used;
    }
    let bottom = height.saturating_sub(used + left);
    picture(&mut pen.inset(0, used, 0, bottom), home);
    used + left + 1
}

/// Sentence, last verdict, paper, and the claims where asked; rows used.
fn claim(pen: &mut Pen, home: &Home, entry: &Entry, claims: bool) -> u16 {
    let card = entry.card;
    let look = pen.look;
    let mut body = titled(pen, None, &format!("{} {}", card.number, card.title), "", false);
    let width = body.width();
    let mut y = 0;
    for line in wrap(card.sentence, usize::from(width.saturating_sub(1))).iter().take(5) {
        body.text(0, y, line, look.text());
        y += 1;
    }
    if claims {
        for (at, claim) in card.claims.iter().enumerate() {
            for (row, line) in wrap(claim, usize::from(width.saturating_sub(4))).iter().enumerate() {
                let lead = if row == 0 { format!("{}. ", at + 1) } else { String::new() };
                body.text(0, y, &lead, look.dim());
                body.text(3, y, line, look.dim());
                y += 1;
            }
        }
    }
    let paper = format!("{}, {}, {}", card.paper.title, card.paper.authors, card.paper.year);
    body.text_within(0, y, &paper, width, look.dim());
    if let Some((run, outcome)) = home.last_verdict(entry).and_then(|run| Some((run, run.outcome?))) {
        y += 1;
        let x = body.text(0, y, mark(outcome, look), verdict_style(outcome, look)) + 1;
        let x = body.text(x, y, words::outcome(outcome), verdict_style(outcome, look));
        let text = format!(" by {}, {}", run.preset, ago(&home.age(run)));
        let room = width.saturating_sub(x);
        body.text_within(x, y, &text, room, look.dim());
    }
    y + 3
}

fn ago(age: &str) -> String {
    if age == "now" { "just now".into() } else { format!("{age} ago") }
}

/// What one sees of the selected system.
fn picture(pen: &mut Pen, home: &Home) {
    let Some(picture) = home.picture() else { return };
    if pen.width() < PICTURE_COLUMNS {
        return;
    }
    let from = picture.run.as_deref().unwrap_or("a quick run");
    let rows = pen.height().min(PICTURE.1 + 2);
    let below = pen.height() - rows;
    let mut area = pen.inset(0, 0, 0, below);
    let mut body = titled(&mut area, None, &picture.panel.title, from, false);
    paint::panel(&mut body, &picture.panel, View::default());
}

/// Rows of the presets, their cost included.
fn presets_rows(home: &Home) -> u16 {
    home.presets().len() as u16 + 4
}

/// The presets of the selected system, and what the selected one takes; rows used.
fn presets(pen: &mut Pen, home: &Home, cores: usize) -> u16 {
    let of = home.selected().map_or(String::new(), |entry| format!("Presets of {}", entry.card.slug));
    let mut list = titled(pen, None, &of, "e edits, Enter starts", home.list == List::Presets);
    let look = list.look;
    let width = list.width();
    let names = home.presets().iter().map(|preset| preset.name.len()).max().unwrap_or(0) as u16;
    let mut y = 0;
    for (at, preset) in home.presets().iter().enumerate() {
        let selected = at == home.preset;
        list.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
        list.text(2, y, preset.name, if selected { look.strong() } else { look.text() });
        let about = match &preset.offer {
            Ok(offer) => offer.about.as_str(),
            Err(error) => error.as_str(),
        };
        let style = if preset.offer.is_ok() { look.text() } else { look.bad() };
        let room = width.saturating_sub(names + 4);
        list.text_within(names + 4, y, about, room, style);
        if selected && home.list == List::Presets {
            list.restyle(0, y, width, look.selected());
        }
        y += 1;
    }
    if let Some(PresetRow { offer: Ok(offer), .. }) = home.presets().get(home.preset) {
        let [trials, time, memory, disk] = words::cost(&offer.cost, cores);
        let text = format!("{trials}, {time}, {memory}, {disk}; an estimate");
        for line in wrap(&text, usize::from(width.saturating_sub(2))) {
            list.text(2, y, &line, look.dim());
            y += 1;
        }
    }
    y + 2
}

fn runs(pen: &mut Pen, home: &Home) {
    let runs = home.runs();
    let note = match home.marked.len() {
        0 => "newest first".to_owned(),
        marked => format!("{marked} marked"),
    };
    let mut list = titled(pen, None, "Runs", &note, home.list == List::Runs);
    let look = list.look;
    if runs.is_empty() {
        let lines = match home.counts().1 {
            0 => &["None yet. Enter starts the selected preset,", "t shows around on a real run."][..],
            _ => &["No run passes the filter."],
        };
        for (y, line) in lines.iter().enumerate() {
            list.text(1, y as u16, line, look.dim());
        }
    }
    let height = usize::from(list.height());
    let columns = Columns::of(&runs, list.width());
    for (y, (at, run)) in runs.iter().enumerate().skip(scrolled(home.run, runs.len(), height)).take(height).enumerate()
    {
        let (focused, selected) = (home.list == List::Runs, at == home.run);
        run_row(&mut list, y as u16, (home, run), columns, selected);
        if selected && focused {
            let width = list.width();
            list.restyle(0, y as u16, width, look.selected());
        }
    }
}

/// Columns of the parts of a run's row.
#[derive(Clone, Copy)]
struct Columns {
    name: u16,
    /// None where there is no room.
    preset: u16,
}

impl Columns {
    const MARK: u16 = 3;
    const STATE: u16 = 9;
    const RESULT: u16 = 16;
    const AGE: u16 = 6;

    fn of(runs: &[&RunRow], width: u16) -> Self {
        let widest = |text: &dyn Fn(&RunRow) -> usize| runs.iter().map(|run| text(run)).max().unwrap_or(0) as u16;
        let (name, preset) = (widest(&|run| run.name.width()), widest(&|run| preset(run).width()));
        let room = width.saturating_sub(Columns::MARK + Columns::STATE + Columns::RESULT + Columns::AGE + 1);
        let fits = name + 2 + preset <= room;
        Columns { name: name.min(room), preset: if fits { preset } else { 0 } }
    }
}

fn preset(run: &RunRow) -> String {
    format!("{}/{}", run.system, run.preset)
}

fn run_row(pen: &mut Pen, y: u16, (home, run): (&Home, &RunRow), columns: Columns, selected: bool) {
    let look = pen.look;
    pen.text(0, y, if selected { look.glyph("▸", ">") } else { " " }, look.accent());
    if let Some(mark) = home.mark_of(run) {
        pen.cell(1, y, letter(mark), look.warning());
    }
    let style = if selected { look.strong() } else { look.text() };
    pen.text(Columns::MARK, y, &shorten_middle(&run.name, usize::from(columns.name), look), style);
    let x = Columns::MARK + columns.name + 1;
    pen.text(x, y, words::state(run.status), state_style(run.status, look));
    let x = x + Columns::STATE;
    let share = words::share(run.progress);
    match run.outcome {
        Some(outcome) => _ = pen.text(x, y, words::short_outcome(outcome), verdict_style(outcome, look)),
        None if run.status != Status::Done => {
            progress(pen, (x, y), 8, share, state_style(run.status, look));
            pen.text(x + 9, y, &words::percent(share), look.text());
        }
        None => {}
    }
    let x = x + Columns::RESULT;
    if columns.preset > 0 {
        pen.text(x, y, &preset(run), look.dim());
    }
    let end = pen.width().saturating_sub(u16::from(pen.width() > 60));
    pen.text_before(end, y, &home.age(run), look.dim());
}
