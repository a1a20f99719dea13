//! The family of tasks: training batches by step, evaluation batches by kind, all from addressed streams.

use std::sync::Arc;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::{Batch, Classification, Config, Pair, TaskCount};
use crate::base::checks::Checks;
use crate::base::random::{Key, Stream};
use crate::tasks::base_set::{BaseSet, Split};
use crate::tasks::{Family, Refusals, Task};

/// Distinct vectors in a sequence of `random pairs`.
const VECTORS: usize = 8;

/// What to evaluate on. Images are held out in every kind, so that knowing a task and knowing an
/// image are never mixed.
#[derive(Clone, Debug)]
pub enum Evaluation {
    /// The frozen training tasks on held-out rows; undefined for K = inf.
    Seen,
    /// Fresh tasks, never used in training, on held-out rows.
    Unseen,
    /// Fresh tasks on the held-out rows of another set; its classes go to random label slots.
    Foreign(Arc<BaseSet>),
    /// 8 distinct N(0, I_P) vectors with random labels, drawn with replacement; scored only where the
    /// vector occurred before. Pure memory, no class structure.
    RandomPairs,
}

/// GPICL's tasks on a base set. Every draw is a function of the key given to [`Gpicl::new`], which
/// should not depend on the condition: then the tasks of K = 4 are the first four of K = 16, and all
/// conditions of a seed are judged on the same sequences.
#[derive(Clone, Debug)]
pub struct Gpicl {
    config: Config,
    base: Arc<BaseSet>,
    key: Key,
    fixed: Pair,
}

