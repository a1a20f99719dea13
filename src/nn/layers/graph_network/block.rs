//! The block: e' = phi_e(e, v_r, v_s, u); v' = phi_v(rho(e' received), v, u); u' = phi_u(rho(e'), rho(v'), u).

use super::kind::{GraphKind, Reduce};
use super::update::{For, Given, Source, Update};
use super::{Attributes, Widths, Wiring};
use crate::engine::Var;
use crate::nn::layers::Linear;
use crate::nn::weights::{Builder, Values};

/// What a block is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockShape {
    /// Which inputs its functions see.
    pub kind: GraphKind,
    /// How what is received becomes one.
    pub reduce: Reduce,
    /// How wide attributes are. Several parts stand side by side on everything, as an encoding beside what the
    /// block gave before.
    pub parts: Vec<Widths>,
    /// Width of all that comes out, and of hidden layers.
    pub width: usize,
    /// Layers of an update function; 0 is a linear map without a norm.
    pub layers: usize,
}

/// Keys, queries and values of nodes, a map a part each.
#[derive(Clone, Debug)]
struct Heads {
    parts: Vec<[Linear; 3]>,
    width: usize,
}

/// A graph-network block of any variant. Attributes that a variant does not update pass through as the last part has
/// them.
#[derive(Clone, Debug)]
pub struct GraphBlock {
    edges: Option<Update>,
    nodes: Option<Update>,
    globals: Option<Update>,
    encoder: Option<Update>,
    attention: Option<Heads>,
    reduce: Reduce,
}

/// The parts of the attributes but the last, mapped once for all calls that share them.
#[derive(Clone, Debug)]
pub struct Prepared<'g> {
    edges: Option<Given<'g>>,
    nodes: Option<Given<'g>>,
    globals: Option<Given<'g>>,
    encoder: Option<Given<'g>>,
    attention: Option<[Var<'g>; 3]>,
}

impl GraphBlock {
    /// Fresh weights, uniform on +-1/sqrt(inputs).
    ///
    /// # Panics
    /// If there is no part.
    pub fn new(b: &mut Builder<'_>, shape: &BlockShape) -> Self {
        let BlockShape { kind, reduce, parts, width, layers } = shape;
        assert!(!parts.is_empty(), "a block has attributes");
        let size = (*width, *layers);
        let widths = |source: Source| match source {
            Source::Edges => parts.iter().map(|part| part.edges).collect(),
            Source::Receivers | Source::Senders | Source::Nodes => parts.iter().map(|part| part.nodes).collect(),
            Source::Globals => parts.iter().map(|part| part.globals).collect(),
            Source::Received | Source::OfEdges | Source::Encoded | Source::OfNodes => vec![*width],
        };
        let sees = kind.sees();
        let mut update = |name: &str, whose, sources: Option<&[Source]>| {
            sources.map(|sources| Update::new(b, name, (whose, sources), widths, size))
        };
        let encoder = (*kind == GraphKind::CommNet).then_some(&[Source::Nodes][..]);
        let encoder = update("encoder", For::Nodes, encoder);
        let edges = update("edges", For::Edges, sees.edges);
        let nodes = update("nodes", For::Nodes, sees.nodes);
        let globals = update("globals", For::Globals, sees.globals);
        let attention = (*kind == GraphKind::SelfAttention).then(|| Heads::new(b, parts, *width));
        GraphBlock { edges, nodes, globals, encoder, attention, reduce: *reduce }
    }

    /// Maps all parts but the last, which is the only one where there is but one.
    pub fn prepare<'g>(&self, values: &Values<'g>, parts: &[Attributes<'g>]) -> Prepared<'g> {
        let of = |update: &Option<Update>| -> Option<Given<'g>> {
            let update = update.as_ref()?;
            let given = parts.iter().enumerate().map(|(part, attributes)| update.given(values, part, attributes));
            given.reduce(|sum, part| sum.and(&part))
        };
        Prepared {
            edges: of(&self.edges),
            nodes: of(&self.nodes),
            globals: of(&self.globals),
            encoder: of(&self.encoder),
            attention: self.attention.as_ref().and_then(|heads| heads.prepare(values, parts)),
        }
    }

