//! The picture at the top of the README: the run view of the finished run, made anew and compared.

use std::path::Path;

use ansatz::kernels::isa::isa;
use ansatz::run::Reader;

use crate::room::Room;

/// Columns and rows.
const SIZE: (u16, u16) = (120, 36);
const PICTURE: &str = "docs/run-view.svg";
/// Writes the picture where it is set, as insta's variable does for its files.
const UPDATE: &str = "ANSATZ_UPDATE_DOCS";

#[test]
fn the_picture_of_the_readme_is_what_the_program_shows() {
    let room = Room::finished();
    let folder = room.folders().remove(0);
    let mut state = Reader::open_whole(&folder).unwrap().state().clone();
    // The clock, the process and the machine are not the run's.
    for (time, _, text) in &mut state.journal {
        *time = 0.0;
        if text.starts_with("worker started") {
            *text = "worker started, threads: 2".into();
        }
    }
    let study = folder.study(ansatz::systems::ALL).unwrap();
    let svg = ansatz::tui::screen_svg(&state, Some(study.card()), SIZE);
    assert!(svg.contains("Verdict: reproduced"), "the run of the picture was judged otherwise");
    // Metrics are the same byte for byte on one instruction set only.
    let made = format!("{svg}<!-- instruction set: {} -->\n", isa().name());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let set = |picture: &str| picture.trim_end().rsplit("<!--").next().map(str::to_owned);
    if set(&kept) == set(&made) {
        assert!(kept == made, "{PICTURE} is stale: {UPDATE}=1 cargo test --test viewer picture writes it anew");
    } else {
        assert!(kept.lines().next() == made.lines().next(), "{PICTURE} has another size; {UPDATE}=1 writes it anew");
        assert!(kept.contains("Verdict: reproduced") && kept.contains("representation-bias"), "{PICTURE} is stale");
    }
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("]({PICTURE})")), "the README shows the picture");
}
