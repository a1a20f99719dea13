//! A steady training step allocates nothing: the plan is replayed in one arena.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ansatz::base::random::Key;
use ansatz::base::threads::Pool;
use ansatz::nn::zoo;
use ansatz::systems::gpicl::learner::Learner;
use ansatz::systems::gpicl::settings::Condition;
use ansatz::tasks::base_set::Standardise;
use ansatz::tasks::digits;
use ansatz::tasks::gpicl::{Format, Gpicl, TaskCount};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting has no effect on it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn condition(model: zoo::Kind) -> Condition {
    Condition {
        tasks: TaskCount::Infinite,
        classes: 5,
        projection: 8,
        tokens: 12,
        format: Format::Paired,
        bias: 0.5,
        bias_fixes_projection: false,
        model,
        width: 16,
        layers: 2,
        heads: 2,
        window: 12,
        batch: 4,
        steps: 100,
        learning_rate: 1e-3,
        warm_up: 2,
        clip: 1.0,
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-8,
    }
}

// One test in this file: another one at the same time would be counted too.
#[test]
fn a_steady_training_step_allocates_nothing() {
    for entry in zoo::ALL {
        let condition = condition(entry.kind);
        let base = Arc::new(digits::base_set(Standardise::MeanImage));
        let family = Gpicl::new(condition.family(TaskCount::Infinite), base, Key::new(1)).unwrap();
        let mut batch = family.batch(condition.batch);
        let mut learner = Learner::new(&condition, Key::new(1), Pool::serial());
        let mut step = |step: u64| {
            family.fill(step, &mut batch);
            learner.step(step, &batch).unwrap();
        };
        (0..2).for_each(&mut step);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        (2..12).for_each(&mut step);
        let made = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(made, 0, "{}: {made} allocations in ten steps", entry.name);
    }
}