impl Gpicl {
    /// Tasks on `base`, from the streams below `key` (of the study and the seed).
    ///
    /// # Errors
    /// Every setting that cannot be used, and a base set of which a part lacks a class.
    pub fn new(config: Config, base: Arc<BaseSet>, key: Key) -> Result<Self, Refusals> {
        let mut checks = Checks::new();
        config.check(base.classes(), &mut checks);
        for (part, split) in [("training", Split::Train), ("held-out", Split::HeldOut)] {
            let present = |class| base.part(split).iter().any(|&row| usize::from(base.labels[row as usize]) == class);
            if let Some(class) = (0..base.classes()).find(|&class| !present(class)) {
                let found = format!("no {part} row of class {} in {}", base.class_names[class], base.name);
                checks.holds("base", false, found, "every class in both parts");
            }
        }
        if !checks.none() {
            return Err(Refusals(checks.problems()));
        }
        let mut fixed = Pair::blank(base.features(), config.projection, base.classes(), config.classes);
        fixed.redraw(base.features(), &mut key.purpose("fixed").stream());
        Ok(Gpicl { config, base, key, fixed })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The base set.
    pub fn base(&self) -> &Arc<BaseSet> {
        &self.base
    }

    /// Frozen pair `k`: a function of key and `k` alone, whatever K and the batch are.
    pub fn frozen(&self, k: u32) -> Pair {
        let mut pair = self.blank(Split::Train).pair;
        self.draw_frozen(k, &mut pair);
        pair
    }

    /// Buffers for `sequences` sequences.
    pub fn batch(&self, sequences: usize) -> Batch {
        Batch::new(&self.config, sequences)
    }

    /// The training batch of a step; sequence b is drawn from the stream (key, "task", step, b).
    /// Allocates nothing after the first call with the same `batch`.
    pub fn fill(&self, step: u64, batch: &mut Batch) {
        // Taken out and put back, so that the batch can be written while the task is read.
        let mut task = batch.scratch.take().unwrap_or_else(|| self.blank(Split::Train));
        let biased = self.config.bias * batch.sequences() as f64;
        for b in 0..batch.sequences() {
            let mut stream = self.training_key(step, b).stream();
            self.redraw_pair(&mut stream, &mut task.pair);
            if (b as f64) < biased {
                task.pair.relabelling.copy_from_slice(&self.fixed.relabelling);
                if self.config.bias_fixes_projection {
                    task.pair.projection.copy_from_slice(&self.fixed.projection);
                }
            }
            task.put_in_play();
            task.fill(&mut stream, &mut batch.examples);
            batch.take_examples(b);
        }
        batch.scratch = Some(task);
        batch.lay_out_tokens();
    }

    /// `sequences` sequences of a kind, the same ones at every call and the first of any larger number;
    /// none for [`Evaluation::Seen`] when K = inf, or a foreign set that has no held-out rows in play.
    pub fn evaluation(&self, kind: &Evaluation, sequences: usize) -> Option<Batch> {
        let mut batch = self.batch(sequences);
        if let Evaluation::RandomPairs = kind {
            for b in 0..sequences {
                self.random_pairs(b, &mut batch);
            }
            batch.lay_out_tokens();
            return Some(batch);
        }
        let base = if let Evaluation::Foreign(base) = kind { base } else { &self.base };
        let Config { classes, projection, .. } = self.config;
        let mut task = Classification::blank(base.clone(), Split::HeldOut, classes, projection);
        for b in 0..sequences {
            let mut stream = self.evaluation_key(kind, b).stream();
            match (kind, self.config.tasks) {
                (Evaluation::Seen, TaskCount::Infinite) => return None,
                (Evaluation::Seen, TaskCount::Finite(count)) => {
                    self.draw_frozen(stream.random_range(0..count), &mut task.pair);
                }
                _ => task.pair.redraw(base.features(), &mut stream),
            }
            task.put_in_play();
            if task.pool().is_empty() {
                return None;
            }
            task.fill(&mut stream, &mut batch.examples);
            batch.take_examples(b);
        }
        batch.lay_out_tokens();
        Some(batch)
    }

    /// Where the streams of the training batch of a step lie; those of its sequences are below.
    pub fn batch_key(&self, step: u64) -> Key {
        self.key.purpose("task").index(step)
    }

    fn training_key(&self, step: u64, b: usize) -> Key {
        self.batch_key(step).index(b as u64)
    }

    fn frozen_key(&self, k: u32) -> Key {
        self.key.purpose("frozen").index(u64::from(k))
    }

    fn evaluation_key(&self, kind: &Evaluation, b: usize) -> Key {
        let root = self.key.purpose("evaluation");
        let kind = match kind {
            Evaluation::Seen => root.purpose("seen"),
            Evaluation::Unseen => root.purpose("unseen"),
            Evaluation::RandomPairs => root.purpose("random pairs"),
            Evaluation::Foreign(base) => root.purpose("foreign").purpose(&base.name),
        };
        kind.index(b as u64)
    }

    fn blank(&self, split: Split) -> Classification {
        Classification::blank(self.base.clone(), split, self.config.classes, self.config.projection)
    }

    /// Frozen pairs are redrawn from their address, not stored: 2^16 of them would fill the memory.
    fn draw_frozen(&self, k: u32, pair: &mut Pair) {
        pair.redraw(self.base.features(), &mut self.frozen_key(k).stream());
    }

    fn redraw_pair(&self, stream: &mut Stream, pair: &mut Pair) {
        match self.config.tasks {
            TaskCount::Finite(count) => self.draw_frozen(stream.random_range(0..count), pair),
            TaskCount::Infinite => pair.redraw(self.base.features(), stream),
        }
    }

    /// Draws sequence `b` of `random pairs`.
    fn random_pairs(&self, b: usize, batch: &mut Batch) {
        let mut stream = self.evaluation_key(&Evaluation::RandomPairs, b).stream();
        let width = self.config.projection;
        let vectors: Vec<f32> = (0..VECTORS * width).map(|_| StandardNormal.sample(&mut stream)).collect();
        let labels: [u8; VECTORS] = std::array::from_fn(|_| stream.random_range(0..self.config.classes as u32) as u8);
        let mut occurred = [false; VECTORS];
        let first = batch.positions(b).start;
        for t in 0..self.config.tokens {
            let v = stream.random_range(0..VECTORS as u32) as usize;
            batch.examples.inputs[t * width..(t + 1) * width].copy_from_slice(&vectors[v * width..(v + 1) * width]);
            batch.examples.labels[t] = labels[v];
            batch.examples.rows[t] = v as u32;
            batch.scored[first + t] = std::mem::replace(&mut occurred[v], true);
        }
        batch.take_examples(b);
    }
}

impl Family for Gpicl {
    type Task = Classification;

