//! Sizes that change: one by one, and in a storm.

use crate::room::Room;
use crate::terminal::viewer;

#[test]
fn a_storm_of_sizes_ends_with_the_right_frame() {
    let room = Room::finished();
    let last = (101, 33);
    let mut view = viewer(&room).with(&["watch"]).open();
    let mut state = 1_u64;
    let mut next = |most: u64| {
        // The constants of Knuth's MMIX: a storm that is the same every time.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    for at in 0..2000 {
        let size = match at % 100 {
            0 => (1, 1),
            1 => (300, 100),
            2 => (0, 0),
            _ => (1 + next(300) as u16, 1 + next(100) as u16),
        };
        if size != last {
            view.resize_at_once(size);
        }
        if at % 200 == 0 {
            view.send(b"\t");
        }
    }
    view.resize(last);
    let (after, keys) = (view.screen(), "\t".repeat(10));
    let mut calm = viewer(&room).with(&["watch"]).size(last).open();
    calm.press(&keys);
    assert_eq!(after, calm.screen());
    view.send(b"q");
    assert!(view.ends().success());
}

#[test]
fn what_a_smaller_size_cut_off_comes_back() {
    let room = Room::finished();
    let mut view = viewer(&room).size((120, 40)).with(&["watch"]).open();
    let before = view.screen();
    view.resize_at_once((20, 5));
    view.resize_at_once((121, 40));
    view.resize((120, 40));
    assert_eq!(view.screen(), before);
}
