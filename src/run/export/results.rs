//! `docs/results.md`: what every study came to, one row the newest judged run of a preset and seed, and how
//! far those are that are not judged.

use std::fs;
use std::time::SystemTime;

use super::duration;
use super::numbers::with_interval;
use super::pictures::{Picture, pictures_text};
use super::report::{line, table};
use crate::contract::{Entry, Level, Progress, Status, Verdict};
use crate::run::{Changes, Folder, Reader, RunError, StudyProgress, load, summary};

/// The machine on which the page is made: what run folders do not say of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name in the network, by which runs are known to be its own.
    pub host: String,
    /// Name of its processor.
    pub cpu: String,
    /// Instruction set that the program uses on it.
    pub instructions: String,
}

/// One run as the page tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Name of the run.
    pub run: String,
    /// Where it is.
    pub folder: Folder,
    /// Slug of its system.
    pub system: String,
    /// Name of its preset.
    pub preset: String,
    /// Whether its settings differ from those of the preset that ships under this name.
    pub changed: bool,
    /// Where system and preset stand in the tables; those that do not ship come last.
    pub(super) place: (usize, usize),
    /// Seed of the study.
    pub seed: u64,
    /// When it was created, in seconds since 1970.
    pub created: f64,
    /// What it is doing.
    pub status: Status,
    /// The verdict, once judged.
    pub verdict: Option<Verdict>,
    /// How many trials it has.
    pub trials: usize,
    /// Seconds of work, without pauses.
    pub worked: Option<f64>,
    /// Seconds of work left, where that can be told.
    pub left: Option<f64>,
    /// Share of the work that is done, 0 to 1.
    pub share: f64,
    /// Machine and threads of the worker that had it last.
    pub host: String,
    /// See `host`.
    pub threads: usize,
    /// Version of the program that created it.
    pub program: String,
}

impl Machine {
    /// This machine; `instructions` is what the program uses on it.
    pub fn here(instructions: impl Into<String>) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().as_deref().and_then(cpu_name);
        Machine { host, cpu: cpu.unwrap_or_else(|| std::env::consts::ARCH.into()), instructions: instructions.into() }
    }
}

