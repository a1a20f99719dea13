//! Where the time of a step goes: every op of a plan with its time, its bytes and its arithmetic.

use std::collections::HashMap;
use std::time::Duration;

use super::{Plan, Shape};

/// What an op of a plan costs; or several alike together.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Name of the op.
    pub op: String,
    /// Shapes of its inputs and outputs; empty where several shapes were added up.
    pub shapes: String,
    /// How often it runs in a step.
    pub count: usize,
    /// Seconds in a step.
    pub seconds: f64,
    /// Bytes of its inputs and outputs, each counted once.
    pub bytes: f64,
    /// Floating-point operations by the op's own count.
    pub flop: f64,
}

impl Cost {
    /// Billions of floating-point operations a second.
    pub fn gflops(&self) -> f64 {
        self.flop / self.seconds / 1e9
    }

    /// Billions of bytes a second.
    pub fn gigabytes(&self) -> f64 {
        self.bytes / self.seconds / 1e9
    }

    fn add(&mut self, other: &Cost) {
        self.count += other.count;
        self.seconds += other.seconds;
        self.bytes += other.bytes;
        self.flop += other.flop;
    }
}

/// The costs of every op of a plan, in the order in which they run.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// One entry a step of the plan.
    pub steps: Vec<Cost>,
}

impl Profile {
    /// From the times of all `runs` together.
    pub(super) fn new(plan: &Plan, times: &[Duration], runs: usize) -> Self {
        let size = |shapes: &[Shape]| shapes.iter().map(Shape::size).sum::<usize>();
        let list = |shapes: &[Shape]| shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let cost = |(step, time): (&super::plan::Step, &Duration)| Cost {
            op: step.op.label(),
            shapes: format!("{} -> {}", list(&step.input_shapes), list(&step.output_shapes)),
            count: 1,
            seconds: time.as_secs_f64() / runs.max(1) as f64,
            bytes: 4.0 * (size(&step.input_shapes) + size(&step.output_shapes)) as f64,
            flop: step.op.flop(&step.input_shapes, &step.output_shapes) as f64,
        };
        Profile { steps: plan.steps.iter().zip(times).map(cost).collect() }
    }

    /// Seconds of a step.
    pub fn seconds(&self) -> f64 {
        self.steps.iter().map(|cost| cost.seconds).sum()
    }

    /// Ops of one name (and, with `shapes`, of one shape) together, the most expensive first.
    pub fn grouped(&self, shapes: bool) -> Vec<Cost> {
        let mut groups: Vec<Cost> = Vec::new();
        let mut index: HashMap<(&str, &str), usize> = HashMap::new();
        for cost in &self.steps {
            let key = (cost.op.as_str(), if shapes { cost.shapes.as_str() } else { "" });
            match index.get(&key) {
                Some(&at) => groups[at].add(cost),
                None => {
                    index.insert(key, groups.len());
                    groups.push(Cost { shapes: key.1.to_owned(), ..cost.clone() });
                }
            }
        }
        groups.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        groups
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store};

    #[test]
    fn every_op_is_counted_with_its_arithmetic() {
        let (mut store, graph) = (Store::new(), Graph::new());
        let [a, b] = ["a", "b"].map(|name| store.add(name, [6, 6]));
        let (a, b) = (graph.read(&store, a), graph.read(&store, b));
        graph.output("y", a.matmul(b).matmul(b).sqrt());
        let profile = Executor::new(Arc::new(graph.plan()), Pool::serial()).profile(&mut store, 3);
        let groups = profile.grouped(false);
        let products = groups.iter().find(|cost| cost.op == "matmul").expect("two products");
        assert_eq!((products.count, products.flop, products.bytes), (2, 864.0, 864.0));
        assert!((groups.iter().map(|cost| cost.seconds).sum::<f64>() - profile.seconds()).abs() < 1e-12);
        assert_eq!(profile.grouped(true).len(), 2);
    }
}
