//! The networks of a condition: one, or an ensemble, trained plainly or on attacked points.

use super::data::Data;
use super::settings::{Attack, Ball, Condition, Network};
use crate::base::random::Key;
use crate::base::threads::Pool;
use crate::contract::{Archive, TrialError};
use crate::engine::{Shape, Var};
use crate::instruments::subject::{Forward, Model};
use crate::nn::layers::{Activation, Spread};
use crate::nn::weights::{Builder, Values};
use crate::nn::zoo::cnn::{self, Cnn, Flatten, Stage};
use crate::nn::zoo::mlp::{Mlp, MlpShape};
use crate::training::{Learner, Pass, Trained, turned};

/// The most rows that are scored at once.
const AT_ONCE: usize = 500;

/// A network that gives two logits a row.
#[derive(Clone, Debug)]
pub(super) enum Net {
    Mlp(Mlp),
    Cnn(Cnn),
}

impl Net {
    /// With PyTorch's default initialisation (Mlp), or He et al.'s (Cnn).
    pub(super) fn new(b: &mut Builder<'_>, condition: &Condition) -> Self {
        match condition.network {
            Network::Mlp { width, layers } => {
                let plain = MlpShape::plain(condition.width(), width, layers, 2, Activation::Relu);
                Net::Mlp(Mlp::new(b, &MlpShape { spread: Spread::Uniform, ..plain }))
            }
            Network::Cnn => {
                let stages = vec![Stage::same(16, 3, 1), Stage::same(32, 3, 2)];
                let (image, flatten, hidden) = ([16, 8, 1], Flatten::Whole, vec![64]);
                Net::Cnn(Cnn::new(b, &cnn::Shape { image, stages, flatten, hidden, outputs: 2 }))
            }
        }
    }
}

/// Inputs `[rows, width]` to logits `[rows, 2]`.
impl Model for Net {
    fn forward<'g>(&self, values: &Values<'g>, x: Var<'g>) -> Forward<'g> {
        match self {
            Net::Mlp(mlp) => Model::forward(mlp, values, x),
            Net::Cnn(cnn) => {
                let hidden = vec![("filters".into(), cnn.features(values, image(x)))];
                Forward { outputs: cnn.forward(values, image(x)), hidden }
            }
        }
    }
}

/// Rows of 128 numbers as images of 16x8 pixels.
fn image(x: Var<'_>) -> Var<'_> {
    x.reshape([x.shape()[0], 16, 8, 1])
}

/// One network with its passes.
pub(super) struct Member {
    pub(super) learner: Learner<Net>,
    training: Pass,
    attack: Option<Pass>,
    scoring: Pass,
}

/// All networks of a condition.
pub(super) struct Networks {
    pub(super) members: Vec<Member>,
    width: usize,
    attack_steps: usize,
}

/// A point moved up the gradient of the loss and back into its ball.
fn attacked<'g>(attack: &Attack, x: Var<'g>, clean: Var<'g>, gradient: Var<'g>) -> Var<'g> {
    let (radius, length) = (attack.radius, 2.5 * attack.radius / attack.steps as f32);
    match attack.norm {
        Ball::Cube => {
            let sign = gradient.step() - (-gradient).step();
            (x + sign * length - clean).clamp(-radius, radius) + clean
        }
        Ball::Sphere => {
            let rows = x.shape()[0];
            let norm = |v: Var<'g>| v.norm_axes(&[1]).reshape([rows, 1]);
            let moved = x + gradient / (norm(gradient) + 1e-12) * length - clean;
            // 1 inside the ball, radius / length outside.
            let size = norm(moved) * (1.0 / radius);
            let outside = (size - 1.0).relu() + 1.0;
            moved / outside + clean
        }
    }
}

impl Member {
    fn new(condition: &Condition, data: &Data, batch: usize, key: Key, pool: Pool) -> Self {
        let made = condition.clone();
        let mut learner = Learner::new(key, pool, condition.optimiser, move |b| Net::new(b, &made));
        let shapes = [("x", Shape::from([batch, data.width])), ("y", Shape::from([batch]))];
        let training = learner.training(&shapes, |net, values, given| {
            (net.forward(values, given[0]).outputs.cross_entropy(given[1]).mean(), Vec::new())
        });
        let attack = condition.attack.map(|attack| {
            let shapes = [shapes[0].clone(), shapes[1].clone(), ("clean", Shape::from([batch, data.width]))];
            learner.pass(&shapes, |net, values, given| {
                let [x, y, clean] = [given[0], given[1], given[2]];
                let loss = net.forward(values, x).outputs.cross_entropy(y).sum();
                let gradient = x.graph().gradient(loss, &[x]).expect("every op of the networks has a gradient");
                vec![attacked(&attack, x, clean, gradient[0])]
            })
        });
        let at_once = AT_ONCE.min(data.positive.len());
        let scoring = learner.pass(&[("rows", Shape::from([at_once, data.width]))], |net, values, given| {
            let logits = net.forward(values, turned(data.rotation.as_ref(), given[0])).outputs;
            vec![logits.slice(1, 1, 1) - logits.slice(1, 0, 1)]
        });
        Member { learner, training, attack, scoring }
    }