/// Name of the processor, from the text of `/proc/cpuinfo`.
fn cpu_name(text: &str) -> Option<String> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut names = fields.filter(|(name, _)| matches!(name.trim(), "model name" | "Model"));
    names.next().map(|(_, name)| name.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl Told {
    /// Reads a run.
    ///
    /// # Errors
    /// When the folder holds no run that can be read.
    pub fn read(folder: &Folder, table: &'static [Entry]) -> Result<Self, RunError> {
        let manifest = folder.manifest()?;
        let summary = summary(folder.path())?;
        let reader = Reader::open(folder)?;
        let (state, progress) = (reader.state(), reader.progress());
        let system = table.iter().position(|entry| entry.card.slug == summary.system);
        let preset = system.and_then(|i| table[i].presets.iter().position(|p| p.name == summary.preset));
        let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let worked = worked(&state.journal, since(summary.modified));
        let share = share(progress, summary.progress);
        // A worker tells what is left; without one, the work goes on as it went.
        let as_before = worked.filter(|_| share > 0.0).map(|worked| worked / share * (1.0 - share));
        Ok(Told {
            changed: is_changed(folder, table, &summary.system, &summary.preset, summary.seed),
            place: (system.unwrap_or(table.len()), preset.unwrap_or(usize::MAX)),
            run: summary.name,
            folder: folder.clone(),
            system: summary.system,
            preset: summary.preset,
            seed: summary.seed,
            created: summary.created,
            status: summary.status,
            verdict: state.verdict.clone(),
            trials: summary.trials,
            worked,
            left: state.eta.or(as_before),
            share,
            host: progress.map_or_else(String::new, |progress| progress.worker.host.clone()),
            threads: progress.map_or(manifest.threads, |progress| progress.threads),
            program: manifest.program,
        })
    }

    fn key(&self) -> (&str, &str, bool, u64) {
        (&self.system, &self.preset, self.changed, self.seed)
    }

    fn machine(&self, here: &Machine) -> String {
        let threads = if self.threads == 1 { "1 thread".into() } else { format!("{} threads", self.threads) };
        match self.host.as_str() {
            host if host == here.host => format!("{}, {threads}, {}", here.cpu, here.instructions),
            "" => threads,
            host => format!("{host}, {threads}"),
        }
    }

    /// Name of the preset, with a star where its settings are not those that ship.
    fn preset(&self) -> String {
        format!("{}{}", self.preset, if self.changed { "*" } else { "" })
    }
}

/// Whether a run's settings, defaults filled in, are not those of the preset that ships under its preset's name.
fn is_changed(folder: &Folder, table: &'static [Entry], system: &str, preset: &str, seed: u64) -> bool {
    let changes = Changes { seed: Some(seed), ..Changes::default() };
    let shipped = load(table, &format!("{system}/{preset}"), &changes);
    !shipped.is_ok_and(|shipped| folder.study(table).is_ok_and(|own| own.to_ron() == shipped.study.to_ron()))
}

/// Seconds of work by the journal: from each start of a worker to the last that it said, or, for the last
/// worker, to when it last wrote its progress; without what lies between a pause and its end.
fn worked(journal: &[(f64, Level, String)], last_written: f64) -> Option<f64> {
    let is_start = |text: &str| text.starts_with("worker started");
    let starts: Vec<usize> = (0..journal.len()).filter(|&i| is_start(&journal[i].2)).collect();
    let session = |(i, &from): (usize, &usize)| {
        let to = starts.get(i + 1).copied().unwrap_or(journal.len());
        let entries = &journal[from..to];
        let mut end = entries.last().map_or(0.0, |entry| entry.0);
        if to == journal.len() {
            end = end.max(last_written);
        }
        let (mut paused, mut since) = (0.0, None);
        for (time, _, text) in entries {
            match text.as_str() {
                "paused" => since = Some(*time),
                "continued" => paused += since.take().map_or(0.0, |since| time - since),
                _ => {}
            }
        }
        paused += since.map_or(0.0, |since| end - since);
        (end - entries[0].0 - paused).max(0.0)
    };
    (!starts.is_empty()).then(|| starts.iter().enumerate().map(session).sum())
}

/// Share of the work that is done: by floating-point operations where every trial tells them, else by steps.
fn share(progress: Option<&StudyProgress>, total: Progress) -> f64 {
    let ratio = |done: f64, all: f64| if all > 0.0 { (done / all).clamp(0.0, 1.0) } else { 0.0 };
    let Some(progress) = progress.filter(|p| p.trials.iter().all(|trial| trial.flop > 0.0)) else {
        return ratio(total.step as f64, total.steps as f64);
    };
    let done = |trial: &crate::run::TrialProgress| trial.flop * ratio(trial.step as f64, trial.steps as f64);
    ratio(progress.trials.iter().map(done).sum(), progress.trials.iter().map(|trial| trial.flop).sum())
}

/// The page. Of several judged runs of the same preset and seed the newest is told; every run that is not
/// judged has a line. `pictures` are linked as files of the folder `beside` the page.
pub fn results(mut runs: Vec<Told>, here: &Machine, pictures: &[Picture], beside: &str) -> String {
    let order = |told: &Told| (told.place, told.system.clone(), told.preset.clone(), told.changed, told.seed);
    // Newest first within a preset and seed.
    runs.sort_by(|a, b| order(a).cmp(&order(b)).then(b.created.total_cmp(&a.created)).then(a.run.cmp(&b.run)));
    let (mut judged, open): (Vec<Told>, Vec<Told>) = runs.into_iter().partition(|told| told.verdict.is_some());
    judged.dedup_by(|later, first| later.key() == first.key());
    let mut text = "# Results\n\nWhat the studies came to, from their run folders: one row the newest judged run of a \
                    preset and seed.\n\n"
        .to_owned();
    let heads = ["system", "preset", "seed", "verdict", "effect", "threshold", "trials", "time", "machine", "version"];
    let rows: Vec<Vec<String>> = judged.iter().filter_map(|told| row(told, here)).collect();
    text += &if rows.is_empty() { "No run is judged yet.\n\n".into() } else { table(&heads.map(String::from), &rows) };
    if judged.iter().chain(&open).any(|told| told.changed) {
        text += "\\* The settings are not those of the preset that ships under this name.\n\n";
    }
    text += &pictures_text(pictures, beside);
    if !open.is_empty() {
        text += "## Not judged\n\n";
        text += &open.iter().map(unfinished).collect::<String>();
        text.push('\n');
    }
    text
}

fn row(told: &Told, here: &Machine) -> Option<Vec<String>> {
    let verdict = told.verdict.as_ref()?;
    let cells = [
        told.system.clone(),
        told.preset(),
        told.seed.to_string(),
        verdict.outcome.name().to_owned(),
        format!("{}: {}", verdict.statistic, with_interval(verdict.effect, verdict.interval)),
        verdict.threshold.clone(),
        told.trials.to_string(),
        told.worked.map_or_else(|| "-".into(), duration),
        told.machine(here),
        told.program.clone(),
    ];
    Some(cells.to_vec())
}

/// How far a run is, and how long it will take.
fn unfinished(told: &Told) -> String {
    let name = format!("{}/{}", line(&told.system), line(&told.preset()));
    let mut text = format!("- {name}, seed {} ({}): {:.0} % ", told.seed, told.status.name(), 100.0 * told.share);
    text += &told.worked.map_or_else(|| "not begun".into(), |worked| format!("after {}", duration(worked)));
    if let (Some(left), Some(worked)) = (told.left, told.worked) {
        text += &format!(", about {} more ({} in all)", duration(left), duration(left + worked));
    }
    text + "\n"
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::contract::Outcome;
    use crate::run::testing::TABLE;
    use crate::run::{WorkOptions, create, work};

    const HERE: (&str, &str, &str) = ("desk", "Good CPU", "AVX2");

    fn here() -> Machine {
        let (host, cpu, instructions) = HERE;
        Machine { host: host.into(), cpu: cpu.into(), instructions: instructions.into() }
    }

    pub(in crate::run::export) fn verdict(outcome: Outcome) -> Verdict {
        Verdict {
            outcome,
            statistic: "a | b".into(),
            effect: Some(0.5),
            interval: Some((0.4, 0.6)),
            threshold: ">= 0.3".into(),
            checks: Vec::new(),
            controls: Vec::new(),
            seeds: Vec::new(),
            sentence: String::new(),
        }
    }

    pub(in crate::run::export) fn told(system: &str, seed: u64, created: f64, verdict: Option<Verdict>) -> Told {
        Told {
            run: format!("{system}-{created}"),
            folder: Folder::at(format!("{system}-{created}").as_ref()),
            system: system.into(),
            preset: "quick".into(),
            changed: false,
            place: (usize::from(system != "first"), 0),
            seed,
            created,
            status: if verdict.is_some() { Status::Done } else { Status::Stopped },
            verdict,
            trials: 7,
            worked: Some(90.0),
            left: Some(30.0),
            share: 0.75,
            host: "desk".into(),
            threads: 2,
            program: "0.1.0".into(),
        }
    }

    #[test]
    fn the_newest_judged_run_of_a_preset_and_seed_is_told_in_order() {
        let runs = vec![
            told("other", 1, 5.0, Some(verdict(Outcome::Partly))),
            told("first", 2, 1.0, Some(verdict(Outcome::Undecided))),
            told("first", 1, 1.0, Some(verdict(Outcome::NotReproduced))),
            told("first", 1, 9.0, Some(verdict(Outcome::Reproduced))),
            Told { changed: true, ..told("first", 1, 8.0, Some(verdict(Outcome::Partly))) },
        ];
        let text = results(runs, &here(), &[], "");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && !line.contains("---")).collect();
        assert_eq!(rows.len(), 5, "{text}");
        assert_eq!(
            rows[1],
            "| first | quick | 1 | reproduced | a \\| b: 0.500 \\[0.400, 0.600\\] | >= 0.3 | 7 | 1 min 30 s | Good CPU, 2 \
             threads, AVX2 | 0.1.0 |"
        );
        assert!(rows[2].starts_with("| first | quick | 2 | undecided"), "{text}");
        assert!(rows[3].starts_with("| first | quick* | 1 | partly"), "{text}");
        assert!(rows[4].starts_with("| other | quick | 1 | partly"), "{text}");
        assert!(text.contains("\\* The settings are not those") && !text.contains("Not judged"));
    }

    #[test]
    fn a_run_that_is_not_judged_has_a_line_with_its_projected_time() {
        let mut waiting = told("other", 3, 1.0, None);
        (waiting.worked, waiting.left, waiting.share) = (None, None, 0.0);
        waiting.status = Status::Waiting;
        let text = results(vec![told("first", 1, 1.0, None), waiting], &here(), &[], "");
        assert!(text.contains("No run is judged yet."));
        assert!(
            text.contains(
                "- first/quick, seed 1 (stopped): 75 % after 1 min 30 s, about 30 s more (2 min 0 s in all)\n"
            ),
            "{text}"
        );
        assert!(text.contains("- other/quick, seed 3 (waiting): 0 % not begun\n"), "{text}");
    }

    #[test]
    fn work_is_what_lies_between_starts_and_ends_without_pauses() {
        let entry = |time: f64, text: &str| (time, Level::Info, text.to_owned());
        let journal = [
            entry(0.0, "worker started: process 1 on desk, threads: 2"),
            entry(10.0, "paused"),
            entry(25.0, "continued"),
            entry(30.0, "stopped at a checkpoint"),
            entry(100.0, "worker started: process 2 on desk, threads: 2"),
            entry(130.0, "reproduced: it holds"),
        ];
        assert_eq!(worked(&journal, 0.0), Some(45.0));
        // A worker that was killed, or still runs, wrote its progress later than the journal.
        assert_eq!(worked(&journal[..5], 140.0), Some(55.0));
        assert_eq!(worked(&journal[..2], 12.0), Some(10.0));
        assert_eq!(worked(&[], 3.0), None);
    }

    #[test]
    fn runs_of_other_machines_are_told_by_their_name() {
        let far = Told { host: "node7".into(), threads: 1, ..told("first", 1, 1.0, None) };
        assert_eq!(far.machine(&here()), "node7, 1 thread");
        assert_eq!(cpu_name("processor : 0\nmodel name\t: A  CPU @ 2 GHz\n").as_deref(), Some("A CPU @ 2 GHz"));
        assert_eq!(cpu_name(""), None);
        assert!(!Machine::here("x").host.is_empty());
    }

    #[test]
    fn a_run_is_read_before_and_after_its_work() {
        let room = tempfile::tempdir().unwrap();
        let preset = |set: &[&str]| {
            let set = set.iter().map(|set| (*set).to_owned()).collect();
            load(TABLE, "toy", &Changes { set, ..Changes::default() }).unwrap_or_else(|e| panic!("{e}"))
        };
        let folder = create(room.path(), &preset(&[]), None, 1).unwrap();
        let before = Told::read(&folder, TABLE).unwrap();
        assert_eq!((before.share, before.worked, before.changed, before.place), (0.0, None, false, (0, 0)));
        work(&folder, TABLE, &WorkOptions::threads(1)).unwrap();
        let after = Told::read(&folder, TABLE).unwrap();
        assert_eq!((after.share, after.trials, after.threads), (1.0, 2, 1));
        assert_eq!(after.status, Status::Done);
        assert!(after.verdict.is_some() && after.worked.is_some_and(|worked| worked < 60.0));
        assert_eq!(after.host, Machine::here("").host);
        let other = create(room.path(), &preset(&["settings.steps=30"]), None, 1).unwrap();
        assert!(Told::read(&other, TABLE).unwrap().changed);
    }
}
