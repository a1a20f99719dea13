//! Timing on a shared machine: the process's CPU clock for one thread, quiet windows for more.

use std::fs;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// How long a window of wall-clock timing is.
const WINDOW: Duration = Duration::from_millis(250);
/// Warm-up before anything is counted, and the steps it has at least.
const WARM_UP: (Duration, usize) = (Duration::from_millis(300), 2);
/// Steps that are wanted, and steps below which quiet windows are too few.
const WANTED: usize = 20;
const FEW: usize = 5;

/// Times of single steps.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The median, in milliseconds.
    pub median_ms: f64,
    /// The quickest step, in milliseconds.
    pub best_ms: f64,
    /// Steps that count.
    pub steps: usize,
    /// Cores that other programs used meanwhile.
    pub other_cpu: f64,
    /// Whether no quiet window was found, so that all steps count.
    pub noisy: bool,
}

/// Keeps this thread, and those it will start, on the last `threads` cores it may use. Where the
/// system refuses, timing goes on without.
pub fn pin(threads: usize) {
    let Ok(all) = sched_getaffinity(None) else { return };
    let mut last = CpuSet::new();
    (0..CpuSet::MAX_CPU).rev().filter(|cpu| all.is_set(*cpu)).take(threads).for_each(|cpu| last.set(cpu));
    let _ = sched_setaffinity(None, &last);
}

/// Seconds of CPU time that this process has used.
fn own() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds of CPU time that the whole machine has used; none where it does not tell.
fn everybody() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<f64> = text.lines().next()?.split_whitespace().skip(1).map_while(|f| f.parse().ok()).collect();
    // User, nice, system, idle, wait for disks, interrupts (two kinds), stolen; in ticks.
    let busy: f64 = fields.iter().take(8).sum::<f64>() - fields.get(3)? - fields.get(4)?;
    Some(busy / rustix::param::clock_ticks_per_second() as f64)
}

fn median(sorted: &[f64]) -> f64 {
    let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
    (sorted[low] + sorted[high]) / 2.0
}

/// Warms up, then times `step` alone, again and again, for about `seconds`.
///
/// One thread is timed on the process's CPU clock, so that other load does not count. More are timed
/// on the wall clock in windows of a quarter second, and only windows in which the rest of the
/// machine used less than a tenth of a core count, if there are enough.
pub fn time(threads: usize, seconds: f64, mut step: impl FnMut()) -> Timing {
    let started = Instant::now();
    let mut steps = 0;
    while steps < WARM_UP.1 || (started.elapsed() < WARM_UP.0 && seconds > 0.2) {
        step();
        steps += 1;
    }
    let (mut good, mut every, mut other_cpu) = (Vec::new(), Vec::new(), 0.0);
    let started = Instant::now();
    let enough = |good: &[f64]| good.len() >= WANTED && good.iter().sum::<f64>() >= seconds;
    while started.elapsed().as_secs_f64() < 3.2 * seconds && !enough(&good) {
        let (busy, own_before, opened, first) = (everybody(), own(), Instant::now(), every.len());
        while every.len() == first || opened.elapsed() < WINDOW {
            let (cpu, wall) = (own(), Instant::now());
            step();
            every.push(if threads == 1 { own() - cpu } else { wall.elapsed().as_secs_f64() });
        }
        let wall = opened.elapsed().as_secs_f64();
        let others = busy.zip(everybody()).map_or(0.0, |(before, after)| after - before - (own() - own_before));
        other_cpu += others.max(0.0);
        if threads == 1 || others < 0.1 * wall + 0.01 {
            good.extend(&every[first..]);
        }
    }
    let other_cpu = other_cpu / started.elapsed().as_secs_f64();
    let noisy = good.len() < FEW.min(every.len());
    let mut counted = if noisy { every.clone() } else { good };
    counted.sort_by(f64::total_cmp);
    let best = every.iter().copied().fold(f64::INFINITY, f64::min);
    Timing { median_ms: 1e3 * median(&counted), best_ms: 1e3 * best, steps: counted.len(), other_cpu, noisy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_and_take_time() {
        let mut calls = 0;
        let timing = time(1, 0.01, || calls += 1);
        assert!(calls > timing.steps && timing.steps > 0 && timing.median_ms >= timing.best_ms);
        assert_eq!(median(&[1.0, 2.0, 4.0, 8.0]), 3.0);
    }
}
