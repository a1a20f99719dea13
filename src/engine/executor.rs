//! The executor: replays a plan in one arena.
#![allow(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::plan::{LINE, Place, Step, no_output_overlaps};
use super::{Io, MAX_INPUTS, MAX_OUTPUTS, Output, Plan, Profile, Store};
use crate::base::threads::Pool;
use crate::kernels::memory;

/// A cache line of the arena.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line([f32; LINE]);

/// Working memory for one plan. Several executors may share a plan, one a core.
pub struct Executor {
    plan: Arc<Plan>,
    arena: Vec<Line>,
    pool: Pool,
}

/// The op of a plan that first made a value which is not finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// Its name.
    pub op: String,
    /// Shapes of its inputs.
    pub shapes: String,
    /// Names of the slots that it reads or writes: the weights of a layer.
    pub slots: Vec<String>,
}

impl std::fmt::Display for NotFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.op, self.shapes)?;
        if self.slots.is_empty() { Ok(()) } else { write!(f, " with {}", self.slots.join(", ")) }
    }
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Executor({} steps, {:?})", self.plan.len(), self.pool)
    }
}

impl Executor {
    /// Memory for a plan.
    ///
    /// # Panics
    /// If a step of the plan writes where it reads, which would be a fault of the planner.
    pub fn new(plan: Arc<Plan>, pool: Pool) -> Self {
        assert!(plan.steps.iter().all(no_output_overlaps), "the plan writes where it reads");
        let inside = |place: &Place| match place {
            Place::Arena { offset, len } => *len == 0 || offset + len <= plan.arena,
            Place::Constant { index, len } => plan.constants.get(*index).is_some_and(|c| c.len() == *len),
            Place::Slot { slot, len } => plan.slots.contains(&(*slot, *len)),
        };
        let places = |step: &Step| {
            step.inputs.iter().chain(&step.outputs).chain([&step.scratch]).all(inside)
                && step.inputs.len() <= MAX_INPUTS
                && step.outputs.len() <= MAX_OUTPUTS
        };
        assert!(plan.steps.iter().all(places), "the plan leaves its arena");
        let arena = memory::filled(plan.arena.div_ceil(LINE), Line([0.0; LINE]));
        Executor { plan, arena, pool }
    }

    /// Another executor of the same plan, with memory of its own.
    pub fn sibling(&self) -> Executor {
        Executor::new(Arc::clone(&self.plan), self.pool.clone())
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs one step: reads and updates the store, keeps the outputs. Allocates nothing.
    ///
    /// # Panics
    /// If the store is not the one (or of the kind) that the graph was recorded with.
    pub fn run(&mut self, store: &mut Store) {
        self.check(store);
        let memory = Memory { arena: self.arena.as_mut_ptr().cast(), constants: &self.plan.constants };
        let (steps, pool) = (&self.plan.steps, &self.pool);
        // Inside the pool once a step, so that no op hands its work over from outside.
        pool.enter(move || steps.iter().for_each(|step| memory.run(step, store, pool)));
    }

    /// What every run rests on: the store has the slots of the plan, at their lengths.
    fn check(&self, store: &Store) {
        for (slot, len) in &self.plan.slots {
            assert!(store.shape(*slot).size() == *len, "the store is not of this plan");
        }
    }

    /// Runs `runs` steps and measures every op of the plan on the wall clock.
    ///
    /// # Panics
    /// As [`Executor::run`].
    pub fn profile(&mut self, store: &mut Store, runs: usize) -> Profile {
        self.run(store);
        let mut times = vec![Duration::ZERO; self.plan.steps.len()];
        let memory = Memory { arena: self.arena.as_mut_ptr().cast(), constants: &self.plan.constants };
        let (steps, pool, into) = (&self.plan.steps, &self.pool, &mut times);
        pool.enter(move || {
            for _ in 0..runs {
                for (step, time) in steps.iter().zip(into.iter_mut()) {
                    let started = Instant::now();
                    memory.run(step, store, pool);
                    *time += started.elapsed();
                }
            }
        });
        Profile::new(&self.plan, &times, runs)
    }

    /// Runs one step and stops at the first op that makes a value which is not finite: its name, the
    /// shapes it works on, and the slots it reads. None when every value is finite.
    ///
    /// # Panics
    /// As [`Executor::run`].
    pub fn first_not_finite(&mut self, store: &mut Store) -> Option<NotFinite> {
        self.check(store);
        let memory = Memory { arena: self.arena.as_mut_ptr().cast(), constants: &self.plan.constants };
        let (steps, pool) = (&self.plan.steps, &self.pool);
        let broken = |place: &Place, store: &Store| {
            match *place {
                // SAFETY: inside the arena, as `Executor::new` checked; nothing writes to it now.
                Place::Arena { offset, len } => unsafe { std::slice::from_raw_parts(memory.arena.add(offset), len) },
                Place::Slot { slot, .. } => store.values(slot),
                Place::Constant { .. } => &[],
            }
            .iter()
            .any(|x| !x.is_finite())
        };
        let found = steps.iter().position(|step| {
            memory.run(step, store, pool);
            step.outputs.iter().any(|place| broken(place, store))
        })?;
        let step = &steps[found];
        let slots = step.inputs.iter().chain(&step.outputs).filter_map(|place| match place {
            Place::Slot { slot, .. } => Some(store.name(*slot).to_owned()),
            _ => None,
        });
        let shapes = step.input_shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        Some(NotFinite { op: step.op.label(), shapes, slots: slots.collect() })
    }

    /// A kept value, as of the last run.
    pub fn output(&self, output: Output, store: &Store) -> Vec<f32> {
        let mut values = Vec::new();
        self.output_into(output, store, &mut values);
        values
    }

    /// A kept value, as of the last run, into a buffer that is reused.
    pub fn output_into(&self, output: Output, store: &Store, values: &mut Vec<f32>) {
        values.clear();
        match self.plan.outputs[output.0].1 {
            Place::Arena { offset, len } => {
                let lines = &self.arena[offset / LINE..(offset + len).div_ceil(LINE)];
                values.extend(lines.iter().flat_map(|line| line.0).take(len));
            }
            Place::Slot { slot, .. } => values.extend_from_slice(store.values(slot)),
            Place::Constant { index, .. } => values.extend_from_slice(&self.plan.constants[index]),
        }
    }

    /// A kept number, as of the last run.
    pub fn number(&self, output: Output, store: &Store) -> f32 {
        match self.plan.outputs[output.0].1 {
            Place::Arena { offset, .. } => self.arena[offset / LINE].0[offset % LINE],
            Place::Slot { slot, .. } => store.values(slot)[0],
            Place::Constant { index, .. } => self.plan.constants[index][0],
        }
    }
}

/// Where the places of a plan point while it runs.
struct Memory<'a> {
    arena: *mut f32,
    constants: &'a [Arc<Vec<f32>>],
}

