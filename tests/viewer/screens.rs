//! Whole screens at the sizes that matter, kept as they are.

use crate::room::Room;
use crate::terminal::viewer;

const SIZES: [(u16, u16); 3] = [(60, 15), (80, 24), (160, 48)];

/// Name, and the keys that lead there from home.
const VIEWS: [(&str, &str); 9] = [
    ("home", ""),
    ("run", "\t\t\r"),
    ("verdict", "\t\t\r1z"),
    ("compare", "\t\t j C"),
    ("help", "?"),
    ("card", "i"),
    ("commands", "\t\t\r:"),
    ("settings", "/opposing\re\r"),
    ("tour", "t"),
];

#[test]
fn views_are_as_they_were() {
    let room = Room::finished();
    room.finished_as("the-same-again");
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

/// A line of the screen without what differs from run to run: process and machine, the clock, the age of a run, the
/// free space.
fn masked(line: &str) -> String {
    if let Some((before, _)) = line.split_once("B free") {
        return format!("{}, - free", before.rsplit_once(", ").map_or("", |(head, _)| head));
    }
    if let Some((before, _)) = line.split_once("worker started: process") {
        return format!("{}worker started", masked(before));
    }
    if let Some(row) = line.strip_suffix(" now").or_else(|| line.strip_suffix(" min")) {
        return format!("{} -", row.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' '));
    }
    let Some(at) = line.find(" +").filter(|at| line[at + 2..].starts_with(|c: char| c.is_ascii_digit())) else {
        return line.to_owned();
    };
    let clock = line[at + 2..].find(|c: char| !c.is_ascii_digit() && c != ':').map_or(line.len(), |end| at + 2 + end);
    match line[at + 2..clock].contains(':') {
        true => format!("{} +-:--{}", &line[..at], &line[clock..]),
        false => line.to_owned(),
    }
}

#[test]
fn only_what_varies_is_masked() {
    assert_eq!(masked(" +0:03 worker started: process 12 on x, threads: 2"), " +-:-- worker started");
    assert_eq!(
        masked(" Ansatz  8 systems, 2 runs, 0 live, 31.5 GB free"),
        " Ansatz  8 systems, 2 runs, 0 live, - free"
    );
    assert_eq!([masked("small DONE  reproduced   12 min"), masked("x   now")], ["small DONE  reproduced -", "x -"]);
    assert_eq!(masked("a +4 columns"), "a +4 columns");
}
