//! A running trial: train, follow the sharpness, measure the groups.

use super::measure::{self, Moment, State};
use super::model::{self, OBJECTIVE, Trained};
use super::panels;
use super::settings::{Condition, Deletion, Leg, Settings};
use crate::base::random::Key;
use crate::contract::{Archive, Cell, Flow, Level, Panel, Progress, Reading, Record, Setup, Trial, TrialError};
use crate::instruments::card;
use crate::instruments::sharpness::{Tracker, lanczos, random_direction};
use crate::instruments::subject::{Examples, Feature, Subject};
use crate::tasks::base_set::Split;
use crate::tasks::opposing::{Planted, batch_of};
use crate::training::burst;

/// What the learning rate of a second attempt is multiplied with.
const RAISED: f32 = 1.5;
/// Positions kept for the valley cut.
const POSITIONS: usize = 20;

/// One condition, one seed.
pub(super) struct OpposingTrial {
    pub(super) settings: Settings,
    pub(super) cell: Cell<Condition>,
    key: Key,
    pub(super) data: Planted,
    deleted: Vec<usize>,
    pub(super) trained: Trained,
    pub(super) state: State,
    /// Loss of each example before each step, `[steps, examples]`; empty in leg A, whose groups suffice.
    pub(super) losses: Vec<f32>,
    /// The last weights, `[.., parameters]`.
    pub(super) positions: Vec<f32>,
    /// Loss of each example before the last step.
    pub(super) last: Vec<f32>,
}

