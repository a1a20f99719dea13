//! The compiler: writes an algorithm into the weights of the network that is also trained.
//!
//! Compiled states begin at zero like any other, so they hold differences from what is known of a node: the bit r of a
//! source is 1 before anything happened, a pointer is a node's own rank, every node is white.

use super::blocks::{Expression, Layer};
use super::network::{LAYERS, NetworkShape};
use super::settings::{EDGES, LARGEST};
use crate::engine::Store;
use crate::nn::layers::SLOPE;
use crate::tasks::algorithms::{Algorithm, GRID};

/// Logits of what is attended to lie at least this far apart: `exp(-104)` is 0 in f32.
const GAP: f32 = 120.0;
/// More than any rank, and than any change of one.
const RANKS: f32 = LARGEST as f32;
/// Where edge features hold A_ji, the weight of the edge from the sender.
const FROM_SENDER: usize = 1;

/// Writes weights by their names.
struct Writer<'s> {
    store: &'s mut Store,
    shape: NetworkShape,
}

/// One round: what its heads attend to and bring, and its perceptron.
#[derive(Default)]
struct Round {
    /// By head: the logit of a sender, and how much the weight of its edge adds.
    logits: Vec<(Expression, f32)>,
    /// By head: what it brings of a sender, and how much the weight of its edge adds.
    brought: Vec<Vec<(Expression, f32)>>,
    layers: [Layer; LAYERS],
    /// By place of the state: what the skip gives, and what the last layer gives.
    state: Vec<(Expression, Expression)>,
}

/// A rank of a node among its graph's: what compiled networks know of positions.
fn rank() -> Expression {
    Expression::at(0)
}

/// Whether a node is the source.
fn source() -> Expression {
    Expression::at(1)
}

/// Writes an algorithm into the network of that shape.
///
/// # Panics
/// If the algorithm has no compiled form, or the network is too narrow for it.
pub(super) fn compile(store: &mut Store, shape: NetworkShape) {
    let mut writer = Writer { store, shape };
    for slot in writer.store.slots().collect::<Vec<_>>() {
        writer.store.values_mut(slot).fill(0.0);
    }
    writer.line("encoder", 0, &Expression::at(0));
    writer.line("encoder", 1, &Expression::at(1));
    match shape.algorithm {
        Algorithm::Bfs => writer.breadth_first(),
        Algorithm::BellmanFord => writer.bellman_ford(),
        Algorithm::Dfs => writer.depth_first(),
        Algorithm::SequentialBfs => panic!("the sequential search is trained alone"),
    }
}