    /// A training step on rows as the network sees them.
    fn train(&mut self, x: &[f32], y: &[f32], steps: usize, step: u64, rate: f32) -> Result<Trained, TrialError> {
        self.training.set(&mut self.learner.store, 0, x);
        self.training.set(&mut self.learner.store, 1, y);
        if let Some(attack) = &mut self.attack {
            attack.set(&mut self.learner.store, 2, x);
            for _ in 0..steps {
                attack.run(&mut self.learner.store);
                let moved = attack.output(&self.learner.store, 0);
                attack.set(&mut self.learner.store, 0, &moved);
            }
        }
        self.learner.train(&mut self.training, step, rate)
    }
}

impl Networks {
    /// Fresh networks, each from a stream of its own below `key`.
    pub(super) fn new(condition: &Condition, data: &Data, batch: usize, key: Key, pool: &Pool) -> Self {
        let member =
            |i: usize| Member::new(condition, data, batch, key.purpose("member").index(i as u64), pool.clone());
        let members = (0..condition.members).map(member).collect();
        Networks { members, width: data.width, attack_steps: condition.attack.map_or(0, |attack| attack.steps) }
    }

    /// Names every member's weights and optimiser state to a checkpoint.
    pub(super) fn keep(&mut self, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        for (i, member) in self.members.iter_mut().enumerate() {
            member.learner.keep(&mut archive.under(&format!("member.{i}.")))?;
        }
        Ok(())
    }

    /// A training step of every member on the same batch: the mean loss.
    ///
    /// # Errors
    /// When a loss or a gradient is not finite.
    pub(super) fn train(&mut self, x: &[f32], y: &[f32], step: u64, rate: f32) -> Result<f64, TrialError> {
        let mut loss = 0.0;
        for member in &mut self.members {
            loss += f64::from(member.train(x, y, self.attack_steps, step, rate)?.loss);
        }
        Ok(loss / self.members.len() as f64)
    }

    /// Logit of label 1 minus logit of label 0, mean over members, of rows of coordinates.
    pub(super) fn score(&mut self, rows: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; rows.len() / self.width];
        for member in &mut self.members {
            let scores = member.scoring.over_rows(&mut member.learner.store, rows, self.width, 0);
            sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        }
        let count = self.members.len() as f32;
        sums.iter_mut().for_each(|sum| *sum /= count);
        sums
    }
}

/// Mean cross-entropy in nats of two logits with these differences.
pub(super) fn loss(scores: &[f32], y: &[f32]) -> f64 {
    let one = |(score, y): (&f32, &f32)| {
        let wrong = f64::from(if *y > 0.5 { -score } else { *score });
        wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()
    };
    scores.iter().zip(y).map(one).sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Executor, Graph, Store};
    use std::sync::Arc;

    #[test]
    fn an_attack_stays_in_its_ball_and_goes_up_the_gradient() {
        let (clean, gradient) = (vec![0.5f32, -0.2, 0.1, 0.3], vec![3.0f32, -4.0, 0.0, 0.1]);
        let run = |norm: Ball, steps: usize| {
            let attack = Attack { norm, radius: 0.1, steps };
            let graph = Graph::new();
            let [c, g] = [&clean, &gradient].map(|v| graph.constant([2, 2], v.clone()));
            let moved = (0..steps).fold(c, |x, _| attacked(&attack, x, c, g));
            let output = graph.output("moved", moved);
            let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
            let mut store = Store::new();
            executor.run(&mut store);
            let moved = executor.output(output, &store);
            moved.iter().zip(&clean).map(|(a, b)| a - b).collect::<Vec<f32>>()
        };
        let near = |found: Vec<f32>, expected: [f32; 4]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {expected:?}");
        };
        near(run(Ball::Cube, 1), [0.1, -0.1, 0.0, 0.1]);
        near(run(Ball::Cube, 10), [0.1, -0.1, 0.0, 0.1]);
        near(run(Ball::Sphere, 10), [0.06, -0.08, 0.0, 0.1]);
        let attack = run(Ball::Sphere, 1);
        near(attack, [0.06, -0.08, 0.0, 0.1]);
    }

    #[test]
    fn the_loss_is_the_cross_entropy_of_two_logits() {
        let expected = (1.0 + (-2.0f64).exp()).ln() / 2.0 + (1.0 + 3.0f64.exp()).ln() / 2.0;
        assert!((loss(&[2.0, 3.0], &[1.0, 0.0]) - expected).abs() < 1e-12);
        assert!(loss(&[1e30], &[0.0]).is_finite());
    }
}
