//! Bias cards as text: one by itself, or several side by side.

use super::clean;
use super::numbers::shown;
use super::text::aligned;
use crate::contract::{Found, Quantity, Reading};
use crate::run::BiasCard;

/// Width of the longest bar of [`glance`].
const BAR: f64 = 14.0;

/// Cards as text, each with a letter; with two or more, a glance at the first number of every instrument comes
/// first, and the last column says which numbers differ by more than their intervals explain.
pub fn cards_text(cards: &[BiasCard]) -> String {
    let letters: Vec<String> = (0..cards.len()).map(letter).collect();
    let mut text = String::new();
    for (card, letter) in cards.iter().zip(&letters) {
        let head = if cards.len() > 1 { format!("{letter}  ") } else { "Bias card of ".into() };
        let of = format!("{}, {} ({}), step {}", card.run, card.trial, card.condition, card.step);
        text += &format!("{head}{}\n", clean(&of));
    }
    let readings = |name: &String| -> Vec<Option<&Reading>> {
        cards.iter().map(|card| card.readings.iter().find(|reading| reading.instrument == *name)).collect()
    };
    let all: Vec<(String, Vec<Option<&Reading>>)> =
        instruments(cards).into_iter().map(|name| (name.clone(), readings(&name))).collect();
    if cards.len() > 1 {
        text += &format!("\n{}", glance(&all, &letters));
    }
    for (name, readings) in &all {
        text += &format!("\n{}", instrument_text(name, readings, &letters));
    }
    text
}

/// The first number of every instrument, with a bar: how long, against the longest of its row; light where
/// the number is below zero.
fn glance(all: &[(String, Vec<Option<&Reading>>)], letters: &[String]) -> String {
    let mut heads = vec!["", ""];
    letters.iter().for_each(|letter| heads.extend([letter.as_str(), ""]));
    heads.push("differs");
    let row = |(name, readings): &(String, Vec<Option<&Reading>>)| {
        let first = readings.iter().find_map(|reading| quantities(*reading).first())?;
        let found: Vec<Option<&Quantity>> =
            readings.iter().map(|reading| quantities(*reading).iter().find(|q| q.name == first.name)).collect();
        let longest = found.iter().flatten().map(|q| q.value.abs()).fold(0.0, f64::max);
        let mut row = vec![name.clone(), first.name.clone()];
        for quantity in &found {
            let value = quantity.map_or(0.0, |q| q.value);
            let length = if longest > 0.0 { (BAR * value.abs() / longest).round() as usize } else { 0 };
            row.push(quantity.map_or_else(|| "-".into(), |q| shown(q.value)));
            row.push(if value < 0.0 { "░" } else { "█" }.repeat(length));
        }
        row.push(difference(&found));
        Some(row)
    };
    aligned(&heads, &all.iter().filter_map(row).collect::<Vec<_>>())
}

fn letter(i: usize) -> String {
    char::from_u32('A' as u32 + i as u32 % 26).map_or_else(String::new, String::from)
}

/// Names of the instruments, in the order in which cards have them.
fn instruments(cards: &[BiasCard]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for reading in cards.iter().flat_map(|card| &card.readings) {
        if !names.contains(&reading.instrument) {
            names.push(reading.instrument.clone());
        }
    }
    names
}

fn instrument_text(name: &str, readings: &[Option<&Reading>], letters: &[String]) -> String {
    let Some(first) = readings.iter().flatten().next() else { return String::new() };
    let mut text = format!("{}: {}\n", clean(name).to_uppercase(), clean(&first.question));
    let rows = rows(readings);
    if !rows.is_empty() {
        let mut heads = vec!["quantity"];
        heads.extend(if readings.len() > 1 { letters.iter().map(String::as_str).collect() } else { vec!["value"] });
        heads.push("unit");
        heads.extend((readings.len() > 1).then_some("differs"));
        text += &aligned(&heads, &rows).lines().map(|line| format!("  {line}\n")).collect::<String>();
    }
    for (reading, letter) in readings.iter().zip(letters) {
        let who = if readings.len() > 1 { format!("{letter}: ") } else { String::new() };
        match reading.map(|reading| &reading.found) {
            Some(Found::Refused { why }) => text += &format!("  {who}not defined: {}\n", clean(why)),
            Some(Found::Measured { note, .. }) if !note.is_empty() => text += &format!("  {who}{}\n", clean(note)),
            _ => {}
        }
    }
    if readings.iter().flatten().any(|reading| matches!(reading.found, Found::Measured { .. })) {
        let paper = if first.paper.is_empty() { String::new() } else { format!(" ({})", clean(&first.paper)) };
        text += &format!("  {}{paper}.\n", clean(&first.meaning));
    }
    text
}