    /// One pass: what was prepared, and the last part.
    pub fn forward<'g>(
        &self,
        values: &Values<'g>,
        wiring: &Wiring<'g>,
        prepared: &Prepared<'g>,
        last: &Attributes<'g>,
    ) -> Attributes<'g> {
        let run = |update: &Option<Update>, given: &Option<Given<'g>>, made: &dyn Fn(Source) -> Option<Var<'g>>| {
            update.as_ref().map(|update| update.forward(values, wiring, given.as_ref(), last, made))
        };
        let edges = run(&self.edges, &prepared.edges, &|_| None);
        let encoded = run(&self.encoder, &prepared.encoder, &|_| None);
        let received = match &self.attention {
            Some(heads) => self.attended(heads, values, wiring, prepared.attention, last),
            None => edges.and_then(|edges| self.reduce.of(edges, wiring.receivers, wiring.nodes())),
        };
        let nodes = run(&self.nodes, &prepared.nodes, &|source| match source {
            Source::Received => received,
            Source::Encoded => encoded,
            _ => None,
        });
        let of_edges = || match (self.reduce, received) {
            // Every edge reaches a node of its graph: the sum over nodes is that over edges, and is shorter.
            (Reduce::Sum, Some(received)) => Some(received.segment_sum(wiring.node_graphs, wiring.graphs)),
            _ => self.reduce.of(edges?, wiring.edge_graphs, wiring.graphs),
        };
        let of_nodes = || self.reduce.of(nodes?, wiring.node_graphs, wiring.graphs);
        let globals = run(&self.globals, &prepared.globals, &|source| match source {
            Source::OfEdges => of_edges(),
            Source::OfNodes => of_nodes(),
            _ => None,
        });
        Attributes {
            edges: edges.unwrap_or(last.edges),
            nodes: nodes.unwrap_or(last.nodes),
            globals: globals.unwrap_or(last.globals),
        }
    }

    /// The mean of the values of those with an edge to a node, weighed by its query and their keys.
    fn attended<'g>(
        &self,
        heads: &Heads,
        values: &Values<'g>,
        wiring: &Wiring<'g>,
        before: Option<[Var<'g>; 3]>,
        last: &Attributes<'g>,
    ) -> Option<Var<'g>> {
        if self.reduce == Reduce::Nothing {
            return None;
        }
        let own = heads.of(values, heads.parts.len() - 1, last);
        let [query, key, value] = match before {
            Some(before) => std::array::from_fn(|i| before[i] + own[i]),
            None => own,
        };
        let scores = query.sampled_matmul(key, wiring.receivers, wiring.senders) * (1.0 / (heads.width as f32).sqrt());
        let weights = scores.segment_softmax(wiring.receivers, wiring.nodes());
        Some(weights.sparse_matmul(wiring.receivers, wiring.senders, wiring.nodes(), value))
    }
}

impl Heads {
    fn new(b: &mut Builder<'_>, parts: &[Widths], width: usize) -> Self {
        let inputs: usize = parts.iter().map(|part| part.nodes).sum();
        let names = ["query", "key", "value"];
        let map = |b: &mut Builder<'_>, name: &str, nodes: usize| {
            // The scale of one map of all parts side by side.
            Linear::new(b, name, nodes, width, (nodes as f32 / inputs.max(1) as f32).sqrt())
        };
        let part = |b: &mut Builder<'_>, i: usize, part: &Widths| {
            b.within(format_args!("attention.{i}"), |b| names.map(|name| map(b, name, part.nodes)))
        };
        Heads { parts: parts.iter().enumerate().map(|(i, widths)| part(b, i, widths)).collect(), width }
    }

    /// Query, key and value of a part.
    fn of<'g>(&self, values: &Values<'g>, part: usize, attributes: &Attributes<'g>) -> [Var<'g>; 3] {
        std::array::from_fn(|i| self.parts[part][i].forward(values, attributes.nodes))
    }

    fn prepare<'g>(&self, values: &Values<'g>, parts: &[Attributes<'g>]) -> Option<[Var<'g>; 3]> {
        let all = parts.iter().enumerate().map(|(part, attributes)| self.of(values, part, attributes));
        all.reduce(|sum, part| std::array::from_fn(|i| sum[i] + part[i]))
    }
}
