//! The judge: what must be shown, thresholds fixed here and nowhere else.

use super::leads;
use super::settings::Condition;
use crate::base::random::Key;
use crate::contract::{Check, Evidence, Outcome, Recorded, SeedRow, TrialResult, Verdict};
use crate::instruments::statistics::sample::sample_quantile;
use crate::instruments::statistics::{Bootstrap, Estimate, mean, partial_spearman, running_mean, spearman};
use crate::training::{Measured, Ruling, hold, verdict};

/// Accuracy on the training pairs that counts as memorised, and the step by which it must be reached.
const MEMORISED: (f64, u64) = (0.99, 1000);
/// Least accuracy on held-out pairs at the end, and the one that counts as generalising.
const GENERALISED: (f64, f64) = (0.7, 0.5);
/// The lag must be so many times the step of memorisation.
const LAG: f64 = 3.0;
/// Share of the seeds that must grok.
const GROKKED: f64 = 4.0 / 6.0;
/// Looks that are averaged before anything is ranked, and at both ends of the window.
const SMOOTHED: usize = 3;
/// Most correlation of test accuracy with D; with the same-answer ratio; least with the same-difference ratio.
const DISTANCE: f64 = -0.5;
const SAME_ANSWER: f64 = -0.4;
const SAME_DIFFERENCE: f64 = -0.2;
/// Least correlation with C.
const CONSISTENCY: f64 = 0.4;
/// Most correlation with D that is left when load is held.
const GIVEN_LOAD: f64 = -0.2;
/// Controls: most test accuracy without decay; most of the main fall of D; how far the same-answer ratio may move.
const NO_DECAY: (f64, f64, f64) = (0.1, 0.5, 0.02);

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "gate: in two thirds of the seeds train >= 0.99 by step 1000, test >= 0.7 at the end, and a lag of 3 times the memorisation step; else undecided",
    "(1) rank correlation of test accuracy with D, from memorisation on: median over seeds <= -0.5",
    "(2) with same answer / all <= -0.4, with same difference / all > -0.2, and their difference above 0 with its interval",
    "(3) with C >= 0.4",
    "(4) with the training loss weaker than with D, paired, with its interval",
    "load null: what is left of (1) when load is held <= -0.2; reproduced does not need it, (1) alone is partly only with it",
    "controls: without decay test < 0.1, D falls less than half as far, same answer / all moves by less than 0.02; with shuffled labels it does not fall by 0.02",
    "reproduced: (1) to (4) and controls; partly: (2) with controls, or (1) with the load null; not reproduced: the gate holds and neither is so, also where load explains (1)",
];

const HEADLINE: &str = "rank correlation of test accuracy with D, median over seeds";

/// What the looks of a seed say, from memorisation to the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Followed {
    /// First step at which the training pairs are memorised.
    pub(super) memorised: Option<u64>,
    /// First step at which it generalises.
    pub(super) generalised: Option<u64>,
    /// Accuracy on held-out pairs, mean of the last looks.
    pub(super) final_test: Option<f64>,
    /// Rank correlations with test accuracy.
    pub(super) with_distance: Option<f64>,
    pub(super) with_same_answer: Option<f64>,
    pub(super) with_same_difference: Option<f64>,
    pub(super) with_consistency: Option<f64>,
    pub(super) with_loss: Option<f64>,
    /// The first of them with load held.
    pub(super) distance_given_load: Option<f64>,
    /// By how much D fell, and how the same-answer ratio changed.
    pub(super) drop_of_distance: Option<f64>,
    pub(super) change_of_sharing: Option<f64>,
}

impl Followed {
    /// Whether it memorised early, generalised, and took long in between.
    pub(super) fn grokked(&self) -> bool {
        let lag = |memorised: u64| Some(self.generalised?.saturating_sub(memorised) as f64 / memorised.max(1) as f64);
        let late = self.memorised.filter(|step| *step <= MEMORISED.1).and_then(lag).is_some_and(|lag| lag >= LAG);
        late && self.final_test.is_some_and(|test| test >= GENERALISED.0)
    }
}

/// The first step at which a metric of a seed is so large.
fn first(result: &TrialResult, name: &str, least: f64) -> Option<u64> {
    result.metrics.get(name)?.iter().find(|(_, value)| *value >= least).map(|(step, _)| *step)
}

/// The step from which a seed is followed: its training pairs are memorised.
pub(super) fn memorised(result: &TrialResult) -> Option<u64> {
    first(result, "train_accuracy", MEMORISED.0)
}

