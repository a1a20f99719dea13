//! A running trial on mixed domains: training batch by batch, with looks at accuracies and pathways in between.

use rand_distr::{Distribution, Zipf};
use serde::{Deserialize, Serialize};

use super::super::settings::Condition;
use super::super::times;
use super::groups::{self, Group, Matched};
use super::model::{Trained, answers, one_hot, tokens};
use super::panels;
use super::settings::Domains;
use crate::base::random::Key;
use crate::contract::{Archive, Flow, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::pathways::{LayerChoice, Pathways, consistency};
use crate::instruments::subject::{Examples, Objective, Subject};
use crate::nn::schedule::warm_up;
use crate::tasks::modular_domains::{Domain, ModularDomains, Question};
use crate::tasks::supply::Epochs;
use crate::training::burst;

/// Questions of each kind that the bias card looks at.
const CARD: usize = 256;

/// What was seen at one moment of training. Of lists by domain the order is that of [`Domain::ALL`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) step: u64,
    pub(super) train_loss: f64,
    pub(super) train: [f64; 4],
    pub(super) test: [f64; 4],
    pub(super) distance: Option<f64>,
    pub(super) load_alone: f64,
    pub(super) load_entropy: Option<f64>,
    /// Distance within a domain, over that of all.
    pub(super) same_domain: Option<f64>,
    /// Distance within one answer of one domain, over that within a domain.
    pub(super) same_answer: Option<f64>,
    pub(super) consistency: Option<f64>,
    /// Distance by domain.
    pub(super) distances: [Option<f64>; 4],
}

impl Look {
    /// By the names of its metrics; what is not defined is left out.
    fn metrics(&self) -> Vec<(String, f64)> {
        let whole = [
            ("train_loss", Some(self.train_loss)),
            ("distance", self.distance),
            ("load_alone", Some(self.load_alone)),
            ("load_entropy", self.load_entropy),
            ("same_domain", self.same_domain),
            ("same_answer", self.same_answer),
            ("consistency", self.consistency),
        ];
        let mut all: Vec<(String, f64)> =
            whole.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        for (i, domain) in Domain::ALL.into_iter().enumerate() {
            let each = [
                ("train_accuracy", Some(self.train[i])),
                ("test_accuracy", Some(self.test[i])),
                ("distance", self.distances[i]),
            ];
            all.extend(
                each.into_iter().filter_map(|(name, value)| Some((format!("{name}.{}", domain.name()), value?))),
            );
        }
        all
    }
}

/// How far the trial is, and what its panels need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    step: u64,
    pub(super) looks: Vec<Look>,
    /// For every question the step since which it holds: below the loss of what is memorised (training), answered
    /// rightly (the others).
    since: Vec<Option<u64>>,
}

/// What the decoder does with all questions at one moment.
struct Seen {
    /// Cross-entropy of every question, in nats.
    losses: Vec<f64>,
    right: Vec<bool>,
    /// Of every block probabilities and choice at the last token.
    blocks: Vec<[Vec<f32>; 2]>,
}

/// Where batches come from.
enum Feed {
    /// Every training question once an epoch.
    Epochs(Epochs),
    /// Every step new draws, the question of rank r as often as a power of 1/r.
    LongTail(Zipf<f64>, Key),
}

impl Feed {
    fn batch(&mut self, step: u64, size: usize) -> Vec<usize> {
        match self {
            Feed::Epochs(epochs) => epochs.batch(step).iter().map(|i| *i as usize).collect(),
            Feed::LongTail(law, key) => {
                let mut stream = key.index(step).stream();
                // Ranks begin at 1.
                (0..size).map(|_| law.sample(&mut stream) as usize - 1).collect()
            }
        }
    }
}

/// One variant, one seed.
pub(in super::super) struct DomainTrial {
    pub(super) settings: Domains,
    key: Key,
    pub(super) data: ModularDomains,
    feed: Feed,
    trained: Trained,
    pub(super) state: State,
    /// The questions whose pathways are followed, domain by domain: for training, and the others.
    pub(super) probes: [Vec<usize>; 2],
}

/// The first `most` questions of every domain, of those from `from` to `to`.
fn probe(data: &ModularDomains, from: usize, to: usize, most: usize) -> Vec<usize> {
    let of = |domain: Domain| (from..to).filter(move |i| data.questions[*i].domain == domain).take(most);
    Domain::ALL.into_iter().flat_map(of).collect()
}

impl DomainTrial {
    /// Starts a variant. Questions and first weights depend on the seed and not on the variant.
    pub(in super::super) fn start(settings: &Domains, condition: Condition, setup: &Setup) -> Self {
        let key = setup.key.purpose("mixed");
        let data = ModularDomains::new(settings.modulus, settings.shares.all(), key);
        let batches = key.purpose("batch");
        let feed = match condition {
            Condition::OnePass => {
                let law = Zipf::new(data.train as f64, settings.tail).expect("the checks hold the exponent");
                Feed::LongTail(law, batches)
            }
            _ => Feed::Epochs(Epochs::new(data.train, settings.batch, batches)),
        };
        let probes = [(0, data.train), (data.train, data.questions.len())];
        DomainTrial {
            key,
            feed,
            trained: Trained::new(settings, key.purpose("network"), setup.pool.clone()),
            state: State { since: vec![None; data.questions.len()], ..State::default() },
            probes: probes.map(|(from, to)| probe(&data, from, to, settings.probe)),
            data,
            settings: settings.clone(),
        }
    }

