//! A network with its weights and plans: one a number of nodes and steps to train, one a number of nodes to walk through
//! steps of any number.

use std::collections::BTreeMap;

use rand::RngExt;

use super::compiler::compile;
use super::network::{Given, INPUTS, Known, Network, NetworkShape, over_nodes, parts};
use crate::base::random::{Key, Stream};
use crate::base::threads::Pool;
use crate::contract::TrialError;
use crate::engine::{Shape, Var};
use crate::nn::optimiser::{Method, Moments, OptimiserSettings};
use crate::tasks::algorithms::{HintKind, Sample, Trace};
use crate::training::{Learner, Pass, Trained};

/// The longest gradient.
const CLIP: f32 = 1.0;
/// Pairs of nodes that are walked through at once.
const PAIRS: usize = 4096;

/// How nodes know their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    /// By sorted numbers in 0 to 1.
    Drawn,
    /// By whole numbers: compiled networks.
    Ranks,
}

/// A network with its weights and plans.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) learner: Learner<Network>,
    pub(super) shape: NetworkShape,
    pub(super) places: Places,
    /// By nodes and unrolled steps.
    training: BTreeMap<(usize, usize), Pass>,
    /// By nodes and graphs, and whether attention is given.
    stepping: BTreeMap<(usize, usize, bool), Pass>,
}

/// A graph with the states of its algorithm.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) sample: Sample,
    pub(super) trace: Trace,
}

/// Graphs of one size that are walked through together.
#[derive(Debug)]
pub(super) struct Walk {
    graphs: usize,
    nodes: usize,
    /// What a pass is given that does not change: nodes, edges, mask.
    given: [Vec<f32>; 3],
    sharpness: f32,
    state: Vec<f32>,
    hints: Vec<f32>,
    pointers: Vec<f32>,
}

/// What was said at one step of a walk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moment {
    /// `[graphs, nodes, width]`: probabilities, and numbers.
    pub(super) hints: Vec<f32>,
    /// `[graphs, nodes, nodes]`: probabilities.
    pub(super) pointers: Vec<f32>,
    /// Of every round, `[graphs, heads, nodes, nodes]`.
    pub(super) attention: Vec<Vec<f32>>,
}

impl Example {
    /// A graph of an algorithm.
    pub(super) fn draw(shape: NetworkShape, nodes: usize, stream: &mut Stream) -> Self {
        Example::of(shape, Sample::draw(shape.algorithm, nodes, stream))
    }

    /// Graphs of one size, each from a stream of its own below `key`.
    pub(super) fn some(shape: NetworkShape, nodes: usize, count: usize, key: Key) -> Vec<Self> {
        (0..count as u64).map(|i| Example::draw(shape, nodes, &mut key.index(i).stream())).collect()
    }

    pub(super) fn of(shape: NetworkShape, sample: Sample) -> Self {
        let trace = shape.algorithm.trace(&sample);
        Example { sample, trace }
    }
}

/// Graphs of one size in parts that are walked through together; all but the last have the same number.
pub(super) fn together(examples: &[Example]) -> impl Iterator<Item = &[Example]> {
    let pairs = examples.first().map_or(1, |example| example.sample.nodes.pow(2));
    examples.chunks((PAIRS / pairs).clamp(1, 64))
}

/// What the nodes of graphs are given, and what is known of them, side by side.
fn given(shape: NetworkShape, places: Places, examples: &[Example]) -> [Vec<f32>; 3] {
    let node = |sample: &Sample, i: usize| {
        let place = if places == Places::Ranks { i as f32 } else { sample.positions[i] };
        [place, f32::from(i == sample.source)]
    };
    let samples = || examples.iter().map(|example| &example.sample);
    [
        samples().flat_map(|sample| (0..sample.nodes).flat_map(move |i| node(sample, i))).collect(),
        samples().flat_map(|sample| sample.edges.iter().copied()).collect(),
        samples().flat_map(|sample| shape.mask(sample)).collect(),
    ]
}