// SAFETY: `Memory` is made from exclusive borrows of the executor and the store, which last while it
// is in use; it moves to another thread only together with them.
unsafe impl Send for Memory<'_> {}

impl<'a> Memory<'a> {
    /// Runs one step of the plan that the executor was made for.
    fn run(&self, step: &Step, store: &mut Store, pool: &Pool) {
        // SAFETY: `Executor::new` checked for every step that its places lie inside the arena, the
        // constants and the slots (whose lengths `Executor::check` checks), and that what it writes
        // overlaps neither what it reads nor anything else it writes. Executor and store are borrowed
        // mutably for the whole call and no slice outlives its step.
        let io = unsafe { self.io(step, store, pool) };
        step.op.run(io);
    }

    /// The slices of one step.
    ///
    /// # Safety
    /// The places must lie inside their memory, the written ones must not overlap any other of the
    /// step, and nothing else may touch the arena or the store while the slices live.
    unsafe fn io<'s>(&self, step: &'s Step, store: &mut Store, pool: &'s Pool) -> Io<'s>
    where
        'a: 's,
    {
        let mut inputs: [&'s [f32]; MAX_INPUTS] = [&[]; MAX_INPUTS];
        for (input, place) in inputs.iter_mut().zip(&step.inputs) {
            // SAFETY: inside its memory and not written in this step, by the caller's word.
            *input = unsafe {
                match *place {
                    Place::Arena { offset, len } => std::slice::from_raw_parts(self.arena.add(offset), len),
                    Place::Slot { slot, len } => std::slice::from_raw_parts(store.values(slot).as_ptr(), len),
                    Place::Constant { index, len } => std::slice::from_raw_parts(self.constants[index].as_ptr(), len),
                }
            };
        }
        let mut outputs: [&'s mut [f32]; MAX_OUTPUTS] = Default::default();
        for (output, place) in outputs.iter_mut().zip(&step.outputs) {
            // SAFETY: inside its memory and overlapping nothing else of this step, by the caller's word.
            *output = unsafe { self.written(*place, store) };
        }
        // SAFETY: as for the outputs.
        let scratch = unsafe { self.written(step.scratch, store) };
        Io { inputs, outputs, input_shapes: &step.input_shapes, output_shapes: &step.output_shapes, scratch, pool }
    }

    /// The slice of a place that is written.
    ///
    /// # Safety
    /// As for [`Memory::io`].
    unsafe fn written<'s>(&self, place: Place, store: &mut Store) -> &'s mut [f32] {
        // SAFETY: inside its memory and overlapping nothing else of the step, by the caller's word.
        unsafe {
            match place {
                Place::Arena { offset, len } => std::slice::from_raw_parts_mut(self.arena.add(offset), len),
                Place::Slot { slot, len } => std::slice::from_raw_parts_mut(store.values_mut(slot).as_mut_ptr(), len),
                Place::Constant { .. } => &mut [],
            }
        }
    }
}