/// Follows the looks of a seed.
pub(super) fn follow(result: &TrialResult) -> Followed {
    let series = |name: &str| result.metrics.get(name).map_or(&[][..], Vec::as_slice);
    let (memorised, generalised) = (memorised(result), first(result, "test_accuracy", GENERALISED.1));
    // All are looked at in the same steps; what is not defined at a step is left out there, and then the lengths differ.
    let window = |name: &str| {
        let from = memorised.unwrap_or(u64::MAX);
        let values: Vec<f64> = series(name).iter().filter(|(step, _)| *step >= from).map(|(_, value)| *value).collect();
        running_mean(&values, SMOOTHED)
    };
    let test = window("test_accuracy");
    let with = |name: &str| spearman(&test, &window(name));
    let moved = |name: &str| {
        let values = window(name);
        Some(values.last()? - values.first()?)
    };
    let last = series("test_accuracy");
    let last: Vec<f64> = last[last.len().saturating_sub(SMOOTHED)..].iter().map(|(_, value)| *value).collect();
    Followed {
        memorised,
        generalised,
        final_test: mean(&last),
        with_distance: with("distance"),
        with_same_answer: with("same_answer"),
        with_same_difference: with("same_difference"),
        with_consistency: with("consistency"),
        with_loss: with("train_loss"),
        distance_given_load: partial_spearman(&test, &window("distance"), &window("load_alone")),
        drop_of_distance: moved("distance").map(|change| -change),
        change_of_sharing: moved("same_answer"),
    }
}

/// The verdict on everything that was recorded.
pub(super) fn judge(evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
    let rows = evidence.rows(|name| name != "load_entropy");
    let rows = rows.into_iter().map(|row| with_leads(evidence, row)).collect();
    let threshold = format!("<= {DISTANCE}");
    verdict(HEADLINE, threshold, rows, Court::open(evidence, key).map(|court| court.rule()))
}

/// The line of a seed on sums with the leads of its gauges, which are reported and not judged.
fn with_leads(evidence: &Evidence<'_, Condition>, mut row: SeedRow) -> SeedRow {
    let mut sums = evidence.every(|c| c.of_sums()).filter(|r| r.cell.label == row.condition);
    let seed = sums.find_map(|r| r.seeds.iter().find(|seed| seed.spec.seed == row.seed));
    row.values.extend(seed.into_iter().flat_map(|seed| leads::of_seed(seed)));
    row
}

/// The seeds that grokked, and the controls.
struct Court {
    /// What the gauges tell before the test curve does, in words.
    leads: String,
    bootstrap: Bootstrap,
    main: Vec<Followed>,
    all: usize,
    no_decay: Vec<Followed>,
    shuffled: Vec<Followed>,
}

impl Court {
    fn open(evidence: &Evidence<'_, Condition>, key: Key) -> Result<Self, String> {
        let judged = |condition: Condition| {
            let found = evidence.find(|c| *c == condition).filter(Recorded::complete);
            found.ok_or_else(|| format!("not every seed of {} ran to its end", condition.name()))
        };
        let followed = |recorded: Recorded<'_, Condition>| recorded.seeds.iter().map(|r| follow(r)).collect::<Vec<_>>();
        let leads = leads::told(judged(Condition::Main)?.seeds);
        let main = followed(judged(Condition::Main)?);
        let (no_decay, shuffled) = (judged(Condition::NoDecay)?, judged(Condition::ShuffledLabels)?);
        let all = main.len();
        let main: Vec<Followed> = main.into_iter().filter(Followed::grokked).collect();
        if (main.len() as f64) < GROKKED * all as f64 || main.len() < 2 {
            return Err(format!("did not grok: {} of {all} seeds memorised early and generalised late", main.len()));
        }
        let (no_decay, shuffled) = (followed(no_decay), followed(shuffled));
        Ok(Court { leads, bootstrap: Bootstrap::new(key), main, all, no_decay, shuffled })
    }

    /// Median over seeds with its interval; not measured where a seed lacks it.
    fn median(&self, of: impl Fn(&Followed) -> Option<f64>) -> Option<Estimate> {
        let values: Vec<f64> = self.main.iter().map(of).collect::<Option<_>>()?;
        let found = self.bootstrap.over_units(values.len(), |units| {
            let drawn: Vec<f64> = units.iter().map(|i| values[*i]).collect();
            sample_quantile(&drawn, 0.5)
        })?;
        Some(Estimate { seeds: values, ..found })
    }

    fn distance(&self) -> Check {
        let estimate = self.median(|seed| seed.with_distance);
        Measured::new("1", "pathways come to be alike while it generalises", HEADLINE, estimate)
            .holds(format!("<= {DISTANCE}"), |e| e.value <= DISTANCE)
    }

