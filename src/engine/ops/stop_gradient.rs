//! `stop_gradient`: y = x; dx = 0.

use super::pointwise::same;
use crate::engine::{Backward, Io, Op, Shape, ShapeError, Var, op::Gradients};

#[derive(Debug)]
struct StopGradient;

impl Op for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        same("stop_gradient", inputs)
    }

    fn run(&self, _: Io<'_>) {}

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Ok(vec![None])
    }

    fn is_view(&self) -> bool {
        true
    }
}

impl<'g> Var<'g> {
    /// The same value, taken as a constant by every gradient.
    pub fn stop_gradient(self) -> Var<'g> {
        self.graph().apply_one(StopGradient, &[self])
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    use super::case::real;
    vec![Case::one("stop", [real([3, 7])], |x| (x[0] * 0.0).stop_gradient() + x[0], |x| x[0].clone())]
}

#[cfg(test)]
mod tests {
    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};

    #[test]
    fn the_slope_of_x_times_stopped_x_is_x() {
        let mut store = Store::new();
        let slot = store.add("x", [3]);
        store.values_mut(slot).copy_from_slice(&[1.0, -2.0, 3.0]);
        let graph = Graph::new();
        let x = graph.read(&store, slot);
        let gradient = graph.gradient((x * x.stop_gradient()).sum(), &[x]).unwrap()[0];
        let output = graph.output("gradient", gradient);
        let mut executor = Executor::new(graph.plan().into(), Pool::serial());
        executor.run(&mut store);
        assert_eq!(executor.output(output, &store), [1.0, -2.0, 3.0]);
    }
}
