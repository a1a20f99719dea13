//! The geometry of an axis, shared by every painter: ends, ticks, positions.

use super::{Axis, Scale};

/// An axis with its ends decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Spacing.
    pub scale: Scale,
    /// Value at the left or lower end.
    pub low: f64,
    /// Value at the right or upper end; above `low`.
    pub high: f64,
}

/// Share of the longer end of a symmetric logarithmic axis within which steps are equal.
const LINEAR: f64 = 1e-3;

impl Axis {
    /// The ends: the fixed range if there is one, else round numbers around the values that have a place. Round
    /// ends grow in jumps, so that a live chart redraws its frame seldom.
    pub fn span(&self, values: impl IntoIterator<Item = f64>) -> Span {
        let usable = |v: &f64| self.scale.holds(*v);
        if let Some((low, high)) = self.range.filter(|(low, high)| usable(low) && usable(high) && low < high) {
            return Span { scale: self.scale, low, high };
        }
        let fold = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let (low, high) = values.into_iter().filter(usable).fold((f64::INFINITY, f64::NEG_INFINITY), fold);
        let none = if self.scale == Scale::Logit { 0.5 } else { 1.0 };
        let (low, high) = if low > high { (none, none) } else { (low, high) };
        let (low, high) = match self.scale {
            Scale::Linear => round_ends(low, high),
            Scale::Log => decades(low, high),
            Scale::Symlog => symmetric_ends(low, high),
            Scale::Logit => odds_ends(low, high),
        };
        Span { scale: self.scale, low, high }
    }
}

fn round_ends(low: f64, high: f64) -> (f64, f64) {
    let pad = if low == high { low.abs().max(1.0) * 0.5 } else { 0.0 };
    let step = nice((high - low + 2.0 * pad) / 5.0);
    (((low - pad) / step).floor() * step, ((high + pad) / step).ceil() * step)
}

fn decades(low: f64, high: f64) -> (f64, f64) {
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    let high = if low == high { high + 1.0 } else { high };
    (10f64.powf(low), 10f64.powf(high))
}

/// Zero, or a power of ten on either side.
fn symmetric_ends(low: f64, high: f64) -> (f64, f64) {
    let power = |v: f64| if v > 0.0 { 10f64.powf(v.log10().ceil()) } else { 0.0 };
    let (low, high) = (-power(-low), power(high));
    if low == high { (-1.0, 1.0) } else { (low, high) }
}

/// One of 0.5, 0.1, 0.01, ... towards either end.
fn odds_ends(low: f64, high: f64) -> (f64, f64) {
    let end = |v: f64| if v >= 0.5 { 0.5 } else { 10f64.powf(v.log10().floor()) };
    let (low, high) = (if low > 0.5 { 0.5 } else { end(low) }, if high < 0.5 { 0.5 } else { 1.0 - end(1.0 - high) });
    if low == high { (0.1, 0.9) } else { (low, high) }
}

impl Span {
    /// Where a value lies, 0 at the low end and 1 at the high end; none if it has no place.
    pub fn position(&self, value: f64) -> Option<f64> {
        if !self.scale.holds(value) {
            return None;
        }
        let at = match self.scale {
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
            _ => (self.bent(value) - self.bent(self.low)) / (self.bent(self.high) - self.bent(self.low)),
        };
        at.is_finite().then_some(at)
    }

    /// A value on the scale on which steps are equal.
    fn bent(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.ln(),
            Scale::Symlog => (value / (LINEAR * self.low.abs().max(self.high.abs()))).asinh(),
            Scale::Logit => (value / (1.0 - value)).ln(),
        }
    }

    /// At most `most` round values inside the span, ascending.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        match self.scale {
            Scale::Symlog => return self.thinned(&symmetric_ticks(self.low.abs().max(self.high.abs())), most),
            Scale::Logit => return self.thinned(&odds_ticks(), most),
            Scale::Linear | Scale::Log => {}
        }
        let most = most.max(2) as f64;
        if self.scale == Scale::Log {
            let decades = (self.high / self.low).log10();
            if decades >= 1.0 {
                let every = (decades / (most - 1.0)).ceil().max(1.0) as i32;
                let first = (self.low.log10() - 1e-9).ceil() as i32;
                let last = (self.high.log10() + 1e-9).floor() as i32;
                return (first..=last).step_by(every as usize).map(|e| 10f64.powi(e)).collect();
            }
        }
        if !(self.high - self.low).is_finite() {
            return vec![self.low, self.high];
        }
        let step = nice((self.high - self.low) / (most - 1.0));
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        // Where the ends differ by less than rounding, no more ticks than asked for come of it.
        let count = (last - first + 1.0).clamp(0.0, most + 1.0) as usize;
        (0..count).map(|i| (first + i as f64) * step).collect()
    }

    /// Those of some ascending values that lie inside, every so many of them, so that they are few; the middle of
    /// the scale is always among them.
    fn thinned(&self, values: &[f64], most: usize) -> Vec<f64> {
        let middle = if self.scale == Scale::Logit { 0.5 } else { 0.0 };
        let slack = 1e-9 * (self.high - self.low);
        let inside = |v: &f64| (self.low - slack..=self.high + slack).contains(v);
        let inside: Vec<f64> = values.iter().copied().filter(inside).collect();
        let centre = inside.iter().position(|v| *v == middle).unwrap_or(0);
        let every = inside.len().div_ceil(most.max(2)).max(1);
        let kept = inside.iter().enumerate().filter(|(at, _)| at.abs_diff(centre).is_multiple_of(every));
        kept.map(|(_, value)| *value).collect()
    }
}

