//! Numbers and states in words: durations, sizes, shares, what a run is doing.

use crate::contract::{Cost, Outcome, Progress, Status};

/// A duration as people say it: `18 s`, `2 min 05 s`, `3 h 12 min`, `4 d 2 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".into();
    }
    if seconds < 1.0 {
        return "under 1 s".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

/// A duration in few columns: `0:18`, `2:05`, `3:12:00`.
pub fn clock(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".into();
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// How long ago, in one unit: `now`, `5 min`, `3 h`, `2 d`, `6 w`, `3 y`.
pub fn age(seconds: f64) -> String {
    let steps = [(52.0 * 604_800.0, "y"), (2.0 * 604_800.0, "w"), (86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    let found = steps.iter().find(|(least, _)| seconds >= *least);
    let unit = |(least, name): &(f64, &str)| {
        let unit = if *name == "w" { 604_800.0 } else { *least };
        format!("{} {name}", (seconds / unit).floor())
    };
    found.map_or_else(|| "now".into(), unit)
}

/// A count of bytes: `3.1 MB`.
pub fn bytes(count: u64) -> String {
    amount(count as f64, "B")
}

/// A large count with a decimal prefix: `1.2 TFLOP`.
pub fn amount(value: f64, unit: &str) -> String {
    let steps = [("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)];
    match steps.iter().find(|(_, size)| value >= *size) {
        Some((prefix, size)) if value / size >= 100.0 => format!("{:.0} {prefix}{unit}", value / size),
        Some((prefix, size)) => format!("{:.1} {prefix}{unit}", value / size),
        None => format!("{value:.0} {unit}"),
    }
}

/// A measured value: four digits that matter, no noise.
pub fn value(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".into();
    }
    match size {
        0.0 => "0".into(),
        s if !(1e-3..1e5).contains(&s) => format!("{value:.2e}"),
        s if s >= 1000.0 => format!("{value:.0}"),
        s if s >= 100.0 => format!("{value:.1}"),
        s if s >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Share of the steps done, 0 to 1.
pub fn share(progress: Progress) -> f64 {
    if progress.steps == 0 { 0.0 } else { (progress.step as f64 / progress.steps as f64).clamp(0.0, 1.0) }
}

/// Whole per cent of a share; 100 only when all is done.
pub fn percent(share: f64) -> String {
    format!("{}%", (share.clamp(0.0, 1.0) * 100.0).floor())
}

/// A state as one word in capitals, which no colour is needed to see.
pub fn state(status: Status) -> &'static str {
    match status {
        Status::Waiting => "WAITING",
        Status::Running => "LIVE",
        Status::Paused => "PAUSED",
        Status::Stalled => "STALLED",
        Status::Done => "DONE",
        Status::Failed => "FAILED",
        Status::Stopped => "STOPPED",
    }
}

/// A verdict's outcome as people say it.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reproduced => "reproduced",
        Outcome::Partly => "partly reproduced",
        Outcome::NotReproduced => "not reproduced",
        Outcome::Undecided => "undecided",
    }
}

/// The same in few columns.
pub fn short_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Partly => "partly",
        other => self::outcome(other),
    }
}

/// Floating-point operations a second that one core delivers while training small models, from
/// measured training steps; only good for saying minutes before a run.
const FLOP_A_SECOND_AND_CORE: f64 = 35e9;

/// What a study will take, each part a phrase: trials, work and time, memory, disk.
pub fn cost(cost: &Cost, cores: usize) -> [String; 4] {
    let cores = cores.max(1);
    let seconds = cost.flop / (FLOP_A_SECOND_AND_CORE * cores as f64);
    let memory = cost.memory.saturating_mul(cores.min(cost.trials.max(1)) as u64);
    [
        format!("{} trial{}", cost.trials, if cost.trials == 1 { "" } else { "s" }),
        format!("about {} on {cores} core{} ({})", duration(seconds), plural(cores), amount(cost.flop, "FLOP")),
        format!("{} memory", bytes(memory)),
        format!("{} on disk", bytes(cost.disk)),
    ]
}

/// The `s` of a plural.
pub fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let said = [0.2, 18.0, 125.0, 11_520.0, 360_000.0, f64::NAN].map(duration);
        assert_eq!(said, ["under 1 s", "18 s", "2 min 05 s", "3 h 12 min", "4 d 4 h", "-"]);
        assert_eq!([18.0, 125.0, 11_520.0].map(clock), ["0:18", "2:05", "3:12:00"]);
        let ages = [-1.0, 59.0, 61.0, 7200.0, 1_209_599.0, 1_209_600.0, 4e7].map(age);
        assert_eq!(ages, ["now", "now", "1 min", "2 h", "13 d", "2 w", "1 y"]);
    }

    #[test]
    fn a_run_is_at_100_per_cent_only_when_done() {
        assert_eq!(percent(share(Progress { step: 999, steps: 1000 })), "99%");
        assert_eq!(percent(share(Progress { step: 1000, steps: 1000 })), "100%");
        assert_eq!(percent(share(Progress::default())), "0%");
    }

    #[test]
    fn a_cost_names_every_resource() {
        let parts = cost(&Cost { trials: 18, flop: 1.24e12, memory: 6_000_000, disk: 950_000 }, 2);
        assert_eq!(parts, ["18 trials", "about 18 s on 2 cores (1.2 TFLOP)", "12.0 MB memory", "950 kB on disk"]);
    }
}
