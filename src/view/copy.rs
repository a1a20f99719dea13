//! What is copied to the clipboard: values, a table, a place, or the command that does the same.

use super::curves::middle_at;
use super::{App, Effect, Item, List, Overlay, Stand, lines_of};

/// Characters of a copied text that are shown in the message about it.
const SHOWN: usize = 60;

impl App {
    /// Copies what is meant here, or the command that starts it; the message says what it was.
    pub(super) fn copied(&mut self, command: bool) -> Effect {
        let text = if command { self.command() } else { self.meant() };
        let Some(text) = text else {
            self.say("There is nothing to copy here.");
            return Effect::None;
        };
        let first = text.lines().next().unwrap_or_default();
        let shown: String = first.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { " ..." } else { "" };
        self.say(format!("Copied, if the terminal allows it (OSC 52): {shown}{more}"));
        Effect::Copy(text)
    }

    fn command(&self) -> Option<String> {
        if let Some(Overlay::Settings(settings)) = &self.overlay {
            let set: String = settings.set.iter().map(|set| format!(" --set '{set}'")).collect();
            return Some(format!("ansatz run {}{set}", settings.preset));
        }
        if let Some(comparison) = &self.comparison {
            let names: Vec<&str> = comparison.sides.iter().map(|side| side.feed.state().run.as_str()).collect();
            return Some(format!("ansatz compare {}", names.join(" ")));
        }
        match (&self.run, &self.home) {
            (Some(run), _) => Some(format!("ansatz run '{}'", run.feed.folder().join("preset.ron").display())),
            (None, Some(home)) if home.list == List::Runs => {
                home.selected_run().map(|run| format!("ansatz watch {}", run.name))
            }
            (None, Some(home)) => home.preset_name().map(|name| format!("ansatz run {name}")),
            (None, None) => None,
        }
    }

    fn meant(&self) -> Option<String> {
        if let Some(comparison) = &self.comparison {
            let items = comparison.items();
            return focused(&comparison.stand, &items).or_else(|| self.command());
        }
        match (&self.run, &self.home) {
            (Some(run), _) => {
                let place = || run.feed.folder().display().to_string();
                Some(focused(&run.stand, &run.items()).unwrap_or_else(place))
            }
            (None, Some(home)) if home.list == List::Runs => {
                home.selected_run().map(|run| run.folder.display().to_string())
            }
            (None, Some(home)) => home.preset_name(),
            (None, None) => None,
        }
    }
}

/// The values under the cursor, or the focused table, a line each with tabs between.
fn focused(stand: &Stand, items: &[Item]) -> Option<String> {
    let item = items.get(stand.place(items))?;
    if let Some(at) = stand.charts.glance(item).cursor {
        let lines = lines_of(item)?;
        let mut labels: Vec<&str> = Vec::new();
        for line in &lines.lines {
            if !labels.contains(&line.label.as_str()) {
                labels.push(&line.label);
            }
        }
        let value = |label: &&str| {
            let own = lines.lines.iter().filter(|line| line.label == **label).map(|line| line.points.as_slice());
            Some(format!("{label}\t{}", middle_at(own, at)?))
        };
        let rows: Vec<String> = labels.iter().filter_map(value).collect();
        return Some(format!("{}\t{at}\n{}", lines.x.label, rows.join("\n")));
    }
    let table = item.panel()?.body.table()?;
    let rows = [&table.columns].into_iter().chain(&table.rows);
    Some(rows.map(|row| row.join("\t")).collect::<Vec<_>>().join("\n"))
}