impl Machine {
    /// A fresh network to be trained.
    pub(super) fn fresh(shape: NetworkShape, key: Key, pool: Pool) -> Self {
        let method = Method::Adam(Moments::default());
        let optimiser = OptimiserSettings { clip_norm: Some(CLIP), ..method.into() };
        Machine {
            learner: Learner::new(key.purpose("network"), pool, optimiser, move |b| Network::new(b, shape)),
            shape,
            places: Places::Drawn,
            training: BTreeMap::new(),
            stepping: BTreeMap::new(),
        }
    }

    /// A compiled network.
    pub(super) fn compiled(shape: NetworkShape, pool: Pool) -> Self {
        let mut machine = Machine::fresh(shape, Key::new(0), pool);
        compile(&mut machine.learner.store, shape);
        Machine { places: Places::Ranks, ..machine }
    }

    /// A training step on graphs of one size, unrolled as far as the longest of their traces goes.
    pub(super) fn train(
        &mut self,
        examples: &[Example],
        (forcing, stream): (f64, &mut Stream),
        temperature: f32,
        (step, learning_rate): (u64, f32),
    ) -> Result<Trained, TrialError> {
        let nodes = examples[0].sample.nodes;
        let steps = examples.iter().map(|example| example.trace.steps()).max().unwrap_or(1);
        let lesson = Lesson::new(self.shape, self.places, examples, steps, (forcing, stream));
        let (learner, shape) = (&mut self.learner, self.shape);
        let pass = self.training.entry((nodes, steps)).or_insert_with(|| {
            let named = Lesson::inputs(shape, examples.len(), nodes, steps);
            let inputs: Vec<(&str, Shape)> = named.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect();
            learner.training(&inputs, |network, values, given| (loss(network, values, given, steps), Vec::new()))
        });
        let values = [&lesson.given[0], &lesson.given[1], &lesson.given[2]];
        values.into_iter().enumerate().for_each(|(i, values)| pass.set(&mut learner.store, i, values));
        pass.set(&mut learner.store, 3, &[1.0 / temperature]);
        let taught = [&lesson.hints, &lesson.pointers, &lesson.forced, &lesson.weights];
        taught.into_iter().enumerate().for_each(|(i, values)| pass.set(&mut learner.store, 4 + i, values));
        learner.train(pass, step, learning_rate)
    }

    /// Graphs of one size before their first step.
    pub(super) fn begin(&self, examples: &[Example], temperature: f32) -> Walk {
        let (graphs, nodes) = (examples.len(), examples[0].sample.nodes);
        let first = |example: &Example| example.trace.at(0).clone();
        let one_hot = |pointers: Vec<usize>| {
            pointers.into_iter().flat_map(move |pointer| (0..nodes).map(move |j| f32::from(j == pointer)))
        };
        Walk {
            graphs,
            nodes,
            given: given(self.shape, self.places, examples),
            sharpness: 1.0 / temperature,
            state: vec![0.0; graphs * nodes * self.shape.hidden],
            hints: examples.iter().flat_map(|example| first(example).hints).collect(),
            pointers: examples.iter().flat_map(|example| one_hot(first(example).pointers)).collect(),
        }
    }