    fn see(&mut self) -> Seen {
        let (questions, blocks) = (&self.data.questions, self.settings.network.blocks);
        let mut found = self.trained.look(questions, self.settings.modulus, 2 + 2 * blocks).into_iter();
        let (losses, guesses) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
        let block = |_| [found.next().unwrap_or_default(), found.next().unwrap_or_default()];
        Seen {
            losses: losses.into_iter().map(f64::from).collect(),
            right: guesses.iter().zip(questions).map(|(guess, question)| *guess as usize == question.answer).collect(),
            blocks: (0..blocks).map(block).collect(),
        }
    }

    /// What the blocks decided for some questions, in order.
    fn of_questions(&self, seen: &Seen, questions: &[usize]) -> Vec<[Vec<f32>; 2]> {
        let network = self.settings.network;
        let rows = |values: &[f32], width: usize| {
            questions.iter().flat_map(|i| values[i * width..][..width].iter().copied()).collect::<Vec<f32>>()
        };
        let of = |[probabilities, chosen]: &[Vec<f32>; 2]| {
            [rows(probabilities, network.experts), rows(chosen, network.chosen)]
        };
        seen.blocks.iter().map(of).collect()
    }

    /// The same as pathways, with how smooth they are.
    fn pathways(&self, seen: &Seen, questions: &[usize]) -> (Pathways, Option<f64>) {
        let parts = self.of_questions(seen, questions);
        let blocks = parts.iter().enumerate();
        let choices: Vec<LayerChoice<'_>> = blocks
            .map(|(block, [probabilities, chosen])| LayerChoice {
                probabilities,
                chosen,
                router: self.trained.router(block),
            })
            .collect();
        let smooth = consistency(&choices, questions.len(), self.settings.network.width);
        (Pathways::new(&choices, questions.len()), smooth)
    }

    fn look(&mut self, record: &mut dyn Record) {
        let seen = self.see();
        let (step, train) = (self.state.step, self.data.train);
        let holds = |i: usize| if i < train { seen.losses[i] < times::MEMORISED } else { seen.right[i] };
        times::follow(&mut self.state.since, step, holds);
        let share = |domain: Domain, from: usize, to: usize| {
            let mine = || (from..to).filter(|i| self.data.questions[*i].domain == domain);
            mine().filter(|i| seen.right[*i]).count() as f64 / mine().count() as f64
        };
        let (pathways, smooth) = self.pathways(&seen, &self.probes[0]);
        let of = |i: &usize| self.data.questions[*i];
        let domains: Vec<usize> = self.probes[0].iter().map(|i| of(i).domain as usize).collect();
        let answers: Vec<usize> =
            self.probes[0].iter().map(|i| of(i).domain as usize * self.settings.modulus + of(i).answer).collect();
        let (distance, within) = (pathways.distance(), pathways.within(&domains));
        let over = |part: Option<f64>, whole: Option<f64>| Some(part? / whole.filter(|whole| *whole > 0.0)?);
        let experts = self.settings.network.experts;
        let look = Look {
            step,
            train_loss: seen.losses[..train].iter().sum::<f64>() / train as f64,
            train: Domain::ALL.map(|domain| share(domain, 0, train)),
            test: Domain::ALL.map(|domain| share(domain, train, seen.right.len())),
            distance,
            load_alone: pathways.load_alone(experts),
            load_entropy: pathways.load_entropy(experts),
            same_domain: over(within, distance),
            same_answer: over(pathways.within(&answers), within),
            consistency: smooth,
            distances: Domain::ALL.map(|domain| {
                // Every question outside stands in a group of its own.
                let apart = domains.iter().enumerate().map(|(i, d)| if *d == domain as usize { 0 } else { i + 1 });
                pathways.within(&apart.collect::<Vec<usize>>())
            }),
        };
        look.metrics().into_iter().for_each(|(name, value)| record.metric(step, &name, value));
        self.state.looks.push(look);
        if step == self.settings.steps {
            self.tell_groups(&seen, record);
        }
    }

    /// The group clock: by which step half of each domain's questions had come to stay.
    pub(super) fn clock(&self, training: bool) -> [f64; 4] {
        let of = |domain: Domain| {
            let all = self.data.questions.iter().zip(&self.state.since).enumerate();
            let mine = all.filter(|(i, (q, _))| (*i < self.data.train) == training && q.domain == domain);
            times::half_by(mine.map(|(_, (_, since))| *since))
        };
        Domain::ALL.map(of)
    }