/// Zero and powers of ten on both sides, down to where steps are equal.
fn symmetric_ticks(longest: f64) -> Vec<f64> {
    let top = longest.log10().floor() as i32;
    let powers: Vec<f64> = (0..=3).map(|down| 10f64.powi(top - down)).collect();
    let below = powers.iter().map(|power| -power);
    below.chain([0.0]).chain(powers.iter().rev().copied()).collect()
}

/// One half, and what is a power of ten away from either end.
fn odds_ticks() -> Vec<f64> {
    let powers = |range: std::ops::RangeInclusive<i32>| range.map(|power| 10f64.powi(-power)).collect::<Vec<_>>();
    let low = powers(1..=9);
    low.iter().rev().copied().chain([0.5]).chain(low.iter().map(|v| 1.0 - v)).collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `x`.
fn nice(x: f64) -> f64 {
    if x <= 0.0 || !x.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(x.log10().floor());
    let lead = x / power;
    power * [1.0, 2.0, 5.0].into_iter().find(|step| lead <= step * (1.0 + 1e-9)).unwrap_or(10.0)
}

/// A number for a tick or a legend: short, without trailing zeros, with an exponent when it must.
pub fn short_number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return "-".into();
    }
    let (scaled, suffix) = match size {
        s if !(1e-3..1e15).contains(&s) => return format!("{value:.0e}"),
        s if s >= 1e9 => (value / 1e9, "G"),
        s if s >= 1e6 => (value / 1e6, "M"),
        s if s >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    // Beside one, digits behind the nines tell values apart.
    if (0.99..1.0).contains(&scaled) {
        return format!("{scaled:.9}").trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = if scaled.abs() >= 100.0 {
        0
    } else if scaled.abs() >= 10.0 {
        1
    } else {
        3
    };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_and_hold_the_data() {
        let span = Axis::linear("").span([0.13, 0.87, f64::NAN]);
        assert_eq!((span.low, span.high), (0.0, 1.0));
        let span = Axis::log("").span([0.02, 3.0, -1.0]);
        assert!((span.low - 0.01).abs() < 1e-12 && (span.high - 10.0).abs() < 1e-9);
        for values in [vec![], vec![2.0], vec![f64::INFINITY]] {
            let span = Axis::linear("").span(values);
            assert!(span.low < span.high);
        }
    }

    #[test]
    fn ticks_lie_inside_and_are_few() {
        for (low, high) in [(0.0, 1.0), (-3.0, 17.0), (0.001, 0.0015), (0.0, 150.0), (0.12, 0.18)] {
            for most in 2..9 {
                let ticks = Span { scale: Scale::Linear, low, high }.ticks(most);
                assert!(ticks.len() <= most + 1 && ticks.iter().all(|t| *t >= low - 1e-9 && *t <= high + 1e-9));
            }
        }
        for (low, high) in [(-1e308, 1e308), (1e300, 1.0000000000000002e300), (1.0, 1.0 + f64::EPSILON)] {
            assert!(Span { scale: Scale::Linear, low, high }.ticks(5).len() <= 6);
        }
        assert_eq!(Span { scale: Scale::Log, low: 1.0, high: 1000.0 }.ticks(4), [1.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn both_signs_and_odds_have_their_place() {
        let span = Axis { scale: Scale::Symlog, ..Axis::default() }.span([-30.0, 0.0, 0.002, 4000.0]);
        assert_eq!((span.low, span.high), (-100.0, 10_000.0));
        let at: Vec<f64> = [-100.0, -1.0, 0.0, 1.0, 10_000.0].map(|v| span.position(v).unwrap()).to_vec();
        assert!(at.is_sorted() && at[0] == 0.0 && at[4] == 1.0, "{at:?}");
        assert!(span.ticks(6).contains(&0.0) && span.ticks(6).len() <= 7);
        let span = Axis { scale: Scale::Logit, ..Axis::default() }.span([0.2, 0.995, 1.0]);
        assert!((span.low - 0.1).abs() < 1e-12 && (span.high - 0.999).abs() < 1e-12, "{span:?}");
        assert_eq!((span.position(1.0), span.position(0.0)), (None, None));
        assert!(span.position(0.99).unwrap() > 0.7, "near 1 is spread out");
        assert!(span.ticks(5).contains(&0.5) && span.ticks(5).contains(&0.9));
        for scale in Scale::ALL {
            for values in [vec![], vec![0.5], vec![-2.0, 3.0], vec![0.0], vec![1.0]] {
                let span = Axis { scale, ..Axis::default() }.span(values);
                assert!(span.low < span.high && span.position(span.low) == Some(0.0), "{scale:?} {span:?}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.25, 1.0, 150.0, 104_000.0, 2.5e6, 1e-8].map(short_number);
        assert_eq!(shown, ["0", "0.25", "1", "150", "104k", "2.5M", "1e-8"]);
    }
}
