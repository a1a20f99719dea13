//! Exact listeners, as lines to compare with, and the soft speaker that stands in for a person.

use super::world::{Example, World};
use crate::base::random::Stream;
use crate::tasks::regexes::STRINGS;

/// Rationality of the stand-in. At 2 and below there is nothing to learn from it.
pub(super) const RATIONALITY: f64 = 8.0;

/// Names of the exact listeners.
pub(super) const NAMES: [&str; 3] = ["L0 uniform", "random-example posterior", "exact L1"];

/// What the stand-in says of a known program.
pub(super) fn stand_in(world: &World, program: usize, examples: usize, stream: &mut Stream) -> Vec<Example> {
    world.spoken(program, examples, RATIONALITY, stream)
}

/// The chance to name the target, of each exact listener after each example: the most believed programs are named with
/// equal chances.
pub(super) fn solved(world: &World, target: usize, examples: &[Example]) -> [Vec<f64>; 3] {
    let told = |count: usize| world.context(&examples[..count]);
    let uniform = (1..=examples.len()).map(|count| 1.0 / told(count).count() as f64).collect();
    let random = (1..=examples.len()).map(|count| named(&likelihoods(world, &examples[..count]), target)).collect();
    let said: Vec<usize> = examples.iter().map(|example| usize::from(example.0)).collect();
    let pragmatic = world.meanings.listener(&said, RATIONALITY).iter().map(|belief| named(belief, target)).collect();
    [uniform, random, pragmatic]
}

/// How likely random examples are under each program: the size principle.
fn likelihoods(world: &World, examples: &[Example]) -> Vec<f64> {
    let context = world.context(examples);
    let mut belief = vec![0.0; world.known.len()];
    for program in context.programs() {
        let matching = world.known.members()[program].count();
        let one = |example: &Example| 1.0 / if example.holds() { matching } else { STRINGS - matching } as f64;
        belief[program] = examples.iter().map(one).product();
    }
    belief
}

/// The chance that the target is named, of the most believed any.
fn named(belief: &[f64], target: usize) -> f64 {
    let most = belief.iter().copied().fold(0.0, f64::max);
    let near = |belief: f64| belief >= most * (1.0 - 1e-9);
    let ties = belief.iter().filter(|belief| near(**belief)).count();
    if most > 0.0 && near(belief[target]) { 1.0 / ties as f64 } else { 0.0 }
}
