//! The places where keys are pressed.

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
    /// A sequence or graphs that are stepped through; other keys are those of the run view.
    Sequence,
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
    pub const ALL: [Context; 16] = [
        Context::Home,
        Context::Run,
        Context::Compare,
        Context::Panels,
        Context::Cursor,
        Context::Sequence,
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
            Context::Sequence => "Step by step: a sequence or graphs",
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