impl OpposingTrial {
    /// Starts the trial of a cell. Data and weights depend on the seed and the leg, so that conditions are
    /// compared on the same ground.
    pub(super) fn start(settings: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Self, TrialError> {
        let key = setup.key;
        let data = model::data(settings, &cell.condition, Split::Train, key)?;
        let mut trained = Trained::new(settings, &cell.condition, &data, key, setup.pool.clone())?;
        trained.weigh(&measure::shares(&data, &[]));
        let tracker = Tracker::new(trained.learner.parameters(), key.purpose("tracker"));
        Ok(OpposingTrial {
            settings: settings.clone(),
            deleted: measure::deleted(cell.condition.deletion, &data, key),
            cell,
            key,
            data,
            trained,
            state: State::new(0, tracker),
            losses: Vec::new(),
            positions: Vec::new(),
            last: Vec::new(),
        })
    }

    fn rate(&self) -> f32 {
        self.cell.condition.rate * RAISED.powi(self.state.attempt as i32)
    }

    /// Sharpness at which gradient descent at this rate is no longer stable.
    pub(super) fn edge(&self) -> f64 {
        2.0 / f64::from(self.rate())
    }

    /// The step as events count it: a second run goes on from the first.
    fn counted(&self) -> u64 {
        u64::from(self.state.attempt) * self.cell.condition.steps + self.state.step
    }

    /// Sharpness without a vector to start from.
    fn sharpness_afresh(&mut self) -> f64 {
        let start = random_direction(self.trained.learner.parameters(), self.key.purpose("lanczos"));
        let Trained { hessian, learner, .. } = &mut self.trained;
        let found = lanczos(|v| hessian.apply(&mut learner.store, v), &start, self.settings.sharpness.first, 1);
        let Some(mut spectrum) = found else { return f64::NAN };
        if let Some(vector) = spectrum.vectors.pop() {
            self.state.tracker = Tracker::from_vector(vector);
        }
        spectrum.values.first().copied().unwrap_or(f64::NAN)
    }

    /// A step takes so long that each has its own product with the Hessian, instead of several every so often.
    fn is_slow(&self) -> bool {
        self.cell.condition.leg == Leg::Pictures
    }

    /// Goes on with the tracker at the weights as they are.
    fn follow(&mut self) -> f64 {
        let iterations = if self.is_slow() { 1 } else { self.settings.sharpness.iterations };
        let Trained { hessian, learner, .. } = &mut self.trained;
        self.state.tracker.follow(|v| hessian.apply(&mut learner.store, v), iterations).value
    }

    /// Before the first step; a run that begins beyond the edge is no run towards it.
    fn begin(&mut self, record: &mut dyn Record) {
        let initial = if self.is_slow() { self.follow() } else { self.sharpness_afresh() };
        self.state.initial = initial;
        let at = self.counted();
        record.metric(at, "initial_sharpness", initial);
        record.metric(at, "learning_rate", f64::from(self.rate()));
        if initial > self.edge() {
            let text = format!("begins beyond the edge: sharpness {initial:.1} above 2 / eta = {:.1}", self.edge());
            record.note(at, Level::Warning, text + "; left out");
            record.metric(at, "excluded", 1.0);
            self.state.finished = true;
        }
    }

    fn weigh_for_step(&mut self) {
        let study = self.cell.condition.study.as_ref();
        let Some(batch) = study.and_then(|study| study.batch) else { return };
        let mut stream = self.key.purpose("batch").index(self.state.step).stream();
        let mut shares = vec![0.0; self.data.count];
        batch_of(self.data.count, batch, &mut stream).into_iter().for_each(|i| shares[i] = 1.0 / batch as f32);
        self.trained.weigh(&shares);
    }

    fn train(&mut self) -> Result<(), TrialError> {
        self.weigh_for_step();
        let (rate, at) = (self.rate(), self.counted());
        let here = self.trained.flat();
        self.positions.drain(..(self.positions.len() + here.len()).saturating_sub(POSITIONS * here.len()));
        self.positions.extend(here);
        let Trained { learner, training, .. } = &mut self.trained;
        learner.train(training, at, rate)?;
        training.output_into(&learner.store, 2, &mut self.last);
        let mean =
            |of: &mut dyn Iterator<Item = f32>, count: usize| of.map(f64::from).sum::<f64>() / count.max(1) as f64;
        let group = |members: &[usize]| mean(&mut members.iter().map(|&i| self.last[i]), members.len());
        let all = mean(&mut self.last.iter().copied(), self.data.count);
        self.state.means.push([group(&self.data.a), group(&self.data.b), all]);
        if !matches!(self.cell.condition.leg, Leg::Linear(_)) {
            self.losses.extend_from_slice(&self.last);
        }
        self.state.step += 1;
        Ok(())
    }

    fn measure(&mut self, record: &mut dyn Record) {
        if self.cell.condition.study.as_ref().is_some_and(|study| study.batch.is_some()) {
            // The landscape is that of all examples, whatever the last batch was.
            self.trained.weigh(&measure::shares(&self.data, &[]));
        }
        let found = self.follow();
        let (at, step) = (self.counted(), self.state.step);
        record.metric(at, "sharpness", found);
        if let Some([a, b, all]) = self.state.means.last() {
            [("loss", all), ("loss_a", a), ("loss_b", b)].into_iter().for_each(|(name, v)| record.metric(at, name, *v));
        }
        self.state.moments.push(Moment { step, sharpness: found, norms: self.trained.norms() });
        if self.state.crossing.is_none() && found > self.edge() {
            self.state.crossing = Some(step);
            if self.cell.condition.deletion != Deletion::Nothing {
                record.note(at, Level::Info, format!("{} examples deleted at the crossing", self.deleted.len()));
                self.trained.weigh(&measure::shares(&self.data, &self.deleted));
            }
        }
    }

    /// The last step of this run.
    fn end(&self) -> u64 {
        let Condition { steps, deletion, .. } = self.cell.condition;
        match self.state.crossing {
            Some(crossing) if deletion != Deletion::Nothing => steps.min(crossing + self.settings.network.causal_steps),
            _ => steps,
        }
    }

    /// A run that had to cross the edge and did not begins again at a larger rate, once.
    fn finish(&mut self, record: &mut dyn Record) {
        let at = self.counted();
        if self.state.crossing.is_none() && self.cell.condition.must_cross && self.state.attempt == 0 {
            let text = format!("never crossed 2 / eta = {:.1}; begins again with eta x {RAISED}", self.edge());
            record.note(at, Level::Warning, text);
            let initial = self.trained.learner.initial().to_vec();
            self.trained.learner.set_weight_values(&initial);
            self.trained.learner.reset_optimiser();
            self.state = State::new(1, Tracker::new(self.trained.learner.parameters(), self.key.purpose("tracker")));
            self.losses.clear();
            self.positions.clear();
            return;
        }
        self.state.record(self.edge(), at, record);
        match self.cell.condition.leg {
            Leg::Linear(_) => {
                let last = self.sharpness_afresh();
                record.metric(at, "final_sharpness", last);
                record.metric(at, "output_norm", self.trained.norms().last().map_or(0.0, |c| c * c));
            }
            Leg::Pictures => {
                let listed = self.settings.pictures.as_ref().map_or(2, |pictures| pictures.listed);
                measure::record_found(&self.losses, self.state.window(), &self.data, listed, at, record);
            }
            _ => measure::record_groups(&self.losses, self.state.window(), &self.data, at, record),
        }
        self.state.record_after_crossing(self.edge(), self.settings.network.causal_steps, at, record);
        if self.state.crossing.is_none() && self.cell.condition.must_cross {
            record.note(at, Level::Warning, "never crossed the edge, at the larger rate either");
        }
        self.state.finished = true;
    }

    fn subject(&self) -> Result<Subject, TrialError> {
        let unseen = model::data(&self.settings, &self.cell.condition, Split::HeldOut, self.key)?;
        let shared = || {
            let last = self.data.width - 1;
            let values = unseen.inputs.chunks_exact(self.data.width).map(|x| x[last]).collect();
            Feature { values: Some(values), ..Feature::coordinates("shared feature", self.data.width, vec![last]) }
        };
        let seen = [&self.data, &unseen].map(|d| Examples::new(d.count, d.inputs.clone(), d.targets.clone()));
        let batch = self.cell.condition.study.as_ref().and_then(|study| study.batch).unwrap_or(self.data.count);
        let learner = &self.trained.learner;
        Ok(Subject {
            features: self.data.picture.is_none().then(shared).into_iter().collect(),
            training: learner.trained_for(self.state.step, batch, self.rate()),
            ..learner.subject(learner.model.clone(), OBJECTIVE, seen, self.key)
        })
    }
}

impl Trial for OpposingTrial {
    fn progress(&self) -> Progress {
        let steps = self.cell.condition.steps * u64::from(1 + self.state.attempt);
        Progress { step: if self.state.finished { steps } else { self.counted() }, steps }
    }

