//! A trained model as the instruments of the bias card see it: an example is a source with a target as far as it is
//! written, and the label is its next token.

use super::{BEGIN, END, PADDING, Pair, SequenceToSequence};
use crate::base::random::Key;
use crate::engine::Var;
use crate::instruments::subject::{Examples, Forward, Model, Objective, Subject};
use crate::nn::weights::Values;
use crate::nn::zoo::encoder_decoder::EncoderDecoder;
use rand::RngExt;

/// The model on rows of source and target side by side.
struct NextToken {
    model: EncoderDecoder,
    /// Tokens of a source, and of a target.
    tokens: [usize; 2],
}

impl Model for NextToken {
    fn forward<'g>(&self, values: &Values<'g>, inputs: Var<'g>) -> Forward<'g> {
        let [source, target] = self.tokens;
        let (sources, targets) = (inputs.slice(1, 0, source), inputs.slice(1, source, target));
        let logits = self.model.forward(values, sources, sources, targets);
        let rows = logits.shape()[0];
        // One where a token is real and the next is not.
        let real = targets.step();
        let nothing = inputs.graph().constant([rows, 1], vec![0.0; rows]);
        let last = real - inputs.graph().concat(1, &[real.slice(1, 1, target - 1), nothing]);
        let outputs = (logits * last.reshape([rows, target, 1])).sum_axes(&[1]);
        Forward { outputs, hidden: vec![("encoded".into(), self.model.encode(values, sources, sources))] }
    }
}

/// Examples of pairs, each cut at a random place: `[source | target so far]` and the next token.
pub fn next_tokens(pairs: &[Pair], tokens: [usize; 2], key: Key) -> Examples {
    let mut stream = key.stream();
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for pair in pairs {
        let place = stream.random_range(0..=pair.target.len());
        let source = pair.source.iter().copied().chain([END]);
        let written = [BEGIN].into_iter().chain(pair.target[..place].iter().copied());
        let padded = |row: Vec<u32>, most: usize| row.into_iter().chain(std::iter::repeat(PADDING)).take(most);
        inputs.extend(padded(source.collect(), tokens[0]).map(|token| token as f32));
        inputs.extend(padded(written.collect(), tokens[1]).map(|token| token as f32));
        labels.push(pair.target.get(place).copied().unwrap_or(END) as f32);
    }
    Examples::new(pairs.len(), inputs, labels)
}

impl SequenceToSequence {
    /// The trained model with pairs that it was trained on and pairs that it was not; what else is known is for the
    /// system to tell.
    pub fn subject(&self, [train, test]: [&[Pair]; 2], key: Key) -> Subject {
        let tokens = [self.form.longest[0] + 1, self.form.longest[1] + 1];
        let examples = [("seen", train), ("unseen", test)]
            .map(|(name, pairs)| next_tokens(pairs, tokens, key.purpose("card").purpose(name)));
        let model = NextToken { model: self.learner.model.clone(), tokens };
        self.learner.subject(model, Objective::CrossEntropy, examples, key)
    }
}
