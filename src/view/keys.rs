//! The key table: the one place that says what a key does. Dispatch, footer and help read it.

/// A key as the viewer knows it, whatever the terminal sends for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A printing character.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Char(' ') => f.write_str("Space"),
            Key::Char(c) => write!(f, "{c}"),
            Key::Ctrl(c) => write!(f, "Ctrl-{}", c.to_ascii_uppercase()),
            Key::BackTab => f.write_str("Shift-Tab"),
            Key::PageUp => f.write_str("PgUp"),
            Key::PageDown => f.write_str("PgDn"),
            named => write!(f, "{named:?}"),
        }
    }
}

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Everywhere but where text is typed.
    Anywhere,
    /// The home screen.
    Home,
    /// Typing a filter on the home screen.
    Filter,
    /// The list of settings of a preset.
    Settings,
    /// Typing the value of a setting.
    Value,
    /// The run view.
    Run,
    /// Runs side by side.
    Compare,
    /// The panels of a run or of a comparison.
    Panels,
    /// The run view while the cursor stands in its charts; other keys are those of the run view.
    Cursor,
    /// Typing the name of a command.
    Palette,
    /// The knobs of a run.
    Knobs,
    /// The checkpoints of a trial.
    Checkpoints,
    /// A page of text: help, a card, what a panel means.
    Page,
    /// A question.
    Confirm,
    /// A stop of the tour, over home and run view.
    Tour,
}

impl Context {
    /// All of them, in the order of the help page.
    pub const ALL: [Context; 15] = [
        Context::Home,
        Context::Run,
        Context::Compare,
        Context::Panels,
        Context::Cursor,
        Context::Knobs,
        Context::Checkpoints,
        Context::Palette,
        Context::Settings,
        Context::Page,
        Context::Confirm,
        Context::Filter,
        Context::Value,
        Context::Tour,
        Context::Anywhere,
    ];

    /// The heading on the help page.
    pub const fn name(self) -> &'static str {
        match self {
            Context::Anywhere => "Everywhere",
            Context::Home => "Home",
            Context::Filter => "While filtering",
            Context::Settings => "Settings of a preset",
            Context::Value => "While typing a value",
            Context::Run => "Run view",
            Context::Compare => "Runs side by side",
            Context::Panels => "Panels and charts",
            Context::Cursor => "Cursor in the charts",
            Context::Palette => "Commands by name",
            Context::Knobs => "Knobs of a run",
            Context::Checkpoints => "Checkpoints of a trial",
            Context::Page => "Pages of text",
            Context::Confirm => "Questions",
            Context::Tour => "Tour",
        }
    }

    /// Whether printing characters are text here.
    pub const fn types(self) -> bool {
        matches!(self, Context::Filter | Context::Value | Context::Palette)
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a key can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])* $name),* }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Action] = &[$(Action::$name),*];
        }
    };
}