    fn step(&mut self, record: &mut dyn Record) -> Result<Flow, TrialError> {
        if self.state.step == 0 {
            self.begin(record);
        }
        let every = if self.is_slow() { 1 } else { self.settings.sharpness.every };
        for _ in 0..burst(self.cell.flop / self.cell.steps as f64) {
            if self.state.finished || self.state.step >= self.end() {
                break;
            }
            self.train()?;
            if self.state.step.is_multiple_of(every) {
                self.measure(record);
                break;
            }
        }
        if !self.state.finished && self.state.step >= self.end() {
            self.finish(record);
        }
        Ok(if self.state.finished { Flow::Done } else { Flow::More })
    }

    fn panels(&mut self) -> Vec<Panel> {
        let mut shown = vec![panels::oscilloscope(self), panels::sharpness(self)];
        shown.extend(panels::most_moved(self));
        shown.extend(panels::most_moved_pictures(self));
        shown.extend(panels::valley(self));
        shown
    }

    fn readings(&mut self, names: &[&str], told: &mut dyn FnMut(usize, usize, &str)) -> Result<Vec<Reading>, String> {
        let subject = self.subject().map_err(|error| error.to_string())?;
        Ok(card::read(&subject, names, told))
    }

    fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut self.state)?;
        archive.reachable(self.state.step <= self.cell.condition.steps && self.state.attempt <= 1)?;
        self.trained.learner.keep(archive)?;
        archive.rows("trial.losses", self.data.count, &mut self.losses)?;
        archive.rows("trial.last", self.data.count, &mut self.last)?;
        archive.rows("trial.positions", self.trained.learner.parameters(), &mut self.positions)?;
        if archive.restores() {
            let crossed = self.state.crossing.is_some();
            self.trained.weigh(&measure::shares(&self.data, if crossed { &self.deleted } else { &[] }));
        }
        Ok(())
    }
}