    /// The same for the quarters of the training questions by rank, the most frequent first.
    fn by_rank(&self) -> Vec<f64> {
        let train = &self.state.since[..self.data.train];
        (0..4)
            .map(|q| &train[q * train.len() / 4..(q + 1) * train.len() / 4])
            .map(|q| times::half_by(q.iter().copied()))
            .collect()
    }

    /// Groups of the followed questions by time, test groups matched to training groups by their pathways.
    fn matches(&self, seen: &Seen) -> Vec<Matched> {
        let groups = |questions: &[usize]| -> Vec<Group> {
            let of = |domain: Domain| {
                let mine: Vec<usize> =
                    questions.iter().copied().filter(|i| self.data.questions[*i].domain == domain).collect();
                groups::by_time(domain, &mine, &self.state.since, self.settings.groups)
            };
            Domain::ALL.into_iter().flat_map(of).collect()
        };
        let [training, test] = [0, 1].map(|part| groups(&self.probes[part]));
        let order: Vec<usize> =
            training.iter().chain(&test).flat_map(|group| group.questions.iter().copied()).collect();
        groups::matched(&training, &test, &self.pathways(seen, &order).0)
    }

    fn tell_groups(&self, seen: &Seen, record: &mut dyn Record) {
        let step = self.state.step;
        let mut tell = |name: &str, steps: &[f64]| {
            record.vector(step, name, steps.iter().copied().map(times::recorded).collect());
        };
        tell("memorised_by_domain", &self.clock(true));
        tell("generalised_by_domain", &self.clock(false));
        tell("memorised_by_rank", &self.by_rank());
        let matched = self.matches(seen);
        tell("matched_memorised", &matched.iter().map(|pair| pair.training.step).collect::<Vec<f64>>());
        tell("matched_generalised", &matched.iter().map(|pair| pair.test.step).collect::<Vec<f64>>());
        if let Some(own) = groups::own_domain(&matched) {
            record.metric(step, "matched_own_domain", own);
        }
    }

    fn subject(&self) -> Subject {
        let modulus = self.settings.modulus;
        let examples = |questions: &[Question]| {
            let questions = &questions[..questions.len().min(CARD)];
            Examples::new(questions.len(), one_hot(questions, modulus), answers(questions))
        };
        // The others lie domain by domain: every so many of them.
        let (train, others) = self.data.questions.split_at(self.data.train);
        let some: Vec<Question> = others.iter().step_by(others.len().div_ceil(CARD)).copied().collect();
        let learner = &self.trained.learner;
        let seen = [examples(train), examples(&some)];
        let subject = learner.subject(learner.model.clone(), Objective::CrossEntropy, seen, self.key);
        Subject {
            training: learner.trained_for(self.state.step, self.settings.batch, self.settings.learning_rate),
            chance: Some(1.0 / modulus as f64),
            ..subject
        }
    }
}

impl Trial for DomainTrial {
    fn progress(&self) -> Progress {
        Progress { step: self.state.step, steps: self.settings.steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.looks.is_empty() {
            self.look(record);
        }
        let Domains { steps, every, learning_rate, batch, modulus, .. } = self.settings;
        for _ in 0..burst(self.settings.step_flop()) {
            let step = self.state.step;
            let drawn: Vec<Question> =
                self.feed.batch(step, batch).into_iter().map(|i| self.data.questions[i]).collect();
            let Trained { learner, training, .. } = &mut self.trained;
            training.set(&mut learner.store, 0, &tokens(&drawn, modulus));
            training.set(&mut learner.store, 1, &answers(&drawn));
            learner.train(training, step, warm_up(learning_rate, self.settings.warm_up, step))?;
            self.state.step += 1;
            if self.state.step.is_multiple_of(every) || self.state.step == steps {
                self.look(record);
                break;
            }
        }
        Ok(if self.state.step >= steps { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let seen = self.see();
        let pathways = self.pathways(&seen, &self.probes[0]).0;
        panels::panels(self, &pathways, &self.matches(&seen))
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        Ok(card::read(&self.subject(), names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        let fits = self.state.step <= self.settings.steps && self.state.since.len() == self.data.questions.len();
        archive.reachable(fits)?;
        self.trained.learner.keep(archive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_tail_is_drawn_by_rank_and_step() {
        let law = || Feed::LongTail(Zipf::new(100.0, 1.0).unwrap(), Key::new(1));
        let mut counts = [0usize; 100];
        let mut feed = law();
        for step in 0..200 {
            feed.batch(step, 50).into_iter().for_each(|i| counts[i] += 1);
        }
        // H(100) = 5.187: of 10,000 draws 1,928 for the first rank and half as many for the second.
        assert!((1750..2100).contains(&counts[0]) && (850..1080).contains(&counts[1]), "{counts:?}");
        assert!(counts[99] < 50 && counts.iter().all(|count| *count > 0), "{counts:?}");
        assert_eq!(law().batch(7, 50), feed.batch(7, 50));
        assert_ne!(feed.batch(7, 50), feed.batch(8, 50));
    }
}
