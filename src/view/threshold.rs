//! Where a threshold lies on the axis of what was measured, from its words: only for drawing, never for judging.

/// The bounds on the value itself that a threshold names: `>= 0.30, interval above 0.20` has 0.3, `0.9 to 1.1` both
/// ends. What is asked of the interval or of anything else is left out.
pub fn limits(threshold: &str) -> Vec<f64> {
    let first = threshold.split(',').next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let number = |at: usize| words.get(at)?.trim_matches(|c: char| "()".contains(c)).parse::<f64>().ok();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let pair = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| [a, b]);
        match word.trim_start_matches('(') {
            "interval" => break,
            ">=" | "<=" | ">" | "<" | "above" | "below" => found.extend(number(at + 1)),
            "to" => found.extend(pair(number(at.wrapping_sub(1)), number(at + 1)).into_iter().flatten()),
            "+-" => {
                let ends = pair(number(at.wrapping_sub(1)), number(at + 1));
                found.extend(ends.into_iter().flat_map(|[middle, by]| [middle - by, middle + by]));
            }
            "within" => {
                let of = words[at..].iter().position(|word| *word == "of").and_then(|of| number(at + of + 1));
                let ends = number(at + 1).map(|by| (of.unwrap_or(0.0), by));
                found.extend(ends.into_iter().flat_map(|(middle, by)| [middle - by, middle + by]));
            }
            _ => {}
        }
    }
    found.retain(|limit| limit.is_finite());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_from_the_words() {
        for (text, wanted) in [
            (">= 0.30, interval above 0.20", vec![0.3]),
            ("<= -0.5, interval below -0.2", vec![-0.5]),
            ("0.9 to 1.1, R^2 >= 0.98", vec![0.9, 1.1]),
            ("within 0.10 of 0", vec![-0.1, 0.1]),
            ("within 0.015, interval inside 0.03", vec![-0.015, 0.015]),
            ("0.10 +- 0.02", vec![0.08, 0.12]),
            ("not (>= 0.10, interval above 0)", vec![0.1]),
            ("interval below 0", vec![]),
            ("the sign of i", vec![]),
            ("", vec![]),
        ] {
            let found = limits(text);
            let near = found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near, "{text}: {found:?}");
        }
    }
}
