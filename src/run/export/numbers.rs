//! How numbers are written in exports.

use std::time::{Duration, SystemTime};

use crate::contract::short_number;

/// A number that reads back as the same number; empty when it is missing.
pub(super) fn exact(value: f64) -> String {
    if !value.is_finite() {
        String::new()
    } else if value == value.trunc() && value.abs() < 1e15 {
        format!("{value:.0}")
    } else if (1e-5..1e15).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// Four significant digits for a table; a dash when it is missing.
pub(crate) fn shown(value: f64) -> String {
    if !value.is_finite() {
        return "-".into();
    }
    if value == value.trunc() && value.abs() < 1e6 {
        return format!("{value:.0}");
    }
    let size = value.abs();
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let before_point = size.log10().floor().max(0.0) as usize + 1;
    format!("{value:.digits$}", digits = 4usize.saturating_sub(before_point).max(1))
}

/// An effect with its interval: `0.52 [0.44, 0.60]`.
pub(super) fn with_interval(effect: Option<f64>, interval: Option<(f64, f64)>) -> String {
    let effect = effect.map_or_else(|| "not measured".into(), shown);
    match interval {
        Some((low, high)) => format!("{effect} [{}, {}]", shown(low), shown(high)),
        None => effect,
    }
}

/// A duration for people: `45 s`, `2 min 5 s`, `3 h 10 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A moment in seconds since 1970 for people: `2026-02-28 13:05 UTC`.
pub fn date(seconds: f64) -> String {
    // The last second of the year 9999, behind which there is no such form.
    let whole = seconds.clamp(0.0, 253_402_300_799.0) as u64;
    let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(whole)).to_string();
    let minutes: String = text.chars().take("2026-02-28T13:05".len()).collect();
    minutes.replace('T', " ") + " UTC"
}

/// A count of bytes for people: `1.5 MiB`.
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let step = ((count.max(1) as f64).log2() / 10.0).floor().min(4.0);
    format!("{} {}", short_number(count as f64 / 1024f64.powf(step)), units[step as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers_come_back() {
        for value in [0.0, 1.0, -3.0, 0.1, 1e-9, 123_456.789, 1e300, -2.5e-7] {
            assert_eq!(exact(value).parse::<f64>(), Ok(value));
        }
        assert_eq!(exact(f64::NAN), "");
        assert_eq!(exact(150.0), "150");
    }

    #[test]
    fn shown_numbers_have_four_digits() {
        let texts = [0.123_456, 1.0, 12.345_67, 104_000.0, 1e-8, f64::NAN, 0.999_96].map(shown);
        assert_eq!(texts, ["0.123", "1", "12.35", "104000", "1.00e-8", "-", "1.000"]);
    }

    #[test]
    fn people_read_durations_and_sizes() {
        assert_eq!([5.0, 125.0, 11_400.0].map(duration), ["5 s", "2 min 5 s", "3 h 10 min"]);
        let dates = [-1.0, 1_772_283_959.9, f64::NAN, f64::INFINITY].map(date);
        let epoch = "1970-01-01 00:00 UTC";
        assert_eq!(dates, [epoch, "2026-02-28 13:05 UTC", epoch, "9999-12-31 23:59 UTC"]);
        assert_eq!([0, 1536, 3 << 20].map(bytes), ["0 B", "1.5 KiB", "3 MiB"]);
    }
}
