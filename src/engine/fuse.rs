//! Fusion: pointwise ops that follow a product are done by the product itself, block by block while
//! the block is still in the inner caches.
//!
//! A chain begins at an op that can end with an epilogue ([`Op::with_epilogue`]) and takes in the only
//! user of its value, as long as that is a pointwise op ([`Op::pointwise`]): a bias, a sum with a value
//! of the same shape, an activation, the backward of one. An activation whose input is needed again
//! ends the chain with two outputs.

use std::sync::Arc;

use super::graph::{Node, Recorded, Source};
use super::op::{Follow, Pointwise};

/// The same graph with every chain in one node, at the place of the chain's last.
pub(super) fn fuse(recorded: &Recorded) -> Recorded {
    let mut fuser = Fuser::new(recorded);
    for node in 0..fuser.recorded.nodes.len() {
        if fuser.users.live[node] && !fuser.absorbed[node] {
            fuser.follow(node);
        }
    }
    let mut recorded = fuser.recorded;
    while join_row_sums(&mut recorded) {}
    recorded
}

/// A sum over the rows of a value that a product reads as its second input is taken on the way: the
/// gradient of a bias, with that of its weight. Joins one pair, and says whether there was one.
fn join_row_sums(recorded: &mut Recorded) -> bool {
    let users = Users::new(recorded);
    for sum in 0..recorded.nodes.len() {
        let node = &recorded.nodes[sum];
        let [rows] = node.inputs[..] else { continue };
        if !users.live[sum] || !node.op.sums_rows(&recorded.values[rows].shape) {
            continue;
        }
        let (output, root) = (node.outputs[0], users.root[rows]);
        let columns = recorded.values[rows].shape.last_extent();
        let joins = |&other: &usize| {
            let node = &recorded.nodes[other];
            let first = sum.min(other);
            // What the earlier of both makes must not be read before the later.
            let early = &recorded.nodes[first].outputs;
            let late = |id: &usize| users.of[users.root[*id]].iter().all(|user| *user > sum.max(other));
            other != sum
                && node
                    .inputs
                    .get(1)
                    .is_some_and(|b| users.root[*b] == root && recorded.values[*b].shape.last_extent() == columns)
                && node.op.with_row_sums().is_some()
                && early.iter().all(late)
        };
        let Some(&product) = users.of[root].iter().find(|other| joins(other)) else { continue };
        let Some(op) = recorded.nodes[product].op.with_row_sums() else { continue };
        let node = recorded.nodes[product].clone();
        let outputs: Vec<usize> = node.outputs.iter().copied().chain([output]).collect();
        let at = sum.max(product);
        for &output in &outputs {
            recorded.values[output].source = Source::Node(at);
        }
        recorded.nodes[at] = Node { op: Arc::from(op), inputs: node.inputs, outputs };
        return true;
    }
    false
}

/// Who reads what.
struct Users {
    /// The value whose memory each value shares.
    root: Vec<usize>,
    /// The nodes that read each root, in order; views are no readers.
    of: Vec<Vec<usize>>,
    /// Whether a root is read after all nodes.
    kept: Vec<bool>,
    /// Which nodes run at all.
    live: Vec<bool>,
}

impl Users {
    fn new(recorded: &Recorded) -> Users {
        let (root, live) = (recorded.roots(), recorded.live());
        let mut of = vec![Vec::new(); root.len()];
        for (at, node) in recorded.nodes.iter().enumerate().filter(|(at, node)| live[*at] && !node.op.is_view()) {
            for &input in &node.inputs {
                of[root[input]].push(at);
            }
        }
        let mut kept = vec![false; root.len()];
        recorded.kept().for_each(|id| kept[root[id]] = true);
        Users { root, of, kept, live }
    }
}

struct Fuser {
    recorded: Recorded,
    users: Users,
    absorbed: Vec<bool>,
}

/// A chain that grows.
struct Chain {
    /// The value at its end.
    end: usize,
    /// The last node that was taken in.
    last: usize,
    /// Inputs of the fused node.
    inputs: Vec<usize>,
    steps: Vec<Follow>,
    nodes: Vec<usize>,
}

impl Fuser {
    fn new(recorded: &Recorded) -> Fuser {
        let absorbed = vec![false; recorded.nodes.len()];
        Fuser { users: Users::new(recorded), recorded: recorded.clone(), absorbed }
    }

