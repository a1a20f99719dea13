//! The data of a study: the base set and the sets that are never trained on.

use std::sync::Arc;

use super::settings::Settings;
use crate::base::random::Key;
use crate::contract::Problem;
use crate::tasks::base_set::{BaseSet, Standardise};
use crate::tasks::gpicl::{Gpicl, TaskCount};
use crate::tasks::idx;
use crate::tasks::tables::Shipped;

/// Base set and foreign sets, read.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    /// What training draws from.
    pub(super) base: Arc<BaseSet>,
    /// What is evaluated on alone.
    pub(super) foreign: Vec<Arc<BaseSet>>,
}

/// Names of the sets never trained on that every study is judged on (R2).
pub(super) const FOREIGN: [(&str, Shipped); 3] =
    [("wine", Shipped::Wine), ("iris", Shipped::Iris), ("breast-cancer", Shipped::BreastCancer)];

impl Sets {
    /// Reads them all.
    ///
    /// # Errors
    /// The first of the user's files that cannot be used, with its place in the settings.
    pub(super) fn load(settings: &Settings) -> Result<Self, Problem> {
        let told = |path: String| move |error| Problem::told(path, error);
        let base = settings.base.read(settings.standardise).map_err(told("base.idx".into()))?;
        let mut foreign: Vec<Arc<BaseSet>> = FOREIGN.iter().map(|(_, table)| Arc::new(table.base_set())).collect();
        for (i, set) in settings.evaluate_on.iter().enumerate() {
            let set = idx::read(set, Standardise::MeanImage).map_err(told(format!("evaluate_on[{i}]")))?;
            foreign.push(Arc::new(set));
        }
        Ok(Sets { base: Arc::new(base), foreign })
    }

    /// What the base set lacks for these settings: a class without a training or a held-out row.
    pub(super) fn problems(&self, settings: &Settings) -> Vec<Problem> {
        let config = settings.common.family(TaskCount::Infinite);
        let refusals = Gpicl::new(config, Arc::clone(&self.base), Key::new(0)).err().unwrap_or_default();
        let of_base = refusals.0.into_iter().filter(|refusal| refusal.path == "base");
        of_base.map(|refusal| Problem::told("base", refusal)).collect()
    }
}
