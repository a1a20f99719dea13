//! The judge: what must be shown, thresholds fixed here and nowhere else.

use super::data::DataSet;
use super::settings::Condition;
use crate::base::random::Key;
use crate::contract::{Check, Evidence, Outcome, Recorded, Verdict};
use crate::instruments::reliance::over_seeds;
use crate::instruments::statistics::{Estimate, mean};
use crate::training::{Measured, Ruling, hold, missing, verdict};

/// Least training accuracy: below it nothing was learned that could be relied on.
pub(super) const GATE: f64 = 0.995;
/// AUC that counts as whole, and the most that counts as lost.
const WHOLE: f64 = 0.99;
const LOST: f64 = 0.60;
/// A_S above this, or A_Sc below that, with valid gates: no such bias.
const NOT_LOST: f64 = 0.75;
const NOT_WHOLE: f64 = 0.90;
/// Test accuracy on noisy LMS-7: around 0.95, which the noisy linear coordinate alone allows.
const NOISY_TEST: (f64, f64) = (0.93, 0.97);
/// Least training accuracy minus test accuracy on noisy LMS-7.
const NOISY_GAP: f64 = 0.02;
/// Most accuracy with S randomised and least with all else randomised, noisy LMS-7.
const NOISY_RANDOMISED: (f64, f64) = (0.55, 0.93);
/// Least test accuracy on MS-7, which has no simple coordinate to be led astray by.
const CLEAN: f64 = 0.99;
/// Control (b): least median A_S where no coordinate is simpler than another.
const EQUAL: f64 = 0.90;
/// Control (c): how far the hand-made classifiers may be from 1 and 0.5.
const ORACLE: f64 = 0.03;

/// The thresholds as people read them, for the card.
pub(super) const THRESHOLDS: &[&str] = &[
    "E1, E2 (extreme bias) LMS-5 and MS-(5,7): A_std >= 0.99, A_S <= 0.60, A_Sc >= 0.99 in every seed",
    "P1 (pitfall) noisy LMS-7: test accuracy in 0.93 to 0.97, train - test >= 0.02, S-randomised <= 0.55, Sc-randomised >= 0.93 in every seed",
    "P2 MS-7, the same network: test accuracy >= 0.99 in every seed",
    "(a) control: noise in the place of the linear coordinate: A_S >= 0.99 and A_Sc <= 0.60 in every seed",
    "(b) control: 50 equal coordinates: A_S of coordinate 0 >= 0.90 in the median over seeds; reported, not decisive",
    "(c) control: hand-made classifiers on LMS-5 give 1 / 0.5 / 1 (linear only) and 1 / 1 / 0.5 (slabs only) within 0.03",
    "reproduced: E, P, (a), (c); partly: E or P; not reproduced: A_S > 0.75 or A_Sc < 0.90 in E, or (a) or (c) fails",
    "undecided: fewer than 2 seeds of a judged data set, or a run below training accuracy 0.995 (noisy LMS-7 excepted)",
];

const HEADLINE: &str = "A_S on LMS-5: AUC with the linear coordinate randomised";
const HEADLINE_THRESHOLD: &str = "<= 0.60 in every seed";

/// The verdict on everything that was recorded.
pub(super) fn judge(evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
    let rows = evidence.rows(|name| !name.starts_with("oracle") && name != "batch_loss");
    verdict(HEADLINE, HEADLINE_THRESHOLD, rows, Court::open(evidence, key).map(|court| court.rule()))
}

/// The judged condition of a data set.
pub(super) fn judged<'e>(evidence: &'e Evidence<'_, Condition>, data: DataSet) -> Option<Recorded<'e, Condition>> {
    evidence.find(|condition| condition.data == data && !condition.reported)
}

/// The data sets that every judgement needs, with what they recorded.
struct Court<'e> {
    evidence: &'e Evidence<'e, Condition>,
    key: Key,
    lms5: Recorded<'e, Condition>,
    ms57: Recorded<'e, Condition>,
    noisy: Recorded<'e, Condition>,
    ms7: Recorded<'e, Condition>,
    noise: Recorded<'e, Condition>,
}