    /// One step of all graphs of a walk, on what was said before. With `forced`, attention of every round is given.
    pub(super) fn advance(&mut self, walk: &mut Walk, forced: Option<&[Vec<f32>]>) -> Moment {
        let (graphs, nodes, shape) = (walk.graphs, walk.nodes, self.shape);
        let learner = &mut self.learner;
        let pass = self.stepping.entry((nodes, graphs, forced.is_some())).or_insert_with(|| {
            let named = stepped(shape, graphs, nodes, forced.is_some());
            let inputs: Vec<(&str, Shape)> = named.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect();
            learner.pass(&inputs, |network, values, given| {
                let [nodes, edges, mask, sharpness, state, hints, pointers, forced @ ..] = given else {
                    unreachable!("a step is given seven things")
                };
                let forced = Some(forced).filter(|forced| !forced.is_empty());
                let given = Given { nodes: *nodes, edges: *edges, mask: *mask, sharpness: *sharpness };
                let known = Known { hints: *hints, pointers: *pointers };
                let said = network.step(values, &given, &known, *state, forced);
                let known = network.known(&said);
                [vec![said.state, known.hints, known.pointers], said.attention].concat()
            })
        });
        let store = &mut learner.store;
        walk.given.iter().enumerate().for_each(|(i, values)| pass.set(store, i, values));
        pass.set(store, 3, &[walk.sharpness]);
        [&walk.state, &walk.hints, &walk.pointers].into_iter().enumerate().for_each(|(i, v)| pass.set(store, 4 + i, v));
        forced.into_iter().flatten().enumerate().for_each(|(round, values)| pass.set(store, 7 + round, values));
        pass.run(store);
        pass.output_into(store, 0, &mut walk.state);
        pass.output_into(store, 1, &mut walk.hints);
        pass.output_into(store, 2, &mut walk.pointers);
        let attention = (0..shape.rounds()).map(|round| pass.output(store, 3 + round)).collect();
        Moment { hints: walk.hints.clone(), pointers: walk.pointers.clone(), attention }
    }
}

/// Names and shapes of what a step is given.
fn stepped(shape: NetworkShape, graphs: usize, nodes: usize, forced: bool) -> Vec<(String, Shape)> {
    let mask = Shape::from([graphs, shape.heads(), nodes, nodes]);
    let mut all = vec![
        ("nodes".to_owned(), Shape::from([graphs, nodes, INPUTS])),
        ("edges".into(), [graphs, nodes, nodes].into()),
        ("mask".into(), mask.clone()),
        ("sharpness".into(), [1].into()),
        ("state".into(), [graphs, nodes, shape.hidden].into()),
        ("hints".into(), [graphs, nodes, shape.algorithm.hint_width()].into()),
        ("pointers".into(), [graphs, nodes, nodes].into()),
    ];
    all.extend((0..shape.rounds()).filter(|_| forced).map(|round| (format!("forced.{round}"), mask.clone())));
    all.into_iter().map(|(name, shape)| (format!("step.{name}.{graphs}.{nodes}"), shape)).collect()
}

/// What a training pass is given.
struct Lesson {
    given: [Vec<f32>; 3],
    /// True hints before every step and behind the last, `[steps + 1, graphs, nodes, width]`.
    hints: Vec<f32>,
    /// True pointers, `[steps + 1, graphs, nodes]`.
    pointers: Vec<f32>,
    /// Whether a graph's hints before a step are the true ones, `[steps, graphs]`.
    forced: Vec<f32>,
    /// How much a step of a graph counts: as a hint, and as the answer, `[2, steps, graphs]`.
    weights: Vec<f32>,
}

impl Lesson {
    fn new(
        shape: NetworkShape,
        places: Places,
        examples: &[Example],
        steps: usize,
        (forcing, stream): (f64, &mut Stream),
    ) -> Self {
        let graphs = examples.len();
        let states = || (0..=steps).flat_map(|step| examples.iter().map(move |example| example.trace.at(step)));
        let own: Vec<usize> = examples.iter().map(|example| example.trace.steps()).collect();
        let counted = own.iter().sum::<usize>() as f32;
        let over = |weight: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
            (0..steps).flat_map(|step| own.iter().map(move |own| weight(step, *own))).collect()
        };
        let hint = over(&|step, own| if step < own { 1.0 / counted } else { 0.0 });
        let answer = over(&|step, own| if step + 1 == own { 1.0 / graphs as f32 } else { 0.0 });
        Lesson {
            given: given(shape, places, examples),
            hints: states().flat_map(|state| state.hints.iter().copied()).collect(),
            pointers: states().flat_map(|state| state.pointers.iter().map(|pointer| *pointer as f32)).collect(),
            // Before the first step the true state is all that there is.
            forced: (0..steps * graphs).map(|at| f32::from(stream.random_bool(forcing) || at < graphs)).collect(),
            weights: [hint, answer].concat(),
        }
    }

    fn inputs(shape: NetworkShape, graphs: usize, nodes: usize, steps: usize) -> Vec<(String, Shape)> {
        let width = shape.algorithm.hint_width();
        let all = [
            ("nodes", Shape::from([graphs, nodes, INPUTS])),
            ("edges", [graphs, nodes, nodes].into()),
            ("mask", [graphs, shape.heads(), nodes, nodes].into()),
            ("sharpness", [1].into()),
            ("hints", [steps + 1, graphs, nodes, width].into()),
            ("pointers", [steps + 1, graphs, nodes].into()),
            ("forced", [steps, graphs].into()),
            ("weights", [2 * steps, graphs].into()),
        ];
        all.into_iter().map(|(name, shape)| (format!("lesson.{name}.{nodes}.{steps}"), shape)).collect()
    }
}

