//! `ansatz run`: a study from a preset to its verdict.

use std::path::PathBuf;

use super::failure::Failure;
use super::job::{Job, Place, every_core};
use super::wait::Waiting;
use super::{output, preset};
use crate::run::{self, Changes, Folder};

/// Runs a study.
#[derive(clap::Args)]
pub(super) struct Run {
    /// The study: SYSTEM, SYSTEM/PRESET or a .ron file
    #[arg(value_name = "SYSTEM[/PRESET]")]
    preset: String,
    /// Change a field of the preset: path.to.field=VALUE
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Replicas of every condition
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Seed of the study
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    threads: Threads,
    /// Folder of this run instead of a new one in the runs folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    waiting: Waiting,
}

/// How many threads a worker may use.
#[derive(clap::Args)]
pub(super) struct Threads {
    /// Threads to use; the results do not depend on it [default: every core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Threads {
    /// The number asked for, if any.
    pub(super) fn asked(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }

    /// The number asked for, else that of the run when it was created.
    pub(super) fn or_of(&self, folder: &Folder) -> Result<usize, Failure> {
        Ok(match self.asked() {
            Some(threads) => threads,
            None => folder.manifest()?.threads.max(1),
        })
    }

    /// The number asked for, else every core.
    fn or_all(&self) -> usize {
        self.asked().unwrap_or_else(every_core)
    }
}

impl Job for Run {
    const NAME: &'static str = "run";
    const ABOUT: &'static str = "Run a study and wait for its verdict";
    const EXAMPLES: &'static str = "  ansatz run gpicl                                   the system's first preset
  ansatz run gpicl/ablated --expect not-reproduced
  ansatz run gpicl --set common.steps=300 --seeds 5  other settings
  ansatz run mine.ron --detach                       a preset of your own, left to itself
  ansatz run gpicl --json > result.json";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let changes = Changes { set: self.set, seed: self.seed, seeds: self.seeds };
        let preset = run::load(place.table, &self.preset, &changes)?;
        let threads = self.threads.or_all();
        let folder = run::create(&place.runs, &preset, self.out.as_deref(), threads)?;
        let cost = preset::cost(&preset.study.cost());
        output::tell(&format!("{}: {cost}, {threads} threads", place.handle(&folder)));
        let worker = run::spawn_worker(&folder, threads)?;
        self.waiting.follow(&folder, Some(worker), place)
    }
}
