//! Groups of questions by the time at which they came to stay, and which test group goes with which training group.

use crate::instruments::matching::least_cost_matching;
use crate::instruments::pathways::Pathways;
use crate::tasks::modular_domains::Domain;

use super::super::times;

/// Questions of one domain that came to stay at like times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) domain: Domain,
    /// Their numbers.
    pub(super) questions: Vec<usize>,
    /// The step by which half of them had come to stay; NaN where half of them never did.
    pub(super) step: f64,
}

/// A training group with the test group that was matched to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matched {
    pub(super) training: Group,
    pub(super) test: Group,
    /// Mean distance of their pathways.
    pub(super) distance: f64,
}

/// Questions of a domain cut into `count` groups, those that came to stay first in the first.
pub(super) fn by_time(domain: Domain, questions: &[usize], since: &[Option<u64>], count: usize) -> Vec<Group> {
    let mut order = questions.to_vec();
    order.sort_by_key(|question| (since[*question].unwrap_or(u64::MAX), *question));
    let group = |g: usize| {
        let questions = order[g * order.len() / count..(g + 1) * order.len() / count].to_vec();
        let step = times::half_by(questions.iter().map(|question| since[*question]));
        Group { domain, questions, step }
    };
    (0..count).map(group).collect()
}

/// Every training group with a test group of its own such that the pathways of matched groups are least far apart in
/// all. `pathways` are those of the questions of all groups, training groups first, group by group.
pub(super) fn matched(training: &[Group], test: &[Group], pathways: &Pathways) -> Vec<Matched> {
    let all = training.iter().chain(test).enumerate();
    let of: Vec<usize> = all.flat_map(|(g, group)| group.questions.iter().map(move |_| g)).collect();
    let count = training.len() + test.len();
    let between = pathways.between(&of, count);
    let apart = |i: usize, j: usize| between[i * count + training.len() + j];
    let costs: Vec<f64> = (0..training.len()).flat_map(|i| (0..test.len()).map(move |j| apart(i, j))).collect();
    let pairs = least_cost_matching(&costs, test.len()).unwrap_or_default();
    let pair = |(i, j): (usize, usize)| Matched {
        training: training[i].clone(),
        test: test[j].clone(),
        distance: apart(i, j),
    };
    pairs.into_iter().enumerate().map(pair).collect()
}

/// Share of the training groups whose test group is of their own domain; none without groups.
pub(super) fn own_domain(matched: &[Matched]) -> Option<f64> {
    let own = matched.iter().filter(|pair| pair.training.domain == pair.test.domain).count();
    (!matched.is_empty()).then(|| own as f64 / matched.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::pathways::LayerChoice;

    #[test]
    fn groups_go_by_time_and_find_those_with_their_pathways() {
        let since = [Some(30), Some(10), None, Some(20), Some(5), Some(50), Some(40), None];
        let first = by_time(Domain::Add, &[0, 1, 2, 3], &since, 2);
        assert_eq!((&first[0].questions, first[0].step), (&vec![1, 3], 20.0));
        assert!(first[1].questions == [0, 2] && first[1].step.is_nan());
        let second = by_time(Domain::Multiply, &[4, 5, 6, 7], &since, 2);
        assert_eq!(second[0].questions, [4, 6]);
        // Two experts' ways for each group; test groups are the same in the other order.
        let training = [first.clone(), second.clone()].concat();
        let test = [second, first].concat();
        let chosen: Vec<f32> = [0, 1, 2, 3, 2, 3, 0, 1].iter().flat_map(|g| [*g as f32, *g as f32]).collect();
        let layer = LayerChoice { probabilities: &[], chosen: &chosen, router: &[] };
        let found = matched(&training, &test, &Pathways::new(&[layer], 16));
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|pair| pair.training.questions == pair.test.questions && pair.distance == 0.0));
        assert_eq!(own_domain(&found), Some(1.0));
        let crossed = Matched { test: found[2].test.clone(), ..found[0].clone() };
        assert_eq!((own_domain(&[crossed, found[1].clone()]), own_domain(&[])), (Some(0.5), None));
    }
}
