//! `adam`: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
//! p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps) (Kingma and Ba 2015), as an update of
//! the stored p, m and v.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, op::Gradients};
use crate::kernels::optimiser;

/// Inputs: gradient, factor on the gradient, learning rate, steps done before this one.
/// Updates: parameter, first moment, second moment.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment, outside the root.
    pub epsilon: f32,
}

impl Op for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        match inputs {
            [gradient, rest @ ..] if rest.len() == 3 && rest.iter().all(|x| x.size() == 1) => {
                Ok(vec![(*gradient).clone(); 3])
            }
            _ => Err(ShapeError::new("adam", inputs, "a gradient and three numbers")),
        }
    }

    fn run(&self, io: Io<'_>) {
        let Io { inputs: [g, factor, learning_rate, steps, ..], outputs: [p, m, v, ..], pool, .. } = io;
        // In f64: b2^t is near 1 for small t and its rounding would be amplified.
        let bias = |beta: f32| (1.0 - f64::from(beta).powi(steps[0] as i32 + 1)) as f32;
        let step = optimiser::Adam {
            gradient_scale: factor[0],
            learning_rate: learning_rate[0],
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            bias1: bias(self.beta1),
            bias2: bias(self.beta2),
        };
        optimiser::adam_step(pool, &step, p, m, v, g);
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule { op: "adam", why: "write the inner step with graph ops to differentiate it" })
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        12 * inputs[0].size() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};

    #[test]
    fn follows_the_paper_in_f64() {
        let mut store = Store::new();
        let [p, m, v] = ["p", "m", "v"].map(|name| store.add(name, [3]));
        let lr = store.add("learning_rate", Shape::SCALAR);
        let steps = store.add("steps", Shape::SCALAR);
        store.values_mut(lr)[0] = 0.1;
        store.values_mut(p).copy_from_slice(&[1.0, -2.0, 0.5]);
        let graph = Graph::new();
        let x = graph.read(&store, p);
        let gradient = graph.gradient((x * x * x).sum(), &[x]).unwrap()[0];
        let (rate, count) = (graph.read(&store, lr), graph.read(&store, steps));
        let adam = Adam { beta1: 0.9, beta2: 0.98, epsilon: 1e-8 };
        graph.update(&store, adam, &[gradient, graph.scalar(0.5), rate, count], &[p, m, v]);
        graph.update(&store, super::super::copy::Copy, &[count + 1.0], &[steps]);
        let mut executor = Executor::new(graph.plan().into(), Pool::serial());
        let mut expected: Vec<(f64, f64, f64)> = vec![(1.0, 0.0, 0.0), (-2.0, 0.0, 0.0), (0.5, 0.0, 0.0)];
        for t in 1..=7 {
            executor.run(&mut store);
            for (p, m, v) in &mut expected {
                let g = 0.5 * 3.0 * *p * *p;
                (*m, *v) = (0.9 * *m + 0.1 * g, 0.98 * *v + 0.02 * g * g);
                let (m_hat, v_hat) = (*m / (1.0 - 0.9f64.powi(t)), *v / (1.0 - 0.98f64.powi(t)));
                *p -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
            }
        }
        assert_eq!(store.values(steps), [7.0]);
        for (got, (expected, ..)) in store.values(p).iter().zip(&expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-5, "{got} {expected}");
        }
    }
}