actions! {
    /// Previous line or the panel above.
    Up,
    /// Next line or the panel below.
    Down,
    /// Previous panel.
    Left,
    /// Next panel.
    Right,
    /// First of the list.
    First,
    /// Last of the list.
    Last,
    /// A page back.
    PageBack,
    /// A page on.
    PageOn,
    /// Next list or panel.
    Next,
    /// Previous list or panel.
    Previous,
    /// Open what is selected.
    Open,
    /// Type a filter.
    Filter,
    /// Mark a run.
    Mark,
    /// Begin the tour.
    Tour,
    /// The next stop of the tour.
    TourOn,
    /// End the tour.
    TourEnd,
    /// Show the card of the system.
    Card,
    /// Edit the settings of the preset.
    Edit,
    /// Start the edited preset.
    Start,
    /// Keep what was typed.
    Accept,
    /// Put a setting back to its shipped value.
    PutBack,
    /// Focus a panel by its number.
    Panel,
    /// Previous trial.
    TrialBefore,
    /// Next trial.
    TrialAfter,
    /// Focused panel over the whole screen.
    Zoom,
    /// Pause, continue or resume.
    Toggle,
    /// Stop with a checkpoint.
    Stop,
    /// Write a snapshot.
    Snapshot,
    /// Make the bias card of the selected trial.
    BiasCard,
    /// Next spacing of the vertical axis.
    Scale,
    /// Curves smoothed more, or not at all.
    Smooth,
    /// Seeds as bands or one by one.
    Seeds,
    /// Half as much of a chart.
    ZoomIn,
    /// Twice as much of a chart.
    ZoomOut,
    /// The stretch before.
    PanBack,
    /// The stretch behind.
    PanOn,
    /// The whole of a chart.
    WholeChart,
    /// Put the cursor into the charts, or take it out.
    Cursor,
    /// The cursor a step back.
    CursorBack,
    /// The cursor a step on.
    CursorOn,
    /// The cursor a jump back.
    CursorFarBack,
    /// The cursor a jump on.
    CursorFarOn,
    /// The cursor to the next note or mark.
    EventOn,
    /// The cursor to the note or mark before.
    EventBack,
    /// Compare with the place of the cursor.
    Anchor,
    /// Along what the chart over all trials is drawn.
    Axis,
    /// Sort the focused table by the next column.
    Sort,
    /// Turn the order of the focused table round.
    SortBack,
    /// Set runs side by side.
    Compare,
    /// What the runs are compared with.
    Baseline,
    /// Next condition.
    ConditionAfter,
    /// Condition before.
    ConditionBefore,
    /// A single step, then pause.
    Step,
    /// Go back to a checkpoint of the selected trial.
    Checkpoints,
    /// Write a note about the run.
    Note,
    /// Give the run a tag, or take one off.
    Tag,
    /// Copy what is meant here to the clipboard.
    Copy,
    /// Copy the command that does this.
    CopyCommand,
    /// The knobs of the run.
    Knobs,
    /// Every command by name.
    Palette,
    /// What the focused panel means.
    Explain,
    /// Next metric of the chart over all trials.
    Metric,
    /// Metric before.
    MetricBefore,
    /// Yes.
    Yes,
    /// No.
    No,
    /// One level back.
    Back,
    /// Help.
    Help,
    /// The mouse on or off.
    Mouse,
    /// Draw everything again.
    Redraw,
    /// Suspend the viewer.
    Suspend,
    /// Leave the viewer.
    Leave,
}

/// One row of the key table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where.
    pub context: Context,
    /// Which keys, the one to show first.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// One or two words for the footer; empty to leave it out there.
    pub label: &'static str,
    /// A sentence for the help page.
    pub help: &'static str,
}

