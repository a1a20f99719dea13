//! Exact rational speech acts (Frank and Goodman 2012) over a matrix of programs and utterances, in a context of
//! utterances that were said: literal listener L0, speaker S1, pragmatic listener L1.

/// Which programs agree with which utterances, M[h, u].
#[derive(Clone, Debug)]
pub(super) struct Meanings {
    programs: usize,
    /// For each utterance the programs that agree with it, as bits.
    columns: Vec<Vec<u64>>,
}

/// The programs that agree with all that was said, as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context(Vec<u64>);

/// The programs among bits.
fn set_bits(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.enumerate().flat_map(|(word, bits)| {
        let next = |rest: &u64| Some(rest & (rest - 1)).filter(|rest| *rest != 0);
        std::iter::successors((bits != 0).then_some(bits), next)
            .map(move |rest| 64 * word + rest.trailing_zeros() as usize)
    })
}

impl Context {
    /// How many programs there are.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether a program is among them.
    pub(super) fn has(&self, program: usize) -> bool {
        self.0[program / 64] >> (program % 64) & 1 == 1
    }

    /// The programs, in order.
    pub(super) fn programs(&self) -> impl Iterator<Item = usize> {
        set_bits(self.0.iter().copied())
    }
}

/// What an utterance that so many programs agree with weighs to a speaker: `L0^a`, as a share of the weight of one
/// that `least` agree with. a = infinity leaves the least alone, a = 0 makes all alike.
fn weight(least: u32, count: u32, rationality: f64) -> f64 {
    if count == 0 { 0.0 } else { (f64::from(least) / f64::from(count)).powf(rationality) }
}

impl Meanings {
    /// Of so many programs and utterances.
    pub(super) fn new(programs: usize, utterances: usize, agrees: impl Fn(usize, usize) -> bool) -> Self {
        let column = |utterance: usize| {
            let mut bits = vec![0; programs.div_ceil(64)];
            (0..programs).filter(|h| agrees(*h, utterance)).for_each(|h| bits[h / 64] |= 1 << (h % 64));
            bits
        };
        Meanings { programs, columns: (0..utterances).map(column).collect() }
    }

    /// Whether a program agrees with an utterance.
    pub(super) fn agree(&self, program: usize, utterance: usize) -> bool {
        self.columns[utterance][program / 64] >> (program % 64) & 1 == 1
    }

    /// The context in which nothing was said.
    pub(super) fn silence(&self) -> Context {
        let mut bits = vec![0; self.programs.div_ceil(64)];
        (0..self.programs).for_each(|h| bits[h / 64] |= 1 << (h % 64));
        Context(bits)
    }

    /// What is left of a context when an utterance is heard.
    pub(super) fn hear(&self, context: &mut Context, utterance: usize) {
        context.0.iter_mut().zip(&self.columns[utterance]).for_each(|(left, agree)| *left &= agree);
    }

    /// How many programs of a context agree with each utterance: the sums of the columns. `L0(h | u, D)` is one over
    /// it where h agrees, 0 elsewhere.
    pub(super) fn counts(&self, context: &Context) -> Vec<u32> {
        let both = |column: &Vec<u64>| column.iter().zip(&context.0).map(|(a, b)| (a & b).count_ones()).sum();
        self.columns.iter().map(both).collect()
    }

    /// `S1(u | h, D) = L0(h | u, D)^a / sum over u' of L0(h | u', D)^a`, from the counts of the context: a row of
    /// shares, or of zeros where the program agrees with nothing.
    pub(super) fn speaker(&self, program: usize, counts: &[u32], rationality: f64) -> Vec<f64> {
        let said = |u: usize| if self.agree(program, u) { counts[u] } else { 0 };
        let least = (0..counts.len()).map(said).filter(|count| *count > 0).min().unwrap_or(0);
        let row: Vec<f64> = (0..counts.len()).map(|u| weight(least, said(u), rationality)).collect();
        let sum: f64 = row.iter().sum();
        if sum > 0.0 { row.into_iter().map(|weight| weight / sum).collect() } else { row }
    }

    /// `L1(h | u_1..T)` after each utterance, proportional to the product of `S1(u_t | h, u_<t)` over programs that
    /// agree with all of them; a finite rationality. Sums to 1, or is zero everywhere.
    pub(super) fn listener(&self, said: &[usize], rationality: f64) -> Vec<Vec<f64>> {
        let mut context = self.silence();
        let mut belief = vec![1.0f64; self.programs];
        let mut heard = |utterance: &usize| {
            let counts = self.counts(&context);
            let least = counts.iter().copied().filter(|count| *count > 0).min().unwrap_or(0);
            let mut sums = vec![0.0f64; self.programs];
            let weights: Vec<f64> = counts.iter().map(|count| weight(least, *count, rationality)).collect();
            for (column, weight) in self.columns.iter().zip(&weights).filter(|(_, weight)| **weight > 0.0) {
                let both = column.iter().zip(&context.0).map(|(a, b)| a & b);
                set_bits(both).for_each(|h| sums[h] += weight);
            }
            self.hear(&mut context, *utterance);
            for (h, belief) in belief.iter_mut().enumerate() {
                *belief *= if context.has(h) { weights[*utterance] / sums[h] } else { 0.0 };
            }
            let sum: f64 = belief.iter().sum();
            if sum > 0.0 {
                belief.iter_mut().for_each(|belief| *belief /= sum);
            }
            belief.clone()
        };
        said.iter().map(&mut heard).collect()
    }
}