impl Writer<'_> {
    fn set(&mut self, name: &str, row: usize, column: usize, value: f32) {
        let slot = self.store.find(name).unwrap_or_else(|| panic!("the network has no {name}"));
        let columns = self.store.shape(slot).last_extent();
        assert!(column < columns, "{name} is too narrow");
        self.store.values_mut(slot)[row * columns + column] += value;
    }

    /// Column `column` of a linear map.
    fn line(&mut self, name: &str, column: usize, x: &Expression) {
        for (place, factor) in &x.terms {
            self.set(&format!("{name}.weight"), *place, column, *factor);
        }
        if x.constant != 0.0 {
            self.set(&format!("{name}.bias"), 0, column, x.constant);
        }
    }

    /// A number of a node's state, for heads and perceptrons.
    fn state(&self, place: usize) -> Expression {
        Expression::at(self.shape.hidden + place)
    }

    /// What a head brought, for the perceptron.
    fn brought(&self, head: usize, place: usize) -> Expression {
        Expression::at((2 + head) * self.shape.hidden + place)
    }

    fn round(&mut self, number: usize, round: &Round) {
        let under = format!("rounds.{number}");
        for (head, (logit, edge)) in round.logits.iter().enumerate() {
            // A linear logit is exact: x = (leaky(x) - leaky(-x)) / (1 + slope).
            for (unit, sign) in [1.0, -1.0].into_iter().enumerate() {
                let column = head * self.shape.hidden + unit;
                self.line(&format!("{under}.heads.sender"), column, &(logit * sign));
                self.set(&format!("{under}.heads.edge"), FROM_SENDER, column, sign * edge);
                self.set(&format!("{under}.heads.score"), column, 0, sign * GAP / (1.0 + SLOPE));
            }
        }
        for (head, brought) in round.brought.iter().enumerate() {
            for (place, (said, edge)) in brought.iter().enumerate() {
                let column = head * self.shape.hidden + place;
                self.line(&format!("{under}.heads.value"), column, said);
                self.set(&format!("{under}.heads.edge_value"), head * EDGES + FROM_SENDER, column, *edge);
            }
        }
        for (i, layer) in round.layers.iter().enumerate() {
            for (unit, x) in layer.units.iter().enumerate() {
                self.line(&format!("{under}.layers.{i}"), unit, x);
            }
        }
        for (place, (skip, out)) in round.state.iter().enumerate() {
            self.line(&format!("{under}.skip"), place, &Expression { constant: 0.0, ..skip.clone() });
            self.line(&format!("{under}.out"), place, &(out + skip.constant));
        }
    }

    /// Hints are logits; nodes point at the node of a rank: `-GAP |pointer_i - rank_j|` as three units of the decoder.
    fn decoders(&mut self, hints: &[Expression], pointer: &Expression) {
        for (place, hint) in hints.iter().enumerate() {
            self.line("hints", place, hint);
        }
        for unit in [0, 1] {
            self.line("pointers.receiver", unit, pointer);
        }
        for unit in [0, 2] {
            self.line("pointers.sender", unit, &rank());
        }
        for (unit, score) in [-2.0, 1.0, 1.0].into_iter().enumerate() {
            self.set("pointers.score", unit, 0, score * GAP);
        }
    }

    /// The lowest reached neighbour wins: `logit_j = 2 N r_j - p_j`.
    fn breadth_first(&mut self) {
        let (r, pi) = (&self.state(0) + &source(), &self.state(1) + &rank());
        let (ra, pa) = (self.brought(0, 0), self.brought(0, 1));
        let [mut first, mut second, mut third, mut fourth] = [(); LAYERS].map(|()| Layer::default());
        let new = first.relu(&(&ra - &r));
        let change = first.pass(&(&pa - &pi));
        let moved = second.gated(&change, &new, RANKS);
        let new = second.relu(&new);
        let [new, moved] = [third.relu(&new), third.pass(&moved)];
        let [new, moved] = [fourth.relu(&new), fourth.pass(&moved)];
        let round = Round {
            logits: vec![(&(&r * (2.0 * RANKS)) - &rank(), 0.0)],
            brought: vec![vec![(r.clone(), 0.0), (rank(), 0.0)]],
            layers: [first, second, third, fourth],
            state: vec![(self.state(0), new), (self.state(1), moved)],
        };
        self.round(0, &round);
        self.decoders(&[bit(&r)], &pi);
    }

    /// The nearest of the reached wins, the lowest among equals:
    /// `logit_j = -(d_j + w_ji + 2 N (1 - r_j) + eps p_j) / eps` with `eps = 1 / (4 q N)`.
    fn bellman_ford(&mut self) {
        let (r, pi, d) = (&self.state(0) + &source(), &self.state(1) + &rank(), self.state(2));
        let (ra, pa, da) = (self.brought(0, 0), self.brought(0, 1), self.brought(0, 2));
        let [mut first, mut second, mut third, mut fourth] = [(); LAYERS].map(|()| Layer::default());
        let nearer = first.step(&(&d - &da), GRID);
        let new = first.relu(&(&ra - &r));
        let reached = first.relu(&r);
        let (to, by) = (first.pass(&(&pa - &pi)), first.pass(&(&da - &d)));
        let nearer = second.and(&nearer, &reached);
        let new = second.relu(&new);
        let (to, by) = (second.pass(&to), second.pass(&by));
        let open = &nearer + &new;
        let (to, by) = (third.gated(&to, &open, RANKS), third.gated(&by, &open, 2.0 * RANKS));
        let new = third.relu(&new);
        let (to, by, new) = (fourth.pass(&to), fourth.pass(&by), fourth.relu(&new));
        let unit = 4.0 * GRID * RANKS;
        let far = &(&(&r * -1.0) + 1.0) * (2.0 * RANKS);
        let round = Round {
            logits: vec![(&(&(&d + &far) * -unit) - &rank(), -unit)],
            brought: vec![vec![(r.clone(), 0.0), (rank(), 0.0), (d.clone(), 1.0)]],
            layers: [first, second, third, fourth],
            state: vec![(self.state(0), new), (self.state(1), to), (d.clone(), by)],
        };
        self.round(0, &round);
        self.decoders(&[d, bit(&r)], &pi);
    }

    /// Round 1 finds every node's lowest white out-neighbour and the lowest white node of all; round 2 tells all nodes
    /// what the current node found, and each decides whether it becomes the current one.
    fn depth_first(&mut self) {
        let white = &self.state(0) + 1.0;
        let (black, current) = (self.state(1), self.state(2));
        let parent = &self.state(3) + &rank();
        let stays = |writer: &Self, place: usize| (writer.state(place), Expression::default());
        let lowest_white = || (&(&white * (2.0 * RANKS)) - &rank(), 0.0);
        let seen = || vec![(white.clone(), 0.0), (rank(), 0.0)];
        let [mut first, mut second, mut third, mut fourth] = [(); LAYERS].map(|()| Layer::default());
        let found = first.and(&self.brought(0, 0), &current);
        let found = fourth.relu(&third.relu(&second.relu(&found)));
        let here = |x: Expression| (x, Expression::default());
        let mut state: Vec<(Expression, Expression)> = (0..4).map(|place| stays(self, place)).collect();
        state.push((Expression::default(), found));
        state.extend([self.brought(0, 1), self.brought(1, 0), self.brought(1, 1)].map(here));
        let search = Round {
            logits: vec![lowest_white(), lowest_white()],
            brought: vec![seen(), seen()],
            layers: [first, second, third, fourth],
            state,
        };
        self.round(0, &search);
        let move_on = self.moves([&black, &current, &parent]);
        self.round(1, &move_on);
        let gray = &(&(&white + &black) * -1.0) + 1.0;
        let hints = [&white, &gray, &black, &current].map(|hint| hint * GAP);
        self.decoders(&hints, &parent);
    }

    /// The second round of depth-first search. Head 3 looks at the current node, or at all alike where there is none.
    fn moves(&self, [black, current, parent]: [&Expression; 3]) -> Round {
        let [found, next] = [4, 5].map(|place| self.state(place));
        let [any_white, first_white] = [6, 7].map(|place| self.state(place));
        let [any, has, next_of, rank_of, parent_of] = std::array::from_fn(|place| self.brought(2, place));
        let [mut first, mut second, mut third, mut fourth] = [(); LAYERS].map(|()| Layer::default());
        let root = first.hat(&(&parent_of - &rank_of));
        let [is_next, is_parent, is_first] = [&next_of, &parent_of, &first_white].map(|of| first.hat(&(&rank() - of)));
        let descends = first.and(&any, &has);
        let [any, has, any_white, current_now] = [&any, &has, &any_white, current].map(|bit| first.relu(bit));
        let change = first.pass(&(&rank_of - parent));
        let returns = second.relu(&(&(&any - &has) - &root));
        let entered = second.and(&is_next, &descends);
        let [is_parent, is_first, descends, any_white, current_now] =
            [&is_parent, &is_first, &descends, &any_white, &current_now].map(|x| second.relu(x));
        let change = second.pass(&change);
        let begins = third.relu(&(&(&(&descends + &returns) * -1.0) + 1.0));
        let returned = third.and(&is_parent, &returns);
        let to = third.gated(&change, &entered, RANKS);
        let blackened = third.relu(&(&current_now - &descends));
        let [entered, is_first, any_white] = [&entered, &is_first, &any_white].map(|x| third.relu(x));
        let began = fourth.relu(&(&(&(&is_first + &begins) + &any_white) + -2.0));
        let [entered, returned, blackened] = [&entered, &returned, &blackened].map(|x| fourth.relu(x));
        let to = fourth.pass(&to);
        let left = &(&entered + &began) * -1.0;
        let now = &(&entered + &returned) + &began;
        Round {
            logits: vec![Default::default(), Default::default(), (current * 2.0, 0.0)],
            brought: vec![
                Vec::new(),
                Vec::new(),
                [current.clone(), found, next, rank(), parent.clone()].map(|x| (x, 0.0)).to_vec(),
            ],
            layers: [first, second, third, fourth],
            state: vec![
                (self.state(0), left),
                (black.clone(), blackened),
                (Expression::default(), now),
                (self.state(3), to),
            ],
        }
    }
}

/// The logit of a bit.
fn bit(x: &Expression) -> Expression {
    &(x * GAP) + -GAP / 2.0
}