/// Hint losses of every step and the loss of the answer: each the mean over what it is asked of, all added.
fn loss<'g>(network: &Network, values: &crate::nn::weights::Values<'g>, given: &[Var<'g>], steps: usize) -> Var<'g> {
    let [nodes, edges, mask, sharpness, hints, pointers, forced, weights] = given else {
        unreachable!("a lesson has eight parts")
    };
    let given = Given { nodes: *nodes, edges: *edges, mask: *mask, sharpness: *sharpness };
    let shape = hints.shape();
    let (graphs, count, width) = (shape[1], shape[2], shape[3]);
    let truth = |step: usize| {
        let classes = pointers.slice(0, step, 1).reshape([graphs, count]);
        (hints.slice(0, step, 1).reshape([graphs, count, width]), classes)
    };
    let at = |x: &Var<'g>, row: usize| x.slice(0, row, 1).reshape([graphs]);
    let mut state = network.nothing(&given);
    let mut said: Option<Known<'g>> = None;
    let mut total: Option<Var<'g>> = None;
    for step in 0..steps {
        let (true_hints, classes) = truth(step);
        let true_pointers = classes.one_hot(count);
        let known = match said {
            None => Known { hints: true_hints, pointers: true_pointers },
            Some(said) => {
                let by = at(forced, step).reshape([graphs, 1, 1]);
                let mix = |said: Var<'g>, truth: Var<'g>| said + (truth - said) * by;
                Known { hints: mix(said.hints, true_hints), pointers: mix(said.pointers, true_pointers) }
            }
        };
        let now = network.step(values, &given, &known, state, None);
        state = now.state;
        let (hints, classes) = truth(step + 1);
        let hint_weight = at(weights, step);
        let of_hints = (hint_loss(network, now.hints, hints) * hint_weight).sum();
        let pointer_weight = (hint_weight + at(weights, steps + step)) * (1.0 / count as f32);
        let of_pointers = (now.pointers.cross_entropy(classes).sum_axes(&[1]) * pointer_weight).sum();
        let here = of_hints + of_pointers;
        total = Some(total.map_or(here, |total| total + here));
        said = Some(network.known(&now));
    }
    total.expect("a trace has a step")
}

/// The loss of the hints of every graph, `[graphs]`: means over nodes, added over hints.
fn hint_loss<'g>(network: &Network, said: Var<'g>, truth: Var<'g>) -> Var<'g> {
    let kinds = || network.shape.algorithm.hints().iter().map(|hint| hint.kind);
    let count = said.shape()[1] as f32;
    let of = |((kind, x), (_, truth)): ((HintKind, Var<'g>), (HintKind, Var<'g>))| match kind {
        HintKind::Mask => x.binary_cross_entropy(truth).sum_axes(&[1, 2]) * (1.0 / count),
        HintKind::Scalar => (x - truth).square().sum_axes(&[1, 2]) * (1.0 / count),
        HintKind::MaskOne => -(over_nodes(x).log_softmax() * over_nodes(truth)).sum_axes(&[1]),
        HintKind::Category(_) => (x.log_softmax() * truth).sum_axes(&[1, 2]) * (-1.0 / count),
    };
    let all = parts(said, kinds()).into_iter().zip(parts(truth, kinds())).map(of).reduce(|a, b| a + b);
    all.expect("an algorithm has a hint")
}
