//! What keys can do.

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
    /// Step through a sequence of the selected trial, or back to the panels.
    Sequence,
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
