//! The decoder with its passes.

use super::settings::Domains;
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::engine::{Shape, Var};
use crate::instruments::subject::{Forward, Model, named};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::decoder::{Decoded, Decoder, DecoderReading};
use crate::tasks::modular_domains::{LENGTH, ModularDomains, Question};
use crate::training::{Learner, Pass};

/// Questions that are looked at at once.
pub(super) const CHUNK: usize = 512;

/// A decoder that answers behind the last token, with one of the numbers below p.
#[derive(Clone, Debug)]
pub(super) struct Answerer {
    decoder: Decoder,
    modulus: usize,
}

/// What stands behind the last token of each question, `[questions * LENGTH, width]` to `[questions, width]`.
fn at_the_end<'g>(x: Var<'g>) -> Var<'g> {
    let (questions, width) = (x.shape().rows() / LENGTH, x.shape().last_extent());
    x.reshape([questions, LENGTH, width]).slice(1, LENGTH - 1, 1).reshape([questions, width])
}

impl Answerer {
    fn new(b: &mut Builder<'_>, settings: &Domains) -> Self {
        Answerer { decoder: Decoder::new(b, &settings.shape()), modulus: settings.modulus }
    }

    /// Logits `[questions, p]` of the answers.
    fn answers<'g>(&self, read: &Decoded<'g>) -> Var<'g> {
        at_the_end(read.logits).slice(1, 0, self.modulus)
    }

    fn read<'g>(&self, values: &Values<'g>, tokens: Var<'g>) -> Decoded<'g> {
        self.decoder.read(values, tokens, &DecoderReading::default())
    }
}

/// For instruments a question is its tokens one-hot, `[LENGTH * vocabulary]`, so that it can be changed a little.
impl Model for Answerer {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let (questions, vocabulary) = (inputs.shape().rows(), inputs.shape().last_extent() / LENGTH);
        let weights = inputs.reshape([questions, LENGTH, vocabulary]);
        let read = self.decoder.read_mixed(values, weights, &DecoderReading::default());
        Forward { outputs: self.answers(&read), hidden: named(read.hidden.iter().map(|h| at_the_end(*h)).collect()) }
    }
}

/// The decoder with its passes.
pub(super) struct Trained {
    pub(super) learner: Learner<Answerer>,
    /// On a batch.
    pub(super) training: Pass,
    /// On [`CHUNK`] questions: cross-entropy and answer of each, then of every block probabilities and choice at the
    /// last token.
    pub(super) looking: Pass,
}

impl Trained {
    /// A fresh decoder.
    pub(super) fn new(settings: &Domains, key: Key, pool: Pool) -> Self {
        let (own, factor) = (settings.clone(), settings.load_factor);
        let mut learner = Learner::new(key, pool, settings.optimiser(), move |b| Answerer::new(b, &own));
        let batch = settings.batch;
        let given = [("tokens", Shape::from([batch, LENGTH])), ("answers", Shape::from([batch]))];
        let training = learner.training(&given, |model, values, given| {
            let read = model.read(values, given[0]);
            let loss = model.answers(&read).cross_entropy(given[1]).mean();
            let load = read.routes.iter().map(|block| block.load_loss).reduce(|a, b| a + b);
            (load.map_or(loss, |load| loss + load * factor), Vec::new())
        });
        let given = [("asked", Shape::from([CHUNK, LENGTH])), ("asked_answers", Shape::from([CHUNK]))];
        let looking = learner.pass(&given, |model, values, given| {
            let read = model.read(values, given[0]);
            let logits = model.answers(&read);
            let mut asked = vec![logits.cross_entropy(given[1]), logits.arg_max()];
            asked.extend(read.routes.iter().flat_map(|block| [block.probabilities, block.chosen].map(at_the_end)));
            asked
        });
        Trained { learner, training, looking }
    }

    /// Every output of the looking pass for all questions, row-major.
    pub(super) fn look(&mut self, questions: &[Question], modulus: usize, outputs: usize) -> Vec<Vec<f32>> {
        let Trained { learner, looking, .. } = self;
        let mut all = vec![Vec::new(); outputs];
        for part in questions.chunks(CHUNK) {
            // The last part is filled up with its first question; what that gives is dropped.
            let filled: Vec<Question> = part.iter().chain(std::iter::repeat(&part[0])).take(CHUNK).copied().collect();
            looking.set(&mut learner.store, 0, &tokens(&filled, modulus));
            looking.set(&mut learner.store, 1, &answers(&filled));
            looking.run(&mut learner.store);
            for (i, all) in all.iter_mut().enumerate() {
                let found = looking.output(&learner.store, i);
                all.extend_from_slice(&found[..found.len() / CHUNK * part.len()]);
            }
        }
        all
    }

    /// The weight of a block's router, `[width, experts]`.
    pub(super) fn router(&self, block: usize) -> &[f32] {
        let name = format!("layers.{block}.experts.router.weight");
        let slot = self.learner.store.find(&name).expect("every block has a router");
        self.learner.store.values(slot)
    }
}

/// `[questions, LENGTH]`.
pub(super) fn tokens(questions: &[Question], modulus: usize) -> Vec<f32> {
    questions.iter().flat_map(|question| question.tokens(modulus)).map(|token| token as f32).collect()
}

/// `[questions, LENGTH * vocabulary]`, one-hot.
pub(super) fn one_hot(questions: &[Question], modulus: usize) -> Vec<f32> {
    let vocabulary = ModularDomains::vocabulary(modulus);
    let mut rows = vec![0.0; questions.len() * LENGTH * vocabulary];
    let tokens = questions.iter().flat_map(|question| question.tokens(modulus));
    rows.chunks_mut(vocabulary).zip(tokens).for_each(|(row, token)| row[token] = 1.0);
    rows
}

pub(super) fn answers(questions: &[Question]) -> Vec<f32> {
    questions.iter().map(|question| question.answer as f32).collect()
}
