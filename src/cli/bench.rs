//! `ansatz bench`: times training steps that PyTorch, JAX, Burn and Candle are given too, and the
//! kernels they are made of.

use std::time::Duration;

use serde_json::json;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::base::text::nearest;
use crate::base::threads::Pool;
use crate::engine::{Cost, Profile};
use crate::kernels::limits;
use crate::run::export::aligned;
use crate::workloads::{self, Kernel, ScanCase, Timing, Work, Workload};

/// Seconds that a workload is timed, and a kernel.
const SECONDS: (f64, f64) = (2.5, 1.0);
/// The same for `--quick`.
const QUICK: (f64, f64) = (0.1, 0.05);
/// Steps of a profile.
const PROFILED: usize = 10;

/// Times the engine.
#[derive(clap::Args)]
pub(super) struct Bench {
    /// Workloads (W1 ...), kernels (sgemm64 ...) and scans (scan-delta ...); all of them when none is named
    workload: Vec<String>,
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
    /// Show where the time of each workload goes, op by op
    #[arg(long)]
    profile: bool,
    /// Only check that everything runs
    #[arg(long)]
    quick: bool,
}

/// What can be timed.
enum Subject {
    Workload(&'static Workload),
    Kernel(&'static Kernel),
    Scan(&'static ScanCase),
}

impl Job for Bench {
    const NAME: &'static str = "bench";
    const ABOUT: &'static str = "Time the engine on training steps and kernels";
    const EXAMPLES: &'static str = "  ansatz bench                    everything on one thread\n  \
                                    ansatz bench W3 --threads 2 --json\n  \
                                    ansatz bench W3 --profile       where the time goes";

    fn start(self, _: &Place) -> Result<u8, Failure> {
        let subjects = if self.workload.is_empty() { all().collect() } else { self.named()? };
        let threads = usize::from(self.threads);
        workloads::pin(threads);
        for (i, subject) in subjects.iter().enumerate() {
            let pool = Pool::new(threads);
            match subject {
                Subject::Workload(workload) => self.time_step(workload, pool, i == 0)?,
                Subject::Kernel(kernel) => {
                    self.time_call(kernel.name, kernel.about, kernel.work, || kernel.prepare(pool), i == 0)?;
                }
                Subject::Scan(case) => {
                    let start = || -> Box<dyn FnMut()> {
                        let mut scan = case.prepare(pool);
                        Box::new(move || {
                            scan.forward();
                            scan.backward();
                        })
                    };
                    self.time_call(case.name, case.about, Work::Flop(case.flop() as f64), start, i == 0)?;
                }
            }
        }
        Ok(0)
    }
}

fn all() -> impl Iterator<Item = Subject> {
    let kernels = workloads::KERNELS.iter().map(Subject::Kernel).chain(workloads::SCANS.iter().map(Subject::Scan));
    workloads::ALL.iter().map(Subject::Workload).chain(kernels)
}

impl Subject {
    fn name(&self) -> &'static str {
        match self {
            Subject::Workload(workload) => workload.name,
            Subject::Kernel(kernel) => kernel.name,
            Subject::Scan(case) => case.name,
        }
    }
}

impl Bench {
    fn named(&self) -> Result<Vec<Subject>, Failure> {
        let find = |name: &String| {
            all().find(|subject| subject.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
                let names: Vec<&str> = all().map(|subject| subject.name()).collect();
                let failure = Failure::usage(format!("there is no workload `{name}`; there are {}", names.join(", ")));
                match nearest(name, names) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure,
                }
            })
        };
        self.workload.iter().map(find).collect()
    }

    fn seconds(&self) -> (f64, f64) {
        if self.quick { QUICK } else { SECONDS }
    }

    fn time_step(&self, workload: &Workload, pool: Pool, first: bool) -> Result<(), Failure> {
        let mut step = workload.prepare(pool);
        if self.profile {
            return self.show_profile(workload, step.planning(), &step.profile(PROFILED));
        }
        let losses: Vec<f32> = (0..5).map(|_| step.run()).collect();
        let timing = workloads::time(usize::from(self.threads), self.seconds().0, || {
            step.run();
        });
        let work = Work::Flop((workload.flop)() as f64);
        self.show(workload.name, workload.about, work, timing, Some((losses[0], losses[4])), first)
    }

