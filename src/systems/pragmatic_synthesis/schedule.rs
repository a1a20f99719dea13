//! What a trial does, part by part: literal models, then every arm from their weights on.

use serde::{Deserialize, Serialize};

use super::players::Side;
use super::settings::Settings;
use crate::training::burst;

/// Targets of a call of `step` in self-play, exact listeners, and specifications that a listener is asked about.
pub(super) const GAMES: usize = 16;
pub(super) const EXACT: usize = 50;
pub(super) const ASKED: usize = 20;

/// How a listener came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Arm {
    /// As many more steps on random examples as the others have on chosen ones.
    LiteralPlus,
    /// Examples of the human stand-in.
    Human,
    /// Examples that self-play chose by RSA.
    Prax,
    /// Any of the same candidates.
    Shuffled,
}

impl Arm {
    /// All of them.
    pub(super) const ALL: [Arm; 4] = [Arm::LiteralPlus, Arm::Human, Arm::Prax, Arm::Shuffled];

    /// The name in texts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Arm::LiteralPlus => "LIT+",
            Arm::Human => "HFT",
            Arm::Prax => "PraX",
            Arm::Shuffled => "SHUF",
        }
    }

    /// The name of what it records: `KIND.lit`.
    pub(super) fn metric(self, kind: &str) -> String {
        let name = match self {
            Arm::LiteralPlus => "lit",
            Arm::Human => "hft",
            Arm::Prax => "prax",
            Arm::Shuffled => "shuf",
        };
        format!("{kind}.{name}")
    }
}

/// A part of a trial, one call of `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Training steps on random examples from a step up to another.
    Literal(Side, u64, u64),
    /// Exact listeners on test targets from here on.
    Exact(usize),
    /// A turn of targets of a round from here on.
    Play { arm: Arm, round: usize, turn: usize, from: usize },
    /// Training steps after a round.
    Tune { arm: Arm, round: usize, side: Side, from: u64, to: u64 },
    /// Validation targets from here on, after a round; none for the literal listener.
    Validate { after: Option<(Arm, usize)>, from: usize },
    /// Specifications of the test from here on.
    Examine { arm: Arm, from: usize },
}

/// Specifications of a test: of every target with each number of examples, and with random ones.
pub(super) const fn examined(settings: &Settings) -> usize {
    settings.test * (settings.examples + 1)
}

/// The parts, in order.
pub(super) fn schedule(settings: &Settings) -> Vec<Part> {
    let bursts = |side: Side, steps: u64| {
        let form = settings.forms()[side as usize];
        let each = burst(form.step_flop(form.longest.map(|length| length as f64)));
        (0..steps).step_by(each as usize).map(move |from| (from, (from + each).min(steps)))
    };
    let literal = |side: Side, steps: u64| bursts(side, steps).map(move |(from, to)| Part::Literal(side, from, to));
    let tune = |arm: Arm, round: usize, side: Side, steps: u64| {
        bursts(side, steps).map(move |(from, to)| Part::Tune { arm, round, side, from, to })
    };
    let validate = |after: Option<(Arm, usize)>| {
        (0..settings.validation).step_by(ASKED).map(move |from| Part::Validate { after, from })
    };
    let examine = |arm: Arm| (0..examined(settings)).step_by(ASKED).map(move |from| Part::Examine { arm, from });
    let play = |arm: Arm, round: usize| {
        let games = move |turn: usize| {
            (0..settings.play.targets).step_by(GAMES).map(move |from| Part::Play { arm, round, turn, from })
        };
        (0..settings.examples).flat_map(games)
    };
    let mut parts: Vec<Part> = literal(Side::Listener, settings.literal.listener_steps).collect();
    parts.extend(literal(Side::Speaker, settings.literal.speaker_steps));
    parts.extend(validate(None));
    parts.extend((0..settings.test).step_by(EXACT).map(Part::Exact));
    for arm in [Arm::LiteralPlus, Arm::Human] {
        parts.extend(tune(arm, 0, Side::Listener, settings.tuning.listener_steps));
        parts.extend(examine(arm));
    }
    for arm in [Arm::Prax, Arm::Shuffled] {
        for round in 0..settings.play.rounds {
            parts.extend(play(arm, round));
            parts.extend(tune(arm, round, Side::Listener, settings.tuning.listener_steps));
            // Nobody asks the last speaker.
            if round + 1 < settings.play.rounds {
                parts.extend(tune(arm, round, Side::Speaker, settings.tuning.speaker_steps));
            }
            parts.extend(validate(Some((arm, round))));
        }
        parts.extend(examine(arm));
    }
    parts
}
