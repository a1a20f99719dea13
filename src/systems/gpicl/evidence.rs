//! What the trials recorded, as judge and panels ask for it.

use super::settings::{Placed, Settings, Study};
use crate::contract::{self, TrialResult};
use crate::instruments::regime::{Accuracies, Regime};
use crate::nn::zoo::Kind;
use crate::tasks::gpicl::TaskCount;

/// Everything that was recorded.
pub(super) type Evidence<'a> = contract::Evidence<'a, Placed>;

/// One condition with what its seeds recorded.
pub(super) type Recorded<'e> = contract::Recorded<'e, Placed>;

/// The conditions of a study.
pub(super) fn of_study<'e>(evidence: &'e Evidence<'_>, study: Study) -> impl Iterator<Item = Recorded<'e>> {
    evidence.every(move |placed| placed.study == study)
}

/// The conditions of the transition at the common width.
fn transition<'e>(settings: &Settings, evidence: &'e Evidence<'_>) -> impl Iterator<Item = Recorded<'e>> {
    let width = settings.common.width;
    evidence.every(move |placed| placed.study == Study::Transition && placed.width == width)
}

/// The main condition of the transition: a fresh task for every sequence.
pub(super) fn learner<'e>(settings: &Settings, evidence: &'e Evidence<'_>) -> Option<Recorded<'e>> {
    transition(settings, evidence).find(|r| r.cell.condition.tasks == TaskCount::Infinite)
}

/// The condition of the transition with the fewest tasks.
pub(super) fn memoriser<'e>(settings: &Settings, evidence: &'e Evidence<'_>) -> Option<Recorded<'e>> {
    let finite = transition(settings, evidence).filter_map(|r| match r.cell.condition.tasks {
        TaskCount::Finite(tasks) => Some((tasks, r)),
        TaskCount::Infinite => None,
    });
    finite.min_by_key(|(tasks, _)| *tasks).map(|(_, r)| r)
}

/// The Transformer of the state study that sees so many tokens.
pub(super) fn window<'e>(evidence: &'e Evidence<'_>, window: usize) -> Option<Recorded<'e>> {
    evidence.find(|c| c.study == Study::State && c.model == Kind::Transformer && c.window == window)
}

/// The Transformer that a small window is compared with: of the state study if it has one that
/// sees everything, else the main condition.
pub(super) fn whole_window<'e>(settings: &Settings, evidence: &'e Evidence<'_>) -> Option<Recorded<'e>> {
    let whole = evidence.find(|c| c.study == Study::State && c.model == Kind::Transformer && c.sees_all());
    whole.or_else(|| learner(settings, evidence))
}

/// The regime of a seed, if it was evaluated.
pub(super) fn regime(result: &TrialResult, chance: f64) -> Option<Regime> {
    let seen = result.last("seen.first").zip(result.last("seen.last"));
    let (unseen_first, unseen_last) = (result.last("unseen.first")?, result.last("unseen.last")?);
    Some(Regime::of(&Accuracies { unseen_first, unseen_last, seen }, chance))
}