    fn sharing(&self) -> Vec<Check> {
        let own = self.median(|seed| seed.with_same_answer);
        let other = self.median(|seed| seed.with_same_difference);
        let apart = self.median(|seed| Some(seed.with_same_difference? - seed.with_same_answer?));
        vec![
            Measured::new("2", "samples of one answer come to share experts", "with same answer / all", own)
                .holds(format!("<= {SAME_ANSWER}"), |e| e.value <= SAME_ANSWER),
            Measured::new("2", "those of one difference do not", "with same difference / all", other)
                .holds(format!("> {SAME_DIFFERENCE}"), |e| e.value > SAME_DIFFERENCE),
            Measured::new("2", "the two are told apart", "the second less the first", apart)
                .holds("interval above 0", |e| e.low > 0.0),
        ]
    }

    fn consistency(&self) -> Check {
        let estimate = self.median(|seed| seed.with_consistency);
        Measured::new("3", "pathways become smoother across layers", "with C", estimate)
            .holds(format!(">= {CONSISTENCY}"), |e| e.value >= CONSISTENCY)
    }

    fn loss(&self) -> Check {
        let estimate = self.median(|seed| Some(seed.with_distance?.abs() - seed.with_loss?.abs()));
        Measured::new("4", "the training loss tells less", "|with D| less |with the training loss|", estimate)
            .holds("above 0, interval too", |e| e.low > 0.0)
    }

    /// Whether D tells more than load.
    fn load(&self) -> Check {
        let estimate = self.median(|seed| seed.distance_given_load);
        Measured::new("load", "it is more than expert load", "with D, load held", estimate)
            .holds(format!("<= {GIVEN_LOAD}"), |e| e.value <= GIVEN_LOAD)
    }

    fn controls(&self) -> Vec<Check> {
        let (test, share, moved) = NO_DECAY;
        let most = |seeds: &[Followed], of: fn(&Followed) -> Option<f64>| -> Option<f64> {
            let values: Vec<f64> = seeds.iter().map(of).collect::<Option<_>>()?;
            values.into_iter().reduce(f64::max)
        };
        let fall = self.median(|seed| seed.drop_of_distance).map(|e| e.value);
        let bare = most(&self.no_decay, |seed| seed.drop_of_distance);
        let of_main = bare.zip(fall).map(|(bare, fall)| bare / fall).filter(|_| fall.is_some_and(|fall| fall > 0.0));
        let fallen = most(&self.shuffled, |seed| seed.change_of_sharing.map(|change| -change));
        let check = |says: &str, statistic: &str, value: Option<f64>, bound: f64, or: &str| {
            Measured::number("control", says, statistic, value).holds(format!("< {bound}{or}"), |e| e.value < bound)
        };
        vec![
            check(
                "without weight decay it does not generalise",
                "most test accuracy, no decay",
                most(&self.no_decay, |seed| seed.final_test),
                test,
                "",
            ),
            check("nor do its pathways come to be alike", "most fall of D, over the main one", of_main, share, ""),
            check(
                "nor does it come to share experts by answer",
                "most change of same answer / all, no decay",
                most(&self.no_decay, |seed| seed.change_of_sharing.map(f64::abs)),
                moved,
                "",
            ),
            check(
                "nor does it where there is no rule",
                "most fall of same answer / all, shuffled labels",
                fallen,
                moved,
                "",
            ),
        ]
    }

    fn rule(&self) -> Ruling {
        let (distance, sharing, load) = (self.distance(), self.sharing(), self.load());
        let (smoother, loss, controls) = (self.consistency(), self.loss(), self.controls());
        let (one, two, held) = (distance.passed, hold(&sharing), hold(&controls));
        let all = one && two && smoother.passed && loss.passed && held;
        let outcome = match (all, two && held, one && load.passed) {
            (true, ..) => Outcome::Reproduced,
            (_, true, _) | (_, _, true) => Outcome::Partly,
            _ => Outcome::NotReproduced,
        };
        let of = |check: &Check| check.effect.map_or_else(|| "not measured".into(), |effect| format!("{effect:.2}"));
        let explained = if load.passed { "" } else { ", explained by expert load" };
        let told = format!(
            "from memorisation on, test accuracy goes with the distance of pathways by {} (median rank correlation of {} \
             of {} seeds that grokked){explained}, with the ratio within one answer by {}, within one difference by {}, \
             with consistency by {}; {}",
            of(&distance),
            self.main.len(),
            self.all,
            of(&sharing[0]),
            of(&sharing[1]),
            of(&smoother),
            self.leads,
        );
        let checks = [vec![distance], sharing, vec![smoother, loss, load]].concat();
        Ruling { outcome, told, checks, controls }
    }
}