    /// A training task as a sequence of K tasks (without the bias of a batch) would have it.
    fn draw(&self, stream: &mut Stream) -> Classification {
        let mut task = self.blank(Split::Train);
        self.redraw_pair(stream, &mut task.pair);
        task.put_in_play();
        task
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::tasks::base_set::Standardise;
    use crate::tasks::{digits, tables::Shipped};

    fn family(config: Config) -> Gpicl {
        Gpicl::new(config, Arc::new(digits::base_set(Standardise::MeanImage)), Key::new(3).index(1)).unwrap()
    }

    fn finite(count: u32) -> Config {
        Config { tasks: TaskCount::Finite(count), ..Config::default() }
    }

    /// The projected row under a pair, to tell which pair a sequence was made with.
    fn made_with(family: &Gpicl, pair: &Pair, batch: &Batch, position: usize) -> bool {
        let mut projected = vec![0.0; family.config.projection];
        let row = batch.rows[position] as usize;
        pair.project(family.base.inputs.row(row).as_slice().unwrap(), &mut projected);
        let label = pair.relabelling[usize::from(family.base.labels[row])];
        projected == batch.query(position) && f32::from(label) == batch.targets[position]
    }

    #[test]
    fn frozen_pairs_do_not_depend_on_their_number_or_the_batch() {
        let (four, sixteen) = (family(finite(4)), family(finite(16)));
        let pairs: Vec<Pair> = (0..4).map(|k| four.frozen(k)).collect();
        assert!((0..4).all(|k| sixteen.frozen(k) == pairs[k as usize]));
        assert_ne!(pairs[0], pairs[1]);
        let mut used = [false; 4];
        for sequences in [8, 64] {
            let mut batch = four.batch(sequences);
            four.fill(2, &mut batch);
            for b in 0..sequences {
                let of: Vec<usize> =
                    (0..4).filter(|&k| batch.positions(b).all(|p| made_with(&four, &pairs[k], &batch, p))).collect();
                assert_eq!(of.len(), 1, "sequence {b} is of one frozen pair");
                used[of[0]] = true;
            }
        }
        assert_eq!(used, [true; 4]);
    }

    #[test]
    fn a_sequence_is_a_function_of_step_and_place() {
        for config in [Config::default(), finite(16)] {
            let family = family(config);
            let (mut small, mut large) = (family.batch(4), family.batch(16));
            family.fill(0, &mut small);
            family.fill(7, &mut small);
            family.fill(7, &mut large);
            assert_eq!(small.tokens, large.tokens[..small.tokens.len()]);
            family.fill(8, &mut large);
            assert_ne!(small.tokens, large.tokens[..small.tokens.len()]);
            let few = family.evaluation(&Evaluation::Unseen, 3).unwrap();
            let many = family.evaluation(&Evaluation::Unseen, 9).unwrap();
            assert_eq!(few.tokens, many.tokens[..few.tokens.len()]);
        }
    }

    #[test]
    fn a_later_fill_allocates_nothing() {
        let family = family(Config::default());
        let mut batch = family.batch(8);
        family.fill(0, &mut batch);
        let buffers = |batch: &Batch| {
            let task = batch.scratch.as_ref().unwrap();
            let floats = [&batch.tokens, &batch.queries, &batch.targets, &batch.examples.inputs, &task.pair.projection];
            let addresses = floats.map(|v| (v.as_ptr() as usize, v.capacity()));
            (addresses, task.pool().as_ptr() as usize, task.pair.relabelling.as_ptr() as usize)
        };
        let before = buffers(&batch);
        (1..50).for_each(|step| family.fill(step, &mut batch));
        assert_eq!(buffers(&batch), before);
    }

    #[test]
    fn exactly_c_classes_can_occur_and_each_digit_with_probability_c_in_ten() {
        let family = family(Config::default());
        let (mut in_play, draws) = ([0.0; 10], 4000);
        let mut counts = [0u32; 6];
        for i in 0..draws {
            let task = family.draw(&mut Key::new(8).index(i).stream());
            let classes: HashSet<u8> = task.pool().iter().map(|&row| family.base.labels[row as usize]).collect();
            counts[classes.len().min(5)] += 1;
            classes.iter().for_each(|&c| in_play[usize::from(c)] += 1.0 / draws as f64);
            assert!(classes.iter().all(|&c| task.pair().relabelling[usize::from(c)] < 5));
            assert_eq!(task.known().chance_accuracy, Some(0.2));
        }
        assert_eq!(counts, [0, 0, 0, 0, 0, draws as u32]);
        // Deviation of a share of one half over 4,000 draws: 0.008.
        assert!(in_play.iter().all(|share| (share - 0.5).abs() < 0.035), "{in_play:?}");
    }

    #[test]
    fn parts_are_kept_apart() {
        let family = family(finite(4));
        let held_out: HashSet<u32> = family.base.held_out.iter().copied().collect();
        let mut training = family.batch(64);
        family.fill(0, &mut training);
        assert!(training.rows.iter().all(|row| !held_out.contains(row)));
        for kind in [Evaluation::Seen, Evaluation::Unseen] {
            let batch = family.evaluation(&kind, 64).unwrap();
            assert!(batch.rows.iter().all(|row| held_out.contains(row)));
            let pairs: Vec<Pair> = (0..4).map(|k| family.frozen(k)).collect();
            let of_frozen = |b: usize| pairs.iter().any(|pair| made_with(&family, pair, &batch, b * 32));
            assert_eq!(
                (0..64).filter(|&b| of_frozen(b)).count(),
                if matches!(kind, Evaluation::Seen) { 64 } else { 0 }
            );
        }
    }

    #[test]
    fn evaluation_streams_are_never_training_streams() {
        let family = family(Config::default());
        let foreign = Shipped::ALL.map(|table| Evaluation::Foreign(Arc::new(table.base_set())));
        let kinds = [Evaluation::Seen, Evaluation::Unseen, Evaluation::RandomPairs].into_iter().chain(foreign);
        let mut seen = HashSet::new();
        for kind in kinds {
            assert!((0..2000).all(|b| seen.insert(family.evaluation_key(&kind, b).number())));
        }
        assert!((0..4096).all(|k| seen.insert(family.frozen_key(k).number())));
        assert!((0..700).all(|step| (0..128).all(|b| seen.insert(family.training_key(step, b).number()))));
    }

    #[test]
    fn bias_fixes_the_relabelling_of_a_share_and_the_control_the_projection_too() {
        for broken in [false, true] {
            let family = family(Config { bias: 0.75, bias_fixes_projection: broken, ..Config::default() });
            let mut batch = family.batch(32);
            family.fill(3, &mut batch);
            for b in 0..32 {
                let label =
                    |p: usize| family.fixed.relabelling[usize::from(family.base.labels[batch.rows[p] as usize])];
                let relabelled = batch.positions(b).all(|p| f32::from(label(p)) == batch.targets[p]);
                assert_eq!(relabelled, b < 24, "sequence {b}");
                assert_eq!(made_with(&family, &family.fixed, &batch, b * 32), broken && b < 24);
            }
        }
    }

    #[test]
    fn kinds_that_do_not_exist_are_none_and_random_pairs_mark_repeats() {
        let family = family(Config { classes: 2, ..Config::default() });
        assert!(family.evaluation(&Evaluation::Seen, 1).is_none());
        assert!(family.evaluation(&Evaluation::Foreign(Arc::new(Shipped::Wine.base_set())), 4).is_some());
        let batch = family.evaluation(&Evaluation::RandomPairs, 20).unwrap();
        for b in 0..20 {
            let rows = &batch.rows[batch.positions(b)];
            let repeats: Vec<bool> = (0..32).map(|t| rows[..t].contains(&rows[t])).collect();
            assert_eq!(batch.scored[batch.positions(b)], repeats);
            assert!(rows.iter().all(|&v| v < 8));
        }
    }

    #[test]
    fn a_base_set_without_a_part_is_refused() {
        let refused = Gpicl::new(finite(4), Arc::new(Shipped::Iris.base_set()), Key::new(0)).unwrap_err();
        let messages: Vec<String> = refused.0.iter().map(ToString::to_string).collect();
        assert_eq!(messages[0], "classes: expected 2 to 3, the classes of the base set, found 5");
        assert_eq!(
            messages[1],
            "base: expected every class in both parts, found no training row of class setosa in iris"
        );
    }
}