fn quantities(reading: Option<&Reading>) -> &[Quantity] {
    match reading.map(|reading| &reading.found) {
        Some(Found::Measured { quantities, .. }) => quantities,
        _ => &[],
    }
}

fn rows(readings: &[Option<&Reading>]) -> Vec<Vec<String>> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for quantity in readings.iter().flat_map(|reading| quantities(*reading)) {
        if !names.iter().any(|(name, _)| *name == quantity.name) {
            names.push((&quantity.name, &quantity.unit));
        }
    }
    let row = |(name, unit): (&str, &str)| {
        let found: Vec<Option<&Quantity>> =
            readings.iter().map(|reading| quantities(*reading).iter().find(|q| q.name == name)).collect();
        let mut row = vec![name.to_owned()];
        row.extend(found.iter().map(|q| q.map_or_else(|| "-".into(), value)));
        row.push(unit.to_owned());
        if readings.len() > 1 {
            row.push(difference(&found));
        }
        row
    };
    names.into_iter().map(row).collect()
}

/// `0.52 [0.44, 0.60]`.
fn value(quantity: &Quantity) -> String {
    let interval = quantity.interval.map_or(String::new(), |(low, high)| format!(" [{}, {}]", shown(low), shown(high)));
    format!("{}{interval}", shown(quantity.value))
}

/// How the second and later ones stand to the first: up or down where intervals are apart, the ratio where
/// there are none and it is large.
fn difference(found: &[Option<&Quantity>]) -> String {
    let Some(Some(first)) = found.first() else { return String::new() };
    let against = |other: &Option<&Quantity>| {
        let Some(other) = other else { return "-".to_owned() };
        match (first.interval, other.interval) {
            (Some((_, high)), Some((low, _))) if low > high => "higher".into(),
            (Some((low, _)), Some((_, high))) if high < low => "lower".into(),
            (Some(_), Some(_)) => "=".into(),
            _ => ratio(first.value, other.value),
        }
    };
    found[1..].iter().map(against).collect::<Vec<_>>().join(" ")
}

fn ratio(first: f64, other: f64) -> String {
    if first == other {
        return "=".into();
    }
    let ratio = other / first;
    if ratio.is_finite() && ratio > 0.0 { format!("x {}", shown(ratio)) } else { "sign".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(trial: &str, accuracy: f64, sharp: f64, refused: bool) -> BiasCard {
        let reading = |instrument: &str, found| Reading {
            instrument: instrument.into(),
            question: "how?".into(),
            meaning: "low is low".into(),
            paper: "A. Uthor 2020".into(),
            found,
        };
        let quantity = Quantity::new("test accuracy", accuracy, "").within(accuracy - 0.05, accuracy + 0.05);
        let groups = if refused { Found::refused("too few examples") } else { Found::numbers(vec![]) };
        BiasCard {
            system: "made-up".into(),
            run: "run".into(),
            trial: trial.into(),
            condition: "plain".into(),
            step: 7,
            readings: vec![
                reading("fit", Found::numbers(vec![quantity])),
                reading("sharpness", Found::numbers(vec![Quantity::new("largest eigenvalue", sharp, "")])),
                reading("groups", groups),
            ],
        }
    }

    #[test]
    fn one_card_says_what_its_numbers_mean() {
        let text = cards_text(&[card("a.s0", 0.5, 2.0, true)]);
        for part in [
            "Bias card of run, a.s0 (plain), step 7",
            "FIT: how?",
            "0.500 [0.450, 0.550]",
            "not defined: too few examples",
            "low is low (A. Uthor 2020).",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn two_cards_stand_side_by_side() {
        let text = cards_text(&[card("a.s0", 0.5, 2.0, true), card("b.s0", 0.8, 8.0, false)]);
        assert!(text.contains("A  run, a.s0") && text.contains("B  run, b.s0"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let glance = lines.iter().find(|line| line.starts_with("sharpness")).unwrap();
        assert_eq!([4, 14].map(|n| glance.contains(&format!(" {} ", "█".repeat(n)))), [true, true], "{text}");
        assert!(text.contains("higher") && text.contains("x 4") && text.contains("A: not defined"), "{text}");
        let same = cards_text(&[card("a.s0", 0.5, 2.0, false), card("b.s0", 0.52, 2.0, false)]);
        assert!(!same.contains("higher") && same.matches(" =").count() == 4, "{same}");
    }
}
