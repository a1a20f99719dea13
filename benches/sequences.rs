//! Sequence-to-sequence training on SCAN as the systems do it: the Transformer of `neural-symbolic/quick` (width 64,
//! 4 heads, 2 + 2 layers, 128 hidden units) over 16 batches of 64 commands of the simple split, sorted by length, with
//! Adam and a clipped gradient.
//!
//! `cargo bench --bench sequences -- FILE [THREADS]` writes first weights and batches into FILE, which
//! `python benches/sequences.py torch|jax FILE [THREADS]` reads: the same work, so the same losses.

use std::collections::BTreeMap;
use std::path::Path;

use ansatz::base::random::Key;
use ansatz::base::threads::Pool;
use ansatz::engine::{Shape, Store};
use ansatz::nn::optimiser::{Method, Moments, OptimiserSettings};
use ansatz::tasks::scan::{Split, split};
use ansatz::training::sequence_to_sequence::{
    BEGIN, END, Form, PADDING, Pair, Pools, SequenceToSequence, TransformerSettings, Vocabulary,
};
use ansatz::workloads::{pin, time};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const NETWORK: TransformerSettings =
    TransformerSettings { width: 64, heads: 4, encoder_layers: 2, decoder_layers: 2, hidden: 128 };
const BATCH: usize = 64;
/// Batches of a round, sorted by length together.
const BATCHES: usize = 16;
const LEARNING_RATE: f32 = 1e-3;

fn main() {
    // `cargo test` and `cargo bench` add an option of their own.
    let mut given = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let Some(file) = given.next() else {
        println!("say a file for weights and batches: cargo bench --bench sequences -- FILE [THREADS]");
        return;
    };
    let threads = given.next().map_or(1, |threads| threads.parse().expect("THREADS is a number"));
    pin(threads);
    let (form, batches) = data();
    let adam = OptimiserSettings {
        clip_norm: Some(1.0),
        ..Method::Adam(Moments { beta2: 0.98, ..Moments::default() }).into()
    };
    let mut model = SequenceToSequence::new(Key::new(1), Pool::new(threads), adam, &form);
    write(Path::new(&file), &model.learner.store, &batches);
    let rows: Vec<Vec<&Pair>> = batches.iter().map(|batch| batch.iter().collect()).collect();
    let mut step = 0;
    let mut round = || -> Vec<f32> {
        let train = |rows: &Vec<&Pair>| {
            let trained = model.train(rows, step, LEARNING_RATE).expect("the loss is finite");
            step += 1;
            trained.loss
        };
        rows.iter().map(train).collect()
    };
    let losses = round();
    let timing = time(threads, 2.5, || drop(round()));
    let (first, last) = (losses[0], losses[BATCHES - 1]);
    let (median, best) = (timing.median_ms / BATCHES as f64, timing.best_ms / BATCHES as f64);
    println!(
        r#"{{"workload": "sequences", "engine": "ansatz", "threads": {threads}, "median_ms": {median:.3}, "best_ms": {best:.3}, "first_loss": {first:.5}, "loss": {last:.4}}}"#
    );
}

/// The form of the model, and the batches of a round.
fn data() -> (Form, Vec<Vec<Pair>>) {
    let (examples, _) = split(Split::Simple, 1);
    let words = Vocabulary::new(examples.iter().flat_map(|example| &example.command));
    let actions = Vocabulary::new(examples.iter().flat_map(|example| &example.actions));
    let pairs: Vec<Pair> = examples
        .iter()
        .map(|example| Pair {
            source: words.encode(&example.command).expect("every word is known"),
            target: actions.encode(&example.actions).expect("every action is known"),
        })
        .collect();
    let longest = |of: fn(&Pair) -> usize| pairs.iter().map(of).max().unwrap_or(1);
    let form = Form {
        network: NETWORK,
        vocabularies: [words.size(), actions.size()],
        longest: [longest(|pair| pair.source.len()), longest(|pair| pair.target.len())],
        batch: BATCH,
    };
    let lengths = pairs.iter().map(|pair| pair.target.len() as u16).collect();
    let mut pools = Pools::new(lengths, BATCH, BATCHES, Key::new(1).purpose("batches"));
    let mut batch = |step| pools.batch(step).iter().map(|at| pairs[*at as usize].clone()).collect();
    let batches = (0..BATCHES as u64).map(&mut batch).collect();
    (form, batches)
}

/// First weights by name, and of every batch sources with their ends, targets with their beginnings, and answers with
/// their ends, each as wide as the longest of the batch.
fn write(file: &Path, store: &Store, batches: &[Vec<Pair>]) {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    for slot in store.slots() {
        let (name, shape): (&str, &Shape) = (store.name(slot), store.shape(slot));
        if name.starts_with("encoder.") || name.starts_with("decoder.") {
            tensors.insert(name.to_owned(), (shape.to_vec(), bytes(store.values(slot))));
        }
    }
    for (i, batch) in batches.iter().enumerate() {
        let mut add = |name: &str, rows: Vec<Vec<u32>>| {
            let width = rows.iter().map(Vec::len).max().unwrap_or(0);
            let padded = |row: &Vec<u32>| {
                (0..width).map(|at| row.get(at).map_or(PADDING as f32, |token| *token as f32)).collect()
            };
            let values: Vec<Vec<f32>> = rows.iter().map(padded).collect();
            tensors.insert(format!("batch.{i:02}.{name}"), (vec![rows.len(), width], bytes(&values.concat())));
        };
        add("source", batch.iter().map(|pair| [&pair.source[..], &[END]].concat()).collect());
        add("target", batch.iter().map(|pair| [&[BEGIN], &pair.target[..]].concat()).collect());
        add("answers", batch.iter().map(|pair| [&pair.target[..], &[END]].concat()).collect());
    }
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a shape fits its numbers"))
    });
    safetensors::serialize_to_file(views, None, file).expect("FILE can be written");
}
