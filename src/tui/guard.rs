//! A painter that panics spoils its own panel and nothing else: the terminal stays the viewer's, and
//! the run's journal gets a report.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use crate::base::text::panic_text;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the last panic said.
    static WORDS: RefCell<String> = const { RefCell::new(String::new()) };
    static REPORTS: RefCell<Reports> = const { RefCell::new(Reports { seen: BTreeSet::new(), new: Vec::new() }) };
}

struct Reports {
    seen: BTreeSet<String>,
    new: Vec<String>,
}

/// Paints; false when that panicked. `what` is reported once.
pub(super) fn guarded(what: &str, paint: impl FnOnce()) -> bool {
    let outer = GUARDED.replace(true);
    let painted = catch_unwind(AssertUnwindSafe(paint)).is_ok();
    GUARDED.set(outer);
    if !painted {
        let words = WORDS.take();
        REPORTS.with_borrow_mut(|reports| {
            if reports.seen.insert(what.to_owned()) {
                reports.new.push(format!("{what} could not be painted, a fault in the program: {words}"));
            }
        });
    }
    painted
}

/// For the hook of panics: whether this one is caught here, so that nothing else is to be done.
pub(super) fn catches(info: &PanicHookInfo<'_>) -> bool {
    if GUARDED.get() {
        let place = info.location().map_or_else(String::new, |place| format!(" ({place})"));
        WORDS.set(format!("{}{place}", panic_text(info.payload())));
    }
    GUARDED.get()
}

/// What could not be painted since the last call.
pub(super) fn reports() -> Vec<String> {
    REPORTS.with_borrow_mut(|reports| std::mem::take(&mut reports.new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_reported_once() {
        assert!(guarded("the panel a", || ()));
        for _ in 0..2 {
            assert!(!guarded("the panel b", || panic!("no such row")));
        }
        let reports = reports();
        assert!(reports.len() == 1 && reports[0].starts_with("the panel b could not be painted"), "{reports:?}");
    }
}