impl Binding {
    /// The keys as the help page shows them; a run of digits as `1-9`.
    pub fn keys_text(&self) -> String {
        match self.keys {
            [first @ Key::Char('1'), .., last] => format!("{first}-{last}"),
            keys => keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}

const fn bind(
    context: Context,
    keys: &'static [Key],
    action: Action,
    label: &'static str,
    help: &'static str,
) -> Binding {
    Binding { context, keys, action, label, help }
}

use Action as A;
use Context as C;
use Key::{BackTab, Char, Ctrl, Down, End, Enter, Esc, Left, PageDown, PageUp, Right, Tab, Up};

const DIGITS: &[Key] =
    &[Char('1'), Char('2'), Char('3'), Char('4'), Char('5'), Char('6'), Char('7'), Char('8'), Char('9')];

/// Every key, in the order of footer and help.
pub const KEYS: &[Binding] = &[
    bind(C::Home, &[Enter], A::Open, "open", "Start the selected preset and watch it, or open the selected run."),
    bind(C::Home, &[Tab], A::Next, "next list", "Go to the next list: systems, presets, runs."),
    bind(C::Home, &[BackTab], A::Previous, "", "Go to the list before."),
    bind(
        C::Home,
        &[Char('/')],
        A::Filter,
        "filter",
        "Ask for systems and runs: words, state:done, age<2d, settings.PATH>=1e-3, OR, -word.",
    ),
    bind(C::Home, &[Char('i')], A::Card, "card", "Read the card: claims, thresholds, what was kept and shrunk."),
    bind(C::Home, &[Char('e')], A::Edit, "edit", "Change settings of the selected preset before it starts."),
    bind(C::Home, &[Char(' ')], A::Mark, "mark", "Mark the selected run with a letter, or take its mark away."),
    bind(
        C::Home,
        &[Char('C')],
        A::Compare,
        "compare",
        "Set the marked runs side by side, in the order of their letters.",
    ),
    bind(C::Home, &[Char('t')], A::Tour, "tour", "Five minutes on a real run: what one sees, and which key does what."),
    bind(C::Home, &[Up, Char('k')], A::Up, "", "Previous line."),
    bind(C::Home, &[Down, Char('j')], A::Down, "", "Next line."),
    bind(C::Home, &[Left, Char('h')], A::Left, "", "Go to the list before."),
    bind(C::Home, &[Right, Char('l')], A::Right, "", "Go to the next list."),
    bind(C::Home, &[PageUp], A::PageBack, "", "Ten lines up."),
    bind(C::Home, &[PageDown], A::PageOn, "", "Ten lines down."),
    bind(C::Home, &[Key::Home, Char('g')], A::First, "", "First line."),
    bind(C::Home, &[End, Char('G')], A::Last, "", "Last line."),
    bind(C::Filter, &[Enter], A::Accept, "keep", "Keep the filter and go back to the list."),
    bind(C::Filter, &[Up], A::Up, "", "Previous line."),
    bind(C::Filter, &[Down], A::Down, "", "Next line."),
    bind(C::Filter, &[Esc, Ctrl('c')], A::Back, "clear", "Drop the filter."),
    bind(C::Tour, &[Enter, Char('n')], A::TourOn, "on", "The next stop of the tour, without doing this one."),
    bind(C::Tour, &[Esc], A::TourEnd, "end", "End the tour."),
    bind(C::Settings, &[Enter], A::Open, "change", "Type another value for the selected setting."),
    bind(
        C::Settings,
        &[Right, Char('l'), Char(' ')],
        A::Right,
        "choose",
        "The next of the names that the setting takes.",
    ),
    bind(C::Settings, &[Left, Char('h')], A::Left, "", "The name before."),
    bind(C::Settings, &[Char('u')], A::PutBack, "put back", "Put the setting and its parts back to what was shipped."),
    bind(C::Settings, &[Char('r')], A::Start, "run", "Start a run with these settings."),
    bind(C::Settings, &[Up, Char('k')], A::Up, "", "Previous setting."),
    bind(C::Settings, &[Down, Char('j')], A::Down, "", "Next setting."),
    bind(C::Settings, &[PageUp], A::PageBack, "", "Ten settings up."),
    bind(C::Settings, &[PageDown], A::PageOn, "", "Ten settings down."),
    bind(C::Settings, &[Key::Home, Char('g')], A::First, "", "First setting."),
    bind(C::Settings, &[End, Char('G')], A::Last, "", "Last setting."),
    bind(C::Settings, &[Esc], A::Back, "back", "Back to the home screen; the changes are dropped."),
    bind(C::Value, &[Enter], A::Accept, "set", "Check the value and keep it."),
    bind(C::Value, &[Esc, Ctrl('c')], A::Back, "cancel", "Leave the setting as it was."),
    bind(C::Cursor, &[Left, Char('h')], A::CursorBack, "", "The cursor to the point before."),
    bind(C::Cursor, &[Right, Char('l')], A::CursorOn, "move", "The cursor to the next point."),
    bind(C::Cursor, &[Char('H')], A::CursorFarBack, "", "The cursor a tenth of the chart back."),
    bind(C::Cursor, &[Char('L')], A::CursorFarOn, "jump", "The cursor a tenth of the chart on."),
    bind(
        C::Cursor,
        &[Char('e')],
        A::EventOn,
        "event",
        "The cursor to the next note of the trial or mark of the chart.",
    ),
    bind(C::Cursor, &[Char('E')], A::EventBack, "", "The cursor to the note or mark before."),
    bind(C::Cursor, &[Char('m')], A::Anchor, "compare", "Show values beside those at this place; again for no more."),
    bind(C::Cursor, &[Char('c'), Esc], A::Cursor, "no cursor", "Take the cursor out of the charts."),
    bind(C::Run, &[Char(' ')], A::Toggle, "pause/go", "Pause, go on, or give a stopped run a new worker."),
    bind(C::Run, &[Char('x')], A::Stop, "stop", "Write a checkpoint and end the worker; asks first."),
    bind(C::Compare, &[Char('b')], A::Baseline, "baseline", "Compare the others with the selected run."),
    bind(
        C::Compare,
        &[Char(']')],
        A::ConditionAfter,
        "condition",
        "Show the next condition alone; behind the last, all of them.",
    ),
    bind(C::Compare, &[Char('[')], A::ConditionBefore, "", "Show the condition before."),
    bind(C::Compare, &[Char('o')], A::Open, "open", "Open the selected run."),
    bind(C::Panels, DIGITS, A::Panel, "panel", "Focus a panel by its number."),
    bind(C::Panels, &[Tab], A::Next, "next", "Focus the next panel, the events, the trials."),
    bind(C::Panels, &[BackTab], A::Previous, "", "Focus the one before."),
    bind(C::Panels, &[Char('z'), Enter], A::Zoom, "zoom", "Give the focused panel the whole screen, or take it back."),
    bind(C::Panels, &[Char('v')], A::Metric, "metric", "Next metric in the chart over all trials."),
    bind(C::Panels, &[Char('V')], A::MetricBefore, "", "The metric before."),
    bind(
        C::Panels,
        &[Char('y')],
        A::Scale,
        "axis",
        "Vertical axis of the focused chart: linear, log, symlog, logit, as its values allow.",
    ),
    bind(C::Panels, &[Char('i')], A::Explain, "explain", "What the focused panel shows and how to read it."),
    bind(C::Panels, &[Up, Char('k')], A::Up, "", "Previous trial, the panel above, or a line up."),
    bind(C::Panels, &[Down, Char('j')], A::Down, "", "Next trial, the panel below, or a line down."),
    bind(C::Panels, &[Left, Char('h')], A::Left, "", "The panel to the left."),
    bind(C::Panels, &[Right, Char('l')], A::Right, "", "The panel to the right."),
    bind(C::Panels, &[PageUp], A::PageBack, "", "Panels of the page before."),
    bind(C::Panels, &[PageDown], A::PageOn, "more", "Panels of the next page."),
    bind(C::Panels, &[Key::Home, Char('g')], A::First, "", "First trial, panel or line."),
    bind(C::Panels, &[End, Char('G')], A::Last, "", "Last trial, panel or line."),
    bind(C::Panels, &[Esc], A::Back, "back", "One level back: from a zoomed panel to all, from the run to home."),
    bind(
        C::Panels,
        &[Char('c')],
        A::Cursor,
        "cursor",
        "Read values off the charts: a cursor in all charts with the axis.",
    ),
    bind(
        C::Panels,
        &[Char('w')],
        A::Smooth,
        "smooth",
        "Smooth curves by 0.6, 0.9, 0.97 of the past, or not; what was recorded stays.",
    ),
    bind(
        C::Panels,
        &[Char('r')],
        A::Seeds,
        "seeds",
        "Show every seed, or median and quartiles where there are three or more.",
    ),
    bind(C::Panels, &[Char('+'), Char('=')], A::ZoomIn, "", "Half as much of the focused chart, about the cursor."),
    bind(C::Panels, &[Char('-')], A::ZoomOut, "", "Twice as much of it."),
    bind(C::Panels, &[Char('<')], A::PanBack, "", "The stretch of the focused chart before this one."),
    bind(C::Panels, &[Char('>')], A::PanOn, "", "The stretch behind it."),
    bind(C::Panels, &[Char('0')], A::WholeChart, "", "The whole of the focused chart, as it came."),
    bind(C::Panels, &[Char('a')], A::Axis, "x axis", "Draw the chart over all trials along steps or operations."),
    bind(C::Panels, &[Char('t')], A::Sort, "sort", "Sort the focused table by its next column; behind the last, not."),
    bind(C::Panels, &[Char('T')], A::SortBack, "", "Turn the order of the focused table round."),
    bind(
        C::Run,
        &[Char(']'), Char('n')],
        A::TrialAfter,
        "next trial",
        "Select the next trial, whatever has the focus.",
    ),
    bind(C::Run, &[Char('['), Char('p')], A::TrialBefore, "", "Select the trial before."),
    bind(C::Run, &[Char('s')], A::Snapshot, "snapshot", "Write report, figures and tables to a folder."),
    bind(
        C::Run,
        &[Char('b')],
        A::BiasCard,
        "bias card",
        "Make the bias card of the selected trial; it comes as panels.",
    ),
    bind(C::Run, &[Char('K')], A::Knobs, "knobs", "Turn a knob while the run runs: journaled, resumed and replayed."),
    bind(C::Run, &[Char('C')], A::Compare, "compare", "Set this run beside the one before it of the same system."),
    bind(C::Run, &[Char('.')], A::Step, "step", "Make a single step of the trial that is next, and pause behind it."),
    bind(
        C::Run,
        &[Char(',')],
        A::Checkpoints,
        "back to",
        "Take the selected trial back to one of its checkpoints; the run goes on from there.",
    ),
    bind(C::Run, &[Char('N')], A::Note, "", "Write a note; it is kept with the run."),
    bind(C::Run, &[Char('#')], A::Tag, "", "Give the run a tag to find it by; a tag that it has is taken off."),
    bind(C::Home, &[Char('N')], A::Note, "", "Write a note about the selected run."),
    bind(C::Home, &[Char('#')], A::Tag, "", "Give the selected run a tag, or take one off."),
    bind(C::Checkpoints, &[Enter], A::Open, "go back", "Go back to the selected checkpoint."),
    bind(C::Checkpoints, &[Up, Char('k')], A::Up, "", "A later checkpoint."),
    bind(C::Checkpoints, &[Down, Char('j')], A::Down, "", "An earlier checkpoint."),
    bind(C::Checkpoints, &[Esc], A::Back, "cancel", "Leave the trial where it is."),
    bind(C::Knobs, &[Enter], A::Open, "turn", "Type another value for the selected knob."),
    bind(C::Knobs, &[Up, Char('k')], A::Up, "", "Previous knob."),
    bind(C::Knobs, &[Down, Char('j')], A::Down, "", "Next knob."),
    bind(C::Knobs, &[Esc], A::Back, "back", "Back to the run."),
    bind(C::Palette, &[Enter], A::Accept, "do it", "Do the selected command."),
    bind(C::Palette, &[Up], A::Up, "", "Previous command."),
    bind(C::Palette, &[Down], A::Down, "", "Next command."),
    bind(C::Palette, &[Esc, Ctrl('c')], A::Back, "close", "Close the list."),
    bind(C::Page, &[Up, Char('k')], A::Up, "", "A line up."),
    bind(C::Page, &[Down, Char('j')], A::Down, "scroll", "A line down."),
    bind(C::Page, &[PageUp], A::PageBack, "", "Ten lines up."),
    bind(C::Page, &[PageDown, Char(' ')], A::PageOn, "", "Ten lines down."),
    bind(C::Page, &[Key::Home, Char('g')], A::First, "", "First line."),
    bind(C::Page, &[End, Char('G')], A::Last, "", "Last line."),
    bind(C::Page, &[Esc, Enter, Char('i')], A::Back, "back", "Close the page."),
    bind(C::Confirm, &[Char('y')], A::Yes, "yes", "Do it."),
    bind(C::Confirm, &[Char('n'), Esc], A::No, "no", "Leave everything as it is."),
    bind(
        C::Anywhere,
        &[Char(':')],
        A::Palette,
        "commands",
        "Every command of this view by name, and why one does nothing now.",
    ),
    bind(
        C::Anywhere,
        &[Char('Y')],
        A::Copy,
        "",
        "Copy to the clipboard: values under the cursor, a table, else the folder of the run or the preset.",
    ),
    bind(C::Anywhere, &[Char('@')], A::CopyCommand, "", "Copy the command that starts what is selected."),
    bind(C::Anywhere, &[Char('?')], A::Help, "help", "Every key and what it does."),
    bind(C::Anywhere, &[Char('M')], A::Mouse, "", "Turn the mouse on, or off so that the terminal selects text."),
    bind(C::Anywhere, &[Ctrl('l')], A::Redraw, "", "Draw the screen again."),
    bind(C::Anywhere, &[Ctrl('z')], A::Suspend, "", "Suspend the viewer; `fg` brings it back. Runs go on."),
    bind(C::Anywhere, &[Char('q'), Ctrl('c')], A::Leave, "leave", "Leave the viewer. Runs go on without it."),
];

/// What a key does where the keys of some contexts work: the first that knows it.
pub fn lookup(contexts: &[Context], key: Key) -> Option<&'static Binding> {
    let of = |context: &Context| KEYS.iter().find(|b| b.context == *context && b.keys.contains(&key));
    contexts.iter().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (at, binding) in KEYS.iter().enumerate() {
            for key in binding.keys {
                let again = KEYS[at + 1..].iter().find(|other| {
                    let shared = other.context == Context::Anywhere && !binding.context.types();
                    let panels = [Context::Run, Context::Compare, Context::Panels];
                    let over = other.context == Context::Panels && panels.contains(&binding.context);
                    (other.context == binding.context || shared || over) && other.keys.contains(key)
                });
                assert!(again.is_none(), "{key} in {:?}: {:?} and {again:?}", binding.context, binding.action);
            }
        }
    }

    #[test]
    fn every_action_has_a_key_and_every_key_a_sentence() {
        for action in Action::ALL {
            assert!(KEYS.iter().any(|b| b.action == *action), "{action:?} cannot be reached");
        }
        for binding in KEYS {
            assert!(binding.help.ends_with('.') && !binding.keys.is_empty(), "{binding:?}");
            assert_eq!(lookup(&[binding.context], binding.keys[0]).unwrap().action, binding.action);
        }
    }

    #[test]
    fn text_is_text_where_it_is_typed() {
        for c in ['q', '?', ' ', '1'] {
            assert!(lookup(&[Context::Filter, Context::Value, Context::Palette], Key::Char(c)).is_none());
        }
        assert_eq!(lookup(&[Context::Filter], Key::Ctrl('c')).unwrap().action, Action::Back);
    }
}
