//! Progress on standard error: a bar on a terminal, a plain line now and then elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::contract::{Level, Status, StudyState};
use crate::run::export::duration;

/// What was shown so far.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// Whether everything that happens is told, not only what went wrong.
    whole: bool,
    /// Tenths of the work that were announced.
    tenths: u64,
    announced: Instant,
    /// Entries of the journal and notes of each trial that were told.
    journal: usize,
    notes: Vec<usize>,
    /// Trials that were told to be over.
    closed: usize,
}

/// Without news of a tenth a line still comes so often.
const SILENCE: Duration = Duration::from_secs(60);

impl Progress {
    /// Progress from here on: what a run said earlier is not told again.
    pub(super) fn new(state: &StudyState) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {pos}/{len} steps  {msg}");
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(1));
        if let (Some(bar), Ok(style)) = (&bar, style) {
            bar.set_style(style.progress_chars("#>."));
        }
        Progress {
            bar,
            whole: false,
            tenths: 0,
            announced: Instant::now(),
            journal: state.journal.len(),
            notes: state.trials.iter().map(|trial| trial.notes.len()).collect(),
            closed: closed(state),
        }
    }

    /// Progress in words alone, of everything that happens from here on.
    pub(super) fn in_words(state: &StudyState) -> Self {
        Progress { bar: None, whole: true, ..Progress::new(state) }
    }

    /// Shows where a run is and says what is new.
    pub(super) fn show(&mut self, state: &StudyState) {
        self.tell_news(state);
        let progress = state.progress();
        let words = words(state);
        if let Some(bar) = &self.bar {
            bar.set_length(progress.steps.max(1));
            bar.set_position(progress.step);
            bar.set_message(words);
            return;
        }
        let tenths = progress.step * 10 / progress.steps.max(1);
        let over = closed(state);
        if tenths > self.tenths || over > self.closed || self.announced.elapsed() > SILENCE {
            (self.tenths, self.closed, self.announced) = (tenths, over, Instant::now());
            output::tell(&format!("{:>3}%  {}/{} steps  {words}", tenths * 10, progress.step, progress.steps));
        }
    }

    /// What was not told yet: warnings and errors, or everything.
    fn tell_news(&mut self, state: &StudyState) {
        let journal = state.journal.iter().skip(self.journal);
        let whole = self.whole;
        let is_told = |level: Level| whole || level != Level::Info;
        let mut news: Vec<String> =
            journal.filter(|entry| is_told(entry.1)).map(|(_, level, text)| line(*level, text)).collect();
        self.journal = state.journal.len();
        for (told, trial) in self.notes.iter_mut().zip(&state.trials) {
            let name = &trial.result.spec.name;
            let notes = trial.notes.iter().skip(*told).filter(|note| is_told(note.1));
            news.extend(notes.map(|(step, level, text)| line(*level, &format!("{name}, step {step}: {text}"))));
            *told = trial.notes.len().max(*told);
        }
        for text in news {
            self.say(&text);
        }
    }

    /// Says something between two drawings of the bar.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::tell(text)),
            None => output::tell(text),
        }
    }

    /// Leaves the last state of the bar on the screen.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
            // It leaves the cursor behind itself.
            output::tell("");
        }
    }
}

/// Progress through a few named steps.
pub(super) struct Steps(Option<ProgressBar>);

impl Steps {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}");
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(1));
        if let (Some(bar), Ok(style)) = (&bar, style) {
            bar.set_style(style.progress_chars("#>."));
        }
        Steps(bar)
    }

    /// So many of them are done; the next begins.
    pub(super) fn tell(&self, done: usize, of: usize, next: &str) {
        match &self.0 {
            Some(bar) => {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
                bar.set_message(next.to_owned());
            }
            None => output::tell(&format!("{}/{of}  {next}", done + 1)),
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn line(level: Level, text: &str) -> String {
    match level {
        Level::Info => text.to_owned(),
        Level::Warning => format!("warning: {text}"),
        Level::Error => format!("error: {text}"),
    }
}

fn closed(state: &StudyState) -> usize {
    state.trials.iter().filter(|trial| trial.result.closing.is_some()).count()
}

/// Trials done, and how long the others will take.
fn words(state: &StudyState) -> String {
    let trials = format!("{}/{} trials", closed(state), state.trials.len());
    match (state.status, state.eta) {
        (Status::Running, Some(eta)) => format!("{trials}, about {} left", duration(eta)),
        (Status::Running, None) => trials,
        (status, _) => format!("{trials}, {}", status.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::export::samples;

    #[test]
    fn words_say_what_is_left() {
        let mut state = samples::study();
        assert_eq!(words(&state), "4/4 trials, done");
        (state.status, state.eta) = (Status::Running, Some(65.0));
        assert_eq!(words(&state), "4/4 trials, about 1 min 5 s left");
    }

    #[test]
    fn in_words_everything_is_told() {
        let state = samples::study();
        let progress = Progress::in_words(&state);
        assert!(progress.bar.is_none() && progress.whole);
        assert_eq!([Level::Info, Level::Error].map(|level| line(level, "so")), ["so", "error: so"]);
    }

    #[test]
    fn old_news_is_not_told_again() {
        let mut state = samples::study();
        let mut progress = Progress::new(&state);
        state.journal.push((2.0, Level::Warning, "slow disk".into()));
        state.trials[0].notes.clear();
        progress.tell_news(&state);
        assert_eq!((progress.journal, progress.notes[0]), (2, 1));
    }
}