    /// Lets a chain grow from a node and puts it in place of its last.
    fn follow(&mut self, first: usize) {
        let node = &self.recorded.nodes[first];
        if node.outputs.len() != 1 || node.op.with_epilogue(&[]).is_none() {
            return;
        }
        let mut chain = Chain {
            end: node.outputs[0],
            last: first,
            inputs: node.inputs.clone(),
            steps: Vec::new(),
            nodes: vec![first],
        };
        let mut kept = None;
        while let Some((next, step, operand, output)) = self.next(&chain) {
            let mut steps = chain.steps.clone();
            steps.push(step);
            if node.op.with_epilogue(&steps).is_none() || chain.inputs.len() == super::MAX_INPUTS {
                break;
            }
            chain.steps = steps;
            chain.inputs.extend(operand);
            chain.nodes.push(next);
            chain.last = next;
            if matches!(step, Follow::Keep(_)) {
                kept = Some(output);
                break;
            }
            chain.end = output;
        }
        let Some(op) = node.op.with_epilogue(&chain.steps).filter(|_| !chain.steps.is_empty()) else { return };
        let outputs: Vec<usize> = [chain.end].into_iter().chain(kept).collect();
        chain.nodes.iter().for_each(|&node| self.absorbed[node] = true);
        for &output in &outputs {
            self.recorded.values[output].source = Source::Node(chain.last);
        }
        self.recorded.nodes[chain.last] = Node { op: Arc::from(op), inputs: chain.inputs, outputs };
    }

