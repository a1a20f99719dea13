//! Why an action may do nothing now.

use super::app::{App, Overlay, Watched};
use super::{Action, Binding, Comparison, Context, Home, List, metric_names, panels};
use crate::contract::Status;

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
            (Context::Panels | Context::Cursor | Context::Compare, ..) if self.comparison.is_some() => {
                self.comparison.as_ref().map_or(Ok(()), |comparison| comparison.enabled(binding.action))
            }
            (Context::Sequence, Some(run), _) => {
                let why = run.stand.walk.obstacle(&run.sequences(), binding.action);
                why.map_or(Ok(()), |why| Err(why.to_owned()))
            }
            (Context::Run | Context::Panels | Context::Cursor, Some(run), _) => {
                run.enabled(binding.action, self.home.is_some())
            }
            (Context::Home, None, Some(home)) => enabled_home(home, binding.action),
            _ => Ok(()),
        }
    }
}

fn enabled_home(home: &Home, action: Action) -> Result<(), String> {
    let chosen = match (action, home.list) {
        (Action::Open | Action::Mark, List::Runs) | (Action::Note | Action::Tag, _) => {
            home.selected_run().map(|_| ()).ok_or("There is no run yet.")
        }
        (Action::Compare, _) if home.marked.len() < 2 => {
            Err("Mark two runs or more with Space; they are compared then.")
        }
        (Action::Mark, _) => Err("Marks are for runs; Tab goes to their list."),
        (Action::Open | Action::Edit, _) => home.preset_name().map(|_| ()).ok_or("No system is selected."),
        (Action::Card, _) => home.selected().map(|_| ()).ok_or("No system is selected."),
        _ => Ok(()),
    };
    chosen.map_err(str::to_owned)
}

impl Watched {
    fn enabled(&self, action: Action, has_home: bool) -> Result<(), String> {
        let status = self.feed.state().status;
        let items = self.items();
        let sentence = match action {
            Action::Toggle if status == Status::Done => "This run is done; there is nothing to pause.",
            Action::Toggle if status == Status::Stalled => "The worker does not answer: its process was stopped.",
            Action::Stop if !matches!(status, Status::Running | Status::Paused | Status::Waiting) => {
                "This run has no worker to stop."
            }
            Action::Step if !matches!(status, Status::Running | Status::Paused) => {
                "This run has no worker that could make a step."
            }
            Action::Checkpoints if matches!(status, Status::Running | Status::Paused | Status::Stalled) => {
                "A worker has this run: x stops it, then it can go back."
            }
            Action::Knobs if self.knobs.is_empty() => "This system has no knobs.",
            Action::Knobs if !matches!(status, Status::Running | Status::Paused | Status::Waiting) => {
                "This run has no worker; a knob is turned while it runs."
            }
            Action::Metric | Action::MetricBefore if metric_names(self.feed.state(), self.card).is_empty() => {
                "No metric is recorded yet."
            }
            Action::Back if !has_home && !self.stand.zoomed => "This is the outermost view; q leaves.",
            _ => return panels::obstacle(&self.stand, &items, action).map_or(Ok(()), |why| Err(why.into())),
        };
        Err(sentence.into())
    }
}

impl Comparison {
    fn enabled(&self, action: Action) -> Result<(), String> {
        match panels::obstacle(&self.stand, &self.items(), action) {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }
}
