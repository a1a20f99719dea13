//! Listener and speaker: two encoder-decoders with the literal weights that they come back to.

use rand::RngExt;

use super::codec;
use super::settings::Settings;
use super::world::{Example, World, random};
use crate::base::random::{Key, Stream};
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::nn::optimiser::{Method, Moments, OptimiserSettings};
use crate::tasks::regexes::{Language, Members, Program};
use crate::training::sequence_to_sequence::{Pair, Sample, Sampling, SequenceToSequence};

/// Who of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Listener,
    Speaker,
}

/// A program that a listener named.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) program: Program,
    pub(super) members: Members,
    pub(super) log_probability: f64,
}

/// A target with what was said of it.
pub(super) type Spoken = (usize, Vec<Example>);

/// Both models.
pub(super) struct Players {
    models: [SequenceToSequence; 2],
    /// Weights after learning from random examples; none before.
    literal: [Vec<Vec<f32>>; 2],
}

impl Side {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Side::Listener => "listener",
            Side::Speaker => "speaker",
        }
    }
}

impl Players {
    pub(super) fn new(settings: &Settings, key: Key, pool: &Pool) -> Self {
        let adam = OptimiserSettings { clip_norm: Some(1.0), ..Method::Adam(Moments::default()).into() };
        let [listener, speaker] = settings.forms();
        let model = |side: Side, form| SequenceToSequence::new(key.purpose(side.name()), pool.clone(), adam, form);
        Players {
            models: [model(Side::Listener, &listener), model(Side::Speaker, &speaker)],
            literal: [Vec::new(), Vec::new()],
        }
    }

    pub(super) const fn model(&mut self, side: Side) -> &mut SequenceToSequence {
        &mut self.models[side as usize]
    }

    /// What a model has learned now is its literal self.
    pub(super) fn keep_literal(&mut self, side: Side) {
        self.literal[side as usize] = self.models[side as usize].learner.weight_values();
    }

    /// A model goes back to its literal weights, and its optimiser forgets.
    pub(super) fn back_to_literal(&mut self, side: Side) {
        let learner = &mut self.models[side as usize].learner;
        learner.set_weight_values(&self.literal[side as usize]);
        learner.reset_optimiser();
    }

    /// Samples of a model as it is now and of its literal self, for each source.
    fn both(&mut self, side: Side, sources: &[Vec<u32>], keys: &[Key], sampling: &Sampling) -> Vec<Vec<Sample>> {
        let views: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
        let keyed = |who: &str| keys.iter().map(|key| key.purpose(side.name()).purpose(who)).collect::<Vec<Key>>();
        let model = &mut self.models[side as usize];
        let now = model.sample(&views, &keyed("now"), sampling);
        let weights = model.learner.weight_values();
        model.learner.set_weight_values(&self.literal[side as usize]);
        let literal = model.sample(&views, &keyed("literal"), sampling);
        model.learner.set_weight_values(&weights);
        now.into_iter().zip(literal).map(|(now, literal)| [now, literal].concat()).collect()
    }

    /// Programs that both listeners name after each list of examples and that agree with it, each behaviour once.
    pub(super) fn hypotheses(&mut self, said: &[&[Example]], keys: &[Key], sampling: &Sampling) -> Vec<Vec<Named>> {
        let sources: Vec<Vec<u32>> = said.iter().map(|said| codec::heard(said)).collect();
        let samples = self.both(Side::Listener, &sources, keys, sampling);
        let distinct = |(samples, said): (Vec<Sample>, &&[Example])| {
            let mut found: Vec<Named> = Vec::new();
            for named in samples.iter().filter_map(|sample| named(sample, said)) {
                if found.iter().all(|before| before.members != named.members) {
                    found.push(named);
                }
            }
            found
        };
        samples.into_iter().zip(said).map(distinct).collect()
    }

    /// Examples that both speakers would say next of each program, true ones alone, each once, in the order drawn.
    pub(super) fn candidates(
        &mut self,
        asked: &[(&Program, &Members, &[Example])],
        keys: &[Key],
        sampling: &Sampling,
    ) -> Vec<Vec<Example>> {
        let sources: Vec<Vec<u32>> = asked.iter().map(|(program, _, said)| codec::asked(program, said)).collect();
        let samples = self.both(Side::Speaker, &sources, keys, sampling);
        let distinct = |(samples, (_, members, _)): (Vec<Sample>, &(&Program, &Members, &[Example]))| {
            let mut found: Vec<Example> = Vec::new();
            for example in samples.iter().filter_map(|sample| codec::read_example(&sample.tokens)) {
                if example.fits(members) && !found.contains(&example) {
                    found.push(example);
                }
            }
            found
        };
        samples.into_iter().zip(asked).map(distinct).collect()
    }

    /// What the listener answers to each specification: of the programs that it names the likeliest that agrees.
    pub(super) fn answers(&mut self, specs: &[&[Example]], keys: &[Key], sampling: &Sampling) -> Vec<Option<Named>> {
        let sources: Vec<Vec<u32>> = specs.iter().map(|spec| codec::heard(spec)).collect();
        let views: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
        let samples = self.models[Side::Listener as usize].sample(&views, keys, sampling);
        samples.iter().zip(specs).map(|(samples, spec)| likeliest(samples, spec)).collect()
    }