    /// The node that the end of a chain may take in: what it does, its other operand, its output.
    fn next(&self, chain: &Chain) -> Option<(usize, Follow, Option<usize>, usize)> {
        let root = self.users.root[chain.end];
        let users = &self.users.of[root];
        let next = *users.first()?;
        let node = &self.recorded.nodes[next];
        if self.absorbed[next] || next <= chain.last {
            return None;
        }
        let is_end = |id: usize| self.users.root[id] == root;
        let size = |id: usize| self.recorded.values[id].shape.size();
        let shape = |id: usize| &self.recorded.values[id].shape;
        let output = *node.outputs.first()?;
        let alone = users.len() == 1 && !self.users.kept[root];
        match (node.op.pointwise()?, &node.inputs[..]) {
            (Pointwise::Add, &[a, b]) if alone && is_end(a) != is_end(b) => {
                let (own, other) = if is_end(a) { (a, b) } else { (b, a) };
                if shape(own) == shape(other) {
                    return Some((next, Follow::Add, Some(other), output));
                }
                let columns = shape(own).last_extent();
                let is_bias =
                    size(other) == columns && shape(other).last_extent() == columns && size(output) == size(own);
                // The columns of the product must be those of the value that the bias is added to.
                let whole = self.recorded.values[self.recorded.nodes[chain.nodes[0]].outputs[0]].shape.last_extent();
                (is_bias && whole == columns).then_some((next, Follow::Bias, Some(other), output))
            }
            (Pointwise::Map(f), &[_]) if alone => Some((next, Follow::Map(f), None, output)),
            (Pointwise::Map(f), &[_]) if users[1..].iter().all(|&user| user > next) || users.len() == 1 => {
                Some((next, Follow::Keep(f), None, output))
            }
            (Pointwise::Slope(f), &[d, saved]) if alone && is_end(d) && !is_end(saved) && size(d) == size(saved) => {
                Some((next, Follow::Slope(f), Some(saved), output))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::base::threads::Pool;
    use crate::engine::{Executor, Graph, Store, Var};

    fn store(shapes: &[(&str, &[usize])]) -> Store {
        let mut store = Store::new();
        for (i, (name, shape)) in shapes.iter().enumerate() {
            let slot = store.add(*name, *shape);
            let fill = |(j, value): (usize, &mut f32)| *value = ((i * 31 + j * 17) % 23) as f32 / 11.5 - 1.0;
            store.values_mut(slot).iter_mut().enumerate().for_each(fill);
        }
        store
    }

    /// Names of the ops of a plan, and its output.
    fn run(store: &mut Store, record: impl for<'g> Fn(&dyn Fn(&str) -> Var<'g>) -> Var<'g>) -> (Vec<String>, Vec<f32>) {
        let graph = Graph::new();
        let result = {
            let read = |name: &str| graph.read(store, store.find(name).expect("a stored value"));
            record(&read)
        };
        let output = graph.output("result", result);
        let plan = graph.plan();
        let word = |line: &str| line.split(" = ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
        let names = plan.to_string().lines().filter_map(word).collect();
        let mut executor = Executor::new(Arc::new(plan), Pool::serial());
        executor.run(store);
        (names, executor.output(output, store))
    }

    const SHAPES: &[(&str, &[usize])] = &[("x", &[2, 3, 4]), ("w", &[4, 5]), ("b", &[5]), ("h", &[2, 3, 5])];

    #[test]
    fn a_linear_layer_with_bias_and_residual_is_one_op() {
        let mut values = store(SHAPES);
        let (names, got) = run(&mut values, |v| v("h") + (v("x").matmul(v("w")) + v("b")));
        assert_eq!(names, ["matmul+bias+add"]);
        let value = |name: &str, at: usize| values.values(values.find(name).unwrap())[at];
        for (at, got) in got.iter().enumerate() {
            let product: f32 = (0..4).map(|p| value("x", at / 5 * 4 + p) * value("w", p * 5 + at % 5)).sum();
            assert!((got - (product + value("b", at % 5) + value("h", at))).abs() < 1e-5);
        }
    }

    #[test]
    fn an_activation_whose_input_is_needed_again_keeps_it() {
        let mut values = store(SHAPES);
        let (names, got) = run(&mut values, |v| {
            let z = v("x").matmul(v("w")) + v("b");
            z.gelu() + z
        });
        assert_eq!(names, ["matmul+bias+gelu", "add"]);
        let (_, apart) = run(&mut values, |v| {
            let z = v("x").matmul(v("w"));
            // Read twice before the bias, so nothing is fused.
            let z = z + (z * 0.0) + v("b");
            let z = z + v("h") * 0.0;
            z.gelu() + z
        });
        assert!(got.iter().zip(&apart).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn what_is_asked_for_is_not_fused_away() {
        let mut values = store(SHAPES);
        let graph = Graph::new();
        let read = |name: &str| graph.read(&values, values.find(name).expect("a stored value"));
        let product = read("x").matmul(read("w"));
        let kept = graph.output("product", product);
        graph.output("sum", product + read("b"));
        let mut executor = Executor::new(Arc::new(graph.plan()), Pool::serial());
        executor.run(&mut values);
        let first: f32 = (0..4)
            .map(|p| values.values(values.find("x").unwrap())[p] * values.values(values.find("w").unwrap())[p * 5])
            .sum();
        assert!((executor.output(kept, &values)[0] - first).abs() < 1e-5);
    }

    #[test]
    fn the_gradient_of_a_bias_comes_with_that_of_its_weight() {
        let mut values = store(SHAPES);
        let (names, got) = run(&mut values, |v| {
            let (x, w, b) = (v("x"), v("w"), v("b"));
            let y = (x.matmul(w) + b).tanh();
            let gradients = x.graph().gradient((y * y).sum(), &[w, b]).expect("gradients");
            gradients[0].sum() + (gradients[1] * gradients[1]).sum()
        });
        assert!(names.contains(&"matmul_t_+sums".to_owned()), "{names:?}");
        let (names, apart) = run(&mut values, |v| {
            let (x, w, b) = (v("x"), v("w"), v("b"));
            // Another bias of another shape: its gradient is no sum over all rows.
            let y = (x.matmul(w) + b.broadcast_to([3, 5])).tanh();
            let gradients = x.graph().gradient((y * y).sum(), &[w, b]).expect("gradients");
            gradients[0].sum() + (gradients[1] * gradients[1]).sum()
        });
        assert!(!names.contains(&"matmul_t_+sums".to_owned()), "{names:?}");
        assert!((got[0] - apart[0]).abs() < 1e-4 * got[0].abs(), "{got:?} {apart:?}");
    }

    #[test]
    fn the_backward_of_an_activation_follows_the_product() {
        let mut values = store(SHAPES);
        let (names, _) = run(&mut values, |v| {
            let (x, w) = (v("x"), v("w"));
            let z = x.matmul(w).gelu();
            x.graph().gradient((z * z).sum(), &[w]).expect("a gradient")[0]
        });
        assert!(names.contains(&"matmul+gelu".to_owned()), "{names:?}");
    }
}