impl<'e> Court<'e> {
    /// Checks the gates.
    fn open(evidence: &'e Evidence<'e, Condition>, key: Key) -> Result<Self, String> {
        let wanted = |data: DataSet| {
            judged(evidence, data).ok_or_else(|| format!("the preset has no condition on {} to judge", data.name()))
        };
        let [lms5, ms57, noisy] = [wanted(DataSet::Lms5)?, wanted(DataSet::Ms57)?, wanted(DataSet::NoisyLms7)?];
        let court =
            Court { evidence, key, lms5, ms57, noisy, ms7: wanted(DataSet::Ms7)?, noise: wanted(DataSet::NoiseAnd5)? };
        if let Some(open) = evidence.every(|c| !c.reported).find(|recorded| !recorded.complete()) {
            return Err(format!("not every seed of {} ran to its end", open.cell.label));
        }
        for recorded in [court.lms5, court.ms57, court.noisy, court.ms7, court.noise] {
            let seeds = recorded.seeds.len();
            if seeds < 2 {
                return Err(format!("{} has {seeds} seed; at least 2 are needed", recorded.cell.label));
            }
        }
        for recorded in [court.lms5, court.ms57, court.ms7, court.noise] {
            for seed in recorded.seeds {
                let accuracy = seed.last("train_accuracy").unwrap_or(0.0);
                if accuracy < GATE {
                    let (label, seed) = (&recorded.cell.label, seed.spec.seed);
                    return Err(format!(
                        "seed {seed} of {label} reaches only {accuracy:.3} on its training points, below {GATE}"
                    ));
                }
            }
        }
        Ok(court)
    }

    /// A metric of every seed with its mean and interval over seeds and test points. One that a seed lacks is
    /// not measured.
    fn all(&self, recorded: Recorded<'_, Condition>, metric: &str) -> (Vec<f64>, Option<Estimate>) {
        let values = recorded.values(metric);
        if values.len() < recorded.seeds.len() {
            return (Vec::new(), None);
        }
        let resampled = recorded.groups(&format!("{metric}.resampled"));
        let estimate = if resampled.len() == values.len() {
            over_seeds(&values, &resampled, self.key)
        } else {
            mean(&values).map(|value| Estimate::between(value, value, value))
        };
        (values, estimate)
    }

    /// A check that every seed must meet.
    fn every(
        &self,
        id: &str,
        (says, statistic, threshold): (&str, &str, String),
        (values, estimate): (Vec<f64>, Option<Estimate>),
        rule: impl Fn(f64) -> bool,
    ) -> Check {
        let threshold = format!("{threshold} in every seed");
        Measured::new(id, says, statistic, estimate)
            .holds(threshold, |_| !values.is_empty() && values.iter().all(|value| rule(*value)))
    }

    /// Extreme bias on one data set; the loss of S first.
    fn extreme(&self, id: &str, recorded: Recorded<'_, Condition>, headline: Option<&str>) -> Vec<Check> {
        let name = recorded.cell.condition.data.name();
        let statistic = |what: &str| format!("{what} on {name}");
        let lost = headline.map_or_else(|| statistic("A_S"), str::to_owned);
        let lost = ("nothing is left when the simplest coordinate is randomised", &*lost, format!("<= {LOST:.2}"));
        let whole = format!(">= {WHOLE}");
        let standard = statistic("A_std");
        let rest = statistic("A_Sc");
        vec![
            self.every(id, lost, self.all(recorded, "auc_simple_randomised"), |a| a <= LOST),
            self.every(
                id,
                ("nothing is lost when all others are randomised", &rest, whole.clone()),
                self.all(recorded, "auc_rest_randomised"),
                |a| a >= WHOLE,
            ),
            self.every(
                id,
                ("the network has learned to tell the labels", &standard, whole),
                self.all(recorded, "auc_standard"),
                |a| a >= WHOLE,
            ),
        ]
    }

    fn pitfall(&self) -> Vec<Check> {
        let test = self.all(self.noisy, "accuracy_standard");
        let train = self.all(self.noisy, "train_accuracy").0;
        let gaps: Vec<f64> = train.iter().zip(&test.0).map(|(train, test)| train - test).collect();
        let gap = mean(&gaps).map(|value| Estimate::between(value, value, value));
        let (low, high) = NOISY_TEST;
        let (most, least) = NOISY_RANDOMISED;
        let text = |what: &str| format!("{what} on noisy LMS-7");
        let [accuracy, gap_text, lost, rest] =
            ["test accuracy", "train - test accuracy", "S-randomised accuracy", "Sc-randomised accuracy"].map(text);
        let randomised = |part: &str| self.all(self.noisy, &format!("accuracy_{part}_randomised"));
        vec![
            self.every(
                "P1",
                ("it does no better than the noisy coordinate allows", &accuracy, format!("{low:.2} to {high:.2}")),
                test,
                |a| (low..=high).contains(&a),
            ),
            self.every(
                "P1",
                ("it holds training points instead of learning the clean slabs", &gap_text, format!(">= {NOISY_GAP}")),
                (gaps, gap),
                |gap| gap >= NOISY_GAP,
            ),
            self.every(
                "P1",
                ("nothing is left without the noisy coordinate", &lost, format!("<= {most}")),
                randomised("simple"),
                |a| a <= most,
            ),
            self.every(
                "P1",
                ("nothing is lost without the clean ones", &rest, format!(">= {least}")),
                randomised("rest"),
                |a| a >= least,
            ),
            self.every(
                "P2",
                (
                    "the same network learns the clean slabs when nothing simpler is there",
                    "test accuracy on MS-7",
                    format!(">= {CLEAN}"),
                ),
                self.all(self.ms7, "accuracy_standard"),
                |a| a >= CLEAN,
            ),
        ]
    }

