//! Small text helpers for messages to people.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The candidate nearest to `name`, if any is near enough to be a likely slip.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A label as the name of a folder: `K = inf` becomes `K-inf`.
pub fn plain_name(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let mut name: String = label.replace(" = ", "-").chars().map(plain).collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    name.trim_matches('-').to_owned()
}

/// What a panic said, from its payload.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say what")
}

/// The beginning of a text that fits into some columns.
pub fn cut(text: &str, columns: usize) -> String {
    let mut room = columns;
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).collect()
}

/// A text in lines of at most some columns, broken between words; a newline begins a line.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let gap = usize::from(!line.is_empty());
            if !line.is_empty() && line.width() + gap + word.width() > columns {
                lines.push(std::mem::take(&mut line));
            }
            let mut word = word.to_owned();
            while line.is_empty() && word.width() > columns.max(1) {
                let head = cut(&word, columns.max(1));
                let taken = if head.is_empty() { word.chars().next().map_or(1, char::len_utf8) } else { head.len() };
                lines.push(word.drain(..taken).collect());
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        assert_eq!(nearest("widht", ["width", "heads"]), Some("width"));
        assert_eq!(nearest("zebra", ["width", "heads"]), None);
    }

    #[test]
    fn names_are_fit_for_folders() {
        assert_eq!(plain_name("K = inf, d = 0.5 (state)"), "K-inf-d-0.5-state");
        assert_eq!(plain_name("hard+hard"), "hard-hard");
    }

    #[test]
    fn text_is_broken_between_words_and_never_too_wide() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a\n\nb", 7), ["a", "", "b"]);
        for columns in 0..9 {
            let lines = wrap("extraordinarily 日本語 wide", columns);
            assert!(lines.iter().all(|line| line.width() <= columns.max(2)), "{lines:?}");
        }
    }
}
