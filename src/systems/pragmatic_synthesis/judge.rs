//! The judge: what must be shown, thresholds fixed here and nowhere else.

use super::schedule::Arm;
use super::settings::Settings;
use crate::base::random::Key;
use crate::contract::{Check, Evidence, Outcome, Recorded, Verdict};
use crate::instruments::statistics::{Bootstrap, mean};
use crate::training::{Measured, Ruling, hold, verdict};

/// Least gain of PraX over LIT+, and least gain that is something.
const GAIN: f64 = 0.08;
const SOME: f64 = 0.03;
/// Most that PraX may be behind HFT.
const BEHIND: f64 = 0.05;
/// Most lower end of what SHUF has over LIT+, whose value must be below half of PraX's gain.
const SHUFFLED: f64 = 0.04;
/// Most gain of PraX on random examples.
const RANDOM: f64 = 0.03;
/// Most that LIT+ may be below the exact L0: further below, the literal model was not trained.
const UNTRAINED: f64 = 0.10;
/// Resamples of the bootstrap.
const DRAWS: usize = 10_000;

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "G (gain) s@5(PraX) - s@5(LIT+) >= 0.08, 95 % interval above 0; paired bootstrap over targets and seeds, 10,000 draws",
    "H (human stand-in) s@5(PraX) >= s@5(HFT) - 0.05",
    "S (choice) SHUF - LIT+ below half of PraX - LIT+, its lower end <= 0.04",
    "control: on random examples PraX has no more than 0.03 over LIT+",
    "reproduced: all of them; partly: PraX - LIT+ >= 0.03 with interval above 0, and the control; else not reproduced",
    "undecided: LIT+ more than 0.10 below the exact L0 on the same examples, or a run that did not end",
];

const HEADLINE: &str = "s@5 of PraX - s@5 of LIT+";
const HEADLINE_THRESHOLD: &str = ">= 0.08, interval above 0";

/// The verdict on everything that was recorded.
pub(super) fn judge(evidence: &Evidence<'_, Settings>, key: Key) -> Verdict {
    let arms = |kind: &str| Arm::ALL.map(|arm| arm.metric(kind));
    let wanted = [arms("s5"), arms("random"), arms("first")].concat();
    let rows = evidence.rows(|name| wanted.iter().any(|wanted| wanted == name));
    verdict(HEADLINE, HEADLINE_THRESHOLD, rows, rule(evidence, key))
}

/// Which targets an arm answers rightly, seed by seed.
pub(super) fn right<'e>(all: &Recorded<'e, Settings>, arm: Arm, kind: &str) -> Vec<&'e [f64]> {
    all.groups(&arm.metric(kind))
}

/// What one arm has over another on every target, seed by seed: the pairs of a paired bootstrap. Empty unless all
/// seeds have both.
pub(super) fn gains(ours: &[&[f64]], theirs: &[&[f64]]) -> Vec<Vec<f64>> {
    let paired = ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| a.len() == b.len());
    let gain = |(ours, theirs): (&&[f64], &&[f64])| ours.iter().zip(*theirs).map(|(a, b)| a - b).collect();
    if paired { ours.iter().zip(theirs).map(gain).collect() } else { Vec::new() }
}

fn rule(evidence: &Evidence<'_, Settings>, key: Key) -> Result<Ruling, String> {
    if let Some(why) = evidence.open() {
        return Err(why);
    }
    let all = evidence.all().next().ok_or("the preset has no condition")?;
    let [literal, human, prax, shuffled] = Arm::ALL.map(|arm| all.last(&arm.metric("s5")));
    let (Some(literal), Some(human), Some(prax), Some(shuffled), Some(exact)) =
        (literal, human, prax, shuffled, mean(&all.values("exact.l0.judged")))
    else {
        return Err("an arm was not tested".into());
    };
    if literal < exact - UNTRAINED {
        return Err(format!(
            "LIT+ solves {literal:.3}, more than {UNTRAINED} below the {exact:.3} of the exact L0 on the same examples"
        ));
    }
    let bootstrap = Bootstrap { draws: DRAWS, ..Bootstrap::new(key) };
    let gain =
        |arm: Arm, kind: &str| bootstrap.mean(&gains(&right(&all, arm, kind), &right(&all, Arm::LiteralPlus, kind)));
    let gained = gain(Arm::Prax, "right");
    let headline = Measured::new("G", "examples of self-play teach the convention", HEADLINE, gained.clone())
        .holds(HEADLINE_THRESHOLD, |e| e.value >= GAIN && e.low > 0.0);
    let behind = Measured::number(
        "H",
        "as much as the stand-in's own examples teach",
        "s@5 of PraX - s@5 of HFT",
        Some(prax - human),
    )
    .holds(format!(">= -{BEHIND}"), |e| e.value >= -BEHIND);
    let half = gained.as_ref().map_or(f64::NEG_INFINITY, |gained| gained.value / 2.0);
    let choice = Measured::new(
        "S",
        "any examples of self-play do not",
        "s@5 of SHUF - s@5 of LIT+",
        gain(Arm::Shuffled, "right"),
    )
    .holds(format!("below half of PraX's gain, lower end <= {SHUFFLED}"), |e| e.value < half && e.low <= SHUFFLED);
    let control = Measured::new(
        "R",
        "it is a convention, not more skill",
        "PraX - LIT+ on random examples",
        gain(Arm::Prax, "right_random"),
    )
    .holds(format!("<= {RANDOM}"), |e| e.value <= RANDOM);
    let some = gained.is_some_and(|gained| gained.value >= SOME && gained.low > 0.0);
    let (checks, controls): (Vec<Check>, Vec<Check>) = (vec![headline, behind, choice], vec![control]);
    let outcome = match (hold(&controls), hold(&checks), some) {
        (true, true, _) => Outcome::Reproduced,
        (true, false, true) => Outcome::Partly,
        _ => Outcome::NotReproduced,
    };
    let first = |arm: Arm| all.last(&arm.metric("first")).unwrap_or(f64::NAN);
    let told = format!(
        "with five chosen examples PraX solves {prax:.3}, LIT+ {literal:.3}, HFT {human:.3}, SHUF {shuffled:.3}; first \
         success after {:.2} examples with PraX, {:.2} with LIT+",
        first(Arm::Prax),
        first(Arm::LiteralPlus)
    );
    Ok(Ruling { outcome, told, checks, controls })
}