    fn time_call(
        &self,
        name: &str,
        about: &str,
        work: Work,
        prepare: impl FnOnce() -> Box<dyn FnMut()>,
        first: bool,
    ) -> Result<(), Failure> {
        if self.profile {
            return Err(Failure::usage(format!("{name} is one kernel: only workloads have a profile")));
        }
        let mut call = prepare();
        let timing = workloads::time(usize::from(self.threads), self.seconds().1, &mut call);
        self.show(name, about, work, timing, None, first)
    }

    /// A line of JSON, or a row of a table whose head comes with the `first`.
    fn show(
        &self,
        name: &str,
        about: &str,
        work: Work,
        timing: Timing,
        losses: Option<(f32, f32)>,
        first: bool,
    ) -> Result<(), Failure> {
        let rounded = |x: f64, digits: i32| (x * 10f64.powi(digits)).round() / 10f64.powi(digits);
        let (unit, rate) = match work {
            Work::Flop(flop) => ("gflops", flop / timing.median_ms / 1e6),
            Work::Bytes(bytes) => ("gb_s", bytes / timing.median_ms / 1e6),
        };
        if self.json {
            let mut line = json!({
                "engine": "ansatz", "workload": name, "threads": self.threads,
                "steps_per_s": rounded(1e3 / timing.median_ms, 2), "median_ms": rounded(timing.median_ms, 4),
                "best_ms": rounded(timing.best_ms, 4), "steps": timing.steps,
                "other_cpu": rounded(timing.other_cpu, 2), "noisy": timing.noisy,
            });
            line[unit] = json!(rounded(rate, 1));
            if let Some((one, five)) = losses {
                line["loss1"] = json!(rounded(f64::from(one), 5));
                line["loss5"] = json!(rounded(f64::from(five), 5));
            }
            return output::print(&format!("{line}\n"));
        }
        let head = if first { "workload    median ms    steps/s       rate\n" } else { "" };
        let unit = if unit == "gflops" { "GFLOP/s" } else { "GB/s" };
        let noisy = if timing.noisy { "  (others were busy)" } else { "" };
        output::print(&format!(
            "{head}{name:<10} {:>10.3} {:>10.2} {rate:>10.1} {unit:<8} {about}{noisy}\n",
            timing.median_ms,
            1e3 / timing.median_ms
        ))
    }

    fn show_profile(&self, workload: &Workload, planning: Duration, profile: &Profile) -> Result<(), Failure> {
        let limit = limits::peak_gflops() * f64::from(self.threads);
        let total = profile.seconds();
        if self.json {
            for cost in profile.grouped(true) {
                let line = json!({
                    "engine": "ansatz", "workload": workload.name, "threads": self.threads, "op": cost.op,
                    "shapes": cost.shapes, "count": cost.count, "ms": 1e3 * cost.seconds,
                    "share": cost.seconds / total, "gb_s": cost.gigabytes(), "gflops": cost.gflops(),
                    "of_limit": cost.gflops() / limit,
                });
                output::print(&format!("{line}\n"))?;
            }
            return Ok(());
        }
        let row = |cost: &Cost| {
            vec![
                cost.op.clone(),
                cost.count.to_string(),
                format!("{:.3}", 1e3 * cost.seconds),
                format!("{:.1}", 1e2 * cost.seconds / total),
                format!("{:.1}", cost.bytes / 1e6),
                format!("{:.1}", cost.gigabytes()),
                format!("{:.1}", cost.gflops()),
                format!("{:.0}", 1e2 * cost.gflops() / limit),
                cost.shapes.clone(),
            ]
        };
        let rows: Vec<_> = profile.grouped(true).iter().map(row).collect();
        output::print(&format!(
            "{}: {}, {:.3} ms a step, planned in {:.1} ms; the limit is {limit:.0} GFLOP/s\n",
            workload.name,
            workload.about,
            1e3 * total,
            1e3 * planning.as_secs_f64()
        ))?;
        output::print_table(&aligned(
            &["op", "count", "ms", "%", "MB", "GB/s", "GFLOP/s", "% of limit", "shapes"],
            &rows,
        ))
    }
}