    /// Names both models and their literal selves to a checkpoint.
    pub(super) fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        for side in [Side::Listener, Side::Speaker] {
            let mut archive = archive.under(&format!("{}.", side.name()));
            self.models[side as usize].keep(&mut archive)?;
            archive.lists("literal", &mut self.literal[side as usize]);
        }
        Ok(())
    }
}

/// The program of a sample, if it is one, matches something and agrees with what was said.
fn named(sample: &Sample, said: &[Example]) -> Option<Named> {
    let program = codec::read_program(&sample.tokens)?;
    let members = program.members();
    let agrees = members.count() > 0 && said.iter().all(|example| example.fits(&members));
    agrees.then_some(Named { program, members, log_probability: sample.log_probability })
}

/// Of equally likely ones the first.
fn likeliest(samples: &[Sample], spec: &[Example]) -> Option<Named> {
    let mut best: Option<Named> = None;
    for named in samples.iter().filter_map(|sample| named(sample, spec)) {
        if best.as_ref().is_none_or(|best| named.log_probability > best.log_probability) {
            best = Some(named);
        }
    }
    best
}

/// How many lengths of what a model reads there are, which take turns from step to step: a batch whose pairs are of one
/// length has little padding.
pub(super) const fn lengths(side: Side, examples: usize) -> usize {
    match side {
        Side::Listener => examples + 1,
        Side::Speaker => examples,
    }
}

/// A pair of random examples of any program, after so many that were read.
pub(super) fn literal_pair(all: &Language, side: Side, read: usize, stream: &mut Stream) -> Pair {
    let program = stream.random_range(0..all.len() as u32) as usize;
    let (of, members) = (&all.programs()[program], &all.members()[program]);
    match side {
        Side::Listener => codec::listening(&random(members, read, stream), of),
        Side::Speaker => {
            let said = random(members, read + 1, stream);
            codec::speaking(of, &said[..read], said[read])
        }
    }
}

/// The pairs of chosen examples, by the number of the specification and what of it is read. The speaker's stop one
/// short of the last example, as in the released code.
pub(super) fn chosen(specs: &[Spoken], side: Side) -> Vec<(usize, usize)> {
    let of = |(number, (_, said)): (usize, &Spoken)| {
        let counts = match side {
            Side::Listener => 1..said.len() + 1,
            Side::Speaker => 0..said.len().saturating_sub(1),
        };
        counts.map(move |count| (number, count))
    };
    specs.iter().enumerate().flat_map(of).collect()
}

/// The batch of a step, half of it chosen examples where there are some, the rest random ones.
pub(super) fn batch(
    world: &World,
    settings: &Settings,
    (specs, side): (&[Spoken], Side),
    chosen: &[(usize, usize)],
    (step, key): (u64, Key),
) -> Vec<Pair> {
    let stream = &mut key.index(step).stream();
    let size = settings.literal.batch;
    let pick = |below: usize, stream: &mut Stream| stream.random_range(0..below as u32) as usize;
    let mut pairs = Vec::with_capacity(size);
    if !chosen.is_empty() {
        let read = chosen[pick(chosen.len(), stream)].1;
        let alike: Vec<usize> = chosen.iter().filter(|(_, count)| *count == read).map(|(number, _)| *number).collect();
        for _ in 0..size / 2 {
            let (target, said) = &specs[alike[pick(alike.len(), stream)]];
            let of = &world.known.programs()[*target];
            pairs.push(match side {
                Side::Listener => codec::listening(&said[..read], of),
                Side::Speaker => codec::speaking(of, &said[..read], said[read]),
            });
        }
    }
    let read = step as usize % lengths(side, settings.examples);
    pairs.extend((pairs.len()..size).map(|_| literal_pair(&world.all, side, read, stream)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_that_agrees_is_the_answer() {
        let sample = |text: &str, log_probability: f64| {
            let pair = codec::listening(&[], &Program::parse(text).unwrap());
            Sample { tokens: pair.target, log_probability }
        };
        let spec = [Example::new(0, true), Example::new(1, false)];
        let samples = [sample("[a-z]", -0.1), sample("a?", -2.0), sample("a", -1.0), sample("a{1,2}", -1.5)];
        assert_eq!(likeliest(&samples, &spec).unwrap().program.to_string(), "a");
        assert_eq!(likeliest(&samples[..1], &spec), None);
    }

    #[test]
    fn pairs_of_a_specification_are_its_prefixes() {
        let said = vec![Example::new(0, true), Example::new(1, false), Example::new(6, false)];
        let specs = [(3, said), (5, Vec::new())];
        assert_eq!(chosen(&specs, Side::Listener), [(0, 1), (0, 2), (0, 3)]);
        assert_eq!(chosen(&specs, Side::Speaker), [(0, 0), (0, 1)]);
    }
}
