//! Whole screens at the sizes that matter, kept as they are.

use crate::room::Room;
use crate::terminal::viewer;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (160, 48)];

/// Name, and the keys that lead there from home.
const VIEWS: [(&str, &str); 5] =
    [("home", ""), ("run", "\t\t\r"), ("verdict", "\t\t\r1z"), ("help", "?"), ("settings", "/opposing\re\r")];

#[test]
fn views_are_as_they_were() {
    let room = Room::finished();
    for (name, keys) in VIEWS {
        let mut view = viewer(&room).open();
        view.press(keys);
        let mut pictures = Vec::new();
        for (width, height) in SIZES {
            view.resize((width, height));
            let rows: Vec<String> = view.screen().lines().map(masked).collect();
            pictures.push(format!("{width} x {height}\n{}", rows.join("\n")));
        }
        insta::assert_snapshot!(name, pictures.join("\n\n"));
    }
}

/// A line of the screen without what differs from run to run: process and machine, the clock, the free space.
fn masked(line: &str) -> String {
    if let Some((before, _)) = line.split_once(" GB free") {
        let number = before.rfind(", ").map_or(0, |at| at + 2);
        return format!("{}- GB free", &before[..number]);
    }
    let line =
        line.find("worker started: process").map_or(line.to_owned(), |at| format!("{}worker started", &line[..at]));
    let Some(at) = line.find(" +").filter(|at| line[at + 2..].starts_with(|c: char| c.is_ascii_digit())) else {
        return line;
    };
    let clock = line[at + 2..].find(|c: char| !c.is_ascii_digit() && c != ':').map_or(line.len(), |end| at + 2 + end);
    match line[at + 2..clock].contains(':') {
        true => format!("{} +-:--{}", &line[..at], &line[clock..]),
        false => line,
    }
}

#[test]
fn only_what_varies_is_masked() {
    assert_eq!(masked(" +0:03 worker started: process 12 on x, threads: 2"), " +-:-- worker started");
    assert_eq!(masked("a +4 columns"), "a +4 columns");
}