    /// Control (a): the metric sees slabs, and the network can learn them.
    fn without_simple(&self) -> Vec<Check> {
        let says = ("with noise in its place the linear coordinate is not missed", "A_S, noise + 5-slabs");
        let rest = ("and the slabs are what is relied on", "A_Sc, noise + 5-slabs");
        vec![
            self.every(
                "a",
                (says.0, says.1, format!(">= {WHOLE}")),
                self.all(self.noise, "auc_simple_randomised"),
                |a| a >= WHOLE,
            ),
            self.every(
                "a",
                (rest.0, rest.1, format!("<= {LOST:.2}")),
                self.all(self.noise, "auc_rest_randomised"),
                |a| a <= LOST,
            ),
        ]
    }

    /// Control (b): being coordinate 0 is no privilege.
    fn equal(&self) -> Option<Check> {
        let recorded = judged(self.evidence, DataSet::Equal5)?;
        let mut values = self.all(recorded, "auc_simple_randomised").0;
        let used: Vec<String> = recorded.values("most_relied_on").iter().map(|i| format!("{i:.0}")).collect();
        values.sort_unstable_by(f64::total_cmp);
        let median = (!values.is_empty()).then(|| {
            let middle = values.len() / 2;
            if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) }
        });
        let says = format!("no coordinate is privileged where all are equal (relied on: {})", used.join(", "));
        let statistic = "median A_S of coordinate 0 of 50 equal ones";
        Some(Measured::number("b", says, statistic, median).holds(format!(">= {EQUAL}"), |e| e.value >= EQUAL))
    }

    /// Control (c): classifiers made by hand.
    fn oracles(&self) -> Vec<Check> {
        let expected = [("simple_only", [1.0, 0.5, 1.0]), ("rest_only", [1.0, 1.0, 0.5])];
        let check = |(name, expected): (&str, [f64; 3])| {
            let says = format!("the metric is right about a classifier made by hand, {}", name.replace('_', " "));
            let parts = ["standard", "simple_randomised", "rest_randomised"];
            let values = parts.map(|part| self.all(self.lms5, &format!("oracle.{name}.auc_{part}")).0);
            if values.iter().any(Vec::is_empty) {
                return missing("c", says);
            }
            let of_part = |(values, expected): (&Vec<f64>, f64)| {
                values.iter().map(move |value| (value - expected).abs()).fold(0.0, f64::max)
            };
            let farthest = values.iter().zip(expected).map(of_part).fold(0.0, f64::max);
            let statistic = format!("farthest of {name} from {expected:?}");
            Measured::number("c", says, statistic, Some(farthest)).holds(format!("<= {ORACLE}"), |e| e.value <= ORACLE)
        };
        expected.into_iter().map(check).collect()
    }

    fn rule(&self) -> Ruling {
        let extreme = [self.extreme("E1", self.lms5, Some(HEADLINE)), self.extreme("E2", self.ms57, None)].concat();
        let pitfall = self.pitfall();
        let mut controls = self.without_simple();
        controls.extend(self.oracles());
        let worst = |metric: &str, pick: fn(f64, f64) -> f64, from: f64| {
            [self.lms5, self.ms57].iter().flat_map(|r| r.values(metric)).fold(from, pick)
        };
        let refuted = worst("auc_simple_randomised", f64::max, 0.0) > NOT_LOST
            || worst("auc_rest_randomised", f64::min, 1.0) < NOT_WHOLE;
        let outcome = match (hold(&controls) && !refuted, hold(&extreme), hold(&pitfall)) {
            (true, true, true) => Outcome::Reproduced,
            (true, true, false) | (true, false, true) => Outcome::Partly,
            _ => Outcome::NotReproduced,
        };
        controls.extend(self.equal());
        let of = |recorded: Recorded<'_, Condition>, metric: &str| recorded.last(metric).unwrap_or(f64::NAN);
        let told = format!(
            "with the simplest coordinate randomised the AUC falls to {:.3} (LMS-5) and {:.3} (MS-(5,7)), with all \
             others randomised it stays at {:.3} and {:.3}; on noisy LMS-7 test accuracy is {:.3}, on MS-7 {:.3} ({} \
             seeds)",
            of(self.lms5, "auc_simple_randomised"),
            of(self.ms57, "auc_simple_randomised"),
            of(self.lms5, "auc_rest_randomised"),
            of(self.ms57, "auc_rest_randomised"),
            of(self.noisy, "accuracy_standard"),
            of(self.ms7, "accuracy_standard"),
            self.lms5.seeds.len(),
        );
        Ruling { outcome, told, checks: [extreme, pitfall].concat(), controls }
    }
}