/// The utterance that tells most: of those that the target (row `target`) agrees with, the first with the smallest sum
/// of its column, with that sum. It is `argmax S1(u | target)` at any rationality above 0: the row's normaliser is the
/// same for all of them. None if the target agrees with nothing.
pub(super) fn most_telling(meanings: &Meanings, target: usize) -> Option<(usize, u32)> {
    let counts = meanings.counts(&meanings.silence());
    let said = (0..counts.len()).filter(|u| meanings.agree(target, *u));
    said.map(|u| (u, counts[u])).min_by_key(|(_, count)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Programs a+, [ab]+, [abc]+; utterances +a, +b, +c.
    fn nested() -> Meanings {
        Meanings::new(3, 3, |h, u| u <= h)
    }

    fn near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(f, e)| assert!((f - e).abs() < 5e-5, "{found:?} {expected:?}"));
    }

    #[test]
    fn the_sheet_by_hand() {
        let meanings = nested();
        let counts = meanings.counts(&meanings.silence());
        let literal = |u: usize| -> Vec<f64> {
            (0..3).map(|h| if meanings.agree(h, u) { 1.0 / f64::from(counts[u]) } else { 0.0 }).collect()
        };
        near(&literal(0), &[1.0 / 3.0; 3]);
        near(&literal(1), &[0.0, 0.5, 0.5]);
        near(&literal(2), &[0.0, 0.0, 1.0]);
        near(&meanings.speaker(0, &counts, 1.0), &[1.0, 0.0, 0.0]);
        near(&meanings.speaker(1, &counts, 1.0), &[0.4, 0.6, 0.0]);
        near(&meanings.speaker(2, &counts, 1.0), &[0.1818, 0.2727, 0.5455]);
        near(&meanings.listener(&[0], 1.0)[0], &[0.6322, 0.2529, 0.1149]);
        near(&meanings.listener(&[1], 1.0)[0], &[0.0, 0.6875, 0.3125]);
        near(&meanings.listener(&[2], 1.0)[0], &[0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_later_utterance_is_heard_in_its_context() {
        // After +b only the wider two are left: S1(+b | h, +b) is 1/2 of +a, +b for [ab]+, 1/4 for [abc]+ at a = 1.
        let meanings = nested();
        let all = meanings.listener(&[1, 1], 1.0);
        near(
            &all[1],
            &[0.0, 0.6875 * 0.5 / (0.6875 * 0.5 + 0.3125 * 0.25), 0.3125 * 0.25 / (0.6875 * 0.5 + 0.3125 * 0.25)],
        );
    }

    fn matrix() -> impl Strategy<Value = (usize, usize, Vec<bool>)> {
        (1usize..90, 1usize..12).prop_flat_map(|(programs, utterances)| {
            let bits = proptest::collection::vec(any::<bool>(), programs * utterances);
            (Just(programs), Just(utterances), bits)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn rows_and_columns_are_shares_and_the_likeliest_has_the_emptiest_column((programs, utterances, bits) in matrix()) {
            let meanings = Meanings::new(programs, utterances, |h, u| bits[h * utterances + u]);
            let counts = meanings.counts(&meanings.silence());
            for (u, count) in counts.iter().enumerate() {
                let sum: f64 = (0..programs).filter(|h| meanings.agree(*h, u)).map(|_| 1.0 / f64::from(*count)).sum();
                prop_assert!((sum - 1.0).abs() < 1e-9 || (sum == 0.0 && *count == 0));
            }
            for h in 0..programs {
                let agreed: Vec<usize> = (0..utterances).filter(|u| meanings.agree(h, *u)).collect();
                for rationality in [0.0, 1.0, 8.0, f64::INFINITY] {
                    let row = meanings.speaker(h, &counts, rationality);
                    let sum: f64 = row.iter().sum();
                    prop_assert!((sum - 1.0).abs() < 1e-9 || (sum == 0.0 && agreed.is_empty()));
                    prop_assert!((0..utterances).all(|u| meanings.agree(h, u) || row[u] == 0.0));
                }
                let Some(least) = agreed.iter().map(|u| counts[*u]).min() else {
                    prop_assert_eq!(most_telling(&meanings, h), None);
                    continue;
                };
                let row = meanings.speaker(h, &counts, 1.0);
                let best = row.iter().copied().fold(0.0, f64::max);
                let (told, count) = most_telling(&meanings, h).unwrap();
                prop_assert!(count == least && row[told] == best && row[..told].iter().all(|share| *share < best));
                // Infinity: uniform over the minimal columns. Zero: uniform over what is consistent.
                let minimal = agreed.iter().filter(|u| counts[**u] == least).count();
                let (sharp, flat) =
                    (meanings.speaker(h, &counts, f64::INFINITY), meanings.speaker(h, &counts, 0.0));
                for u in agreed.iter().copied() {
                    let expected = if counts[u] == least { 1.0 / minimal as f64 } else { 0.0 };
                    prop_assert!((sharp[u] - expected).abs() < 1e-9 && (flat[u] - 1.0 / agreed.len() as f64).abs() < 1e-9);
                }
            }
        }

        #[test]
        fn no_program_that_disagrees_is_ranked_above_one_that_agrees((programs, utterances, bits) in matrix()) {
            let meanings = Meanings::new(programs, utterances, |h, u| bits[h * utterances + u]);
            let counts = meanings.counts(&meanings.silence());
            // What a speaker of program 0 might say, twice.
            let Some(first) = (0..utterances).find(|u| meanings.agree(0, *u) && counts[*u] > 0) else { return Ok(()) };
            let said = [first, (0..utterances).rev().find(|u| meanings.agree(0, *u)).unwrap()];
            let belief = &meanings.listener(&said, 8.0)[1];
            prop_assert!((belief.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for (h, belief) in belief.iter().enumerate() {
                let agrees = said.iter().all(|u| meanings.agree(h, *u));
                prop_assert_eq!(*belief > 0.0, agrees, "{}", h);
            }
        }
    }
}
