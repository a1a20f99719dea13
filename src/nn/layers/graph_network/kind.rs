//! Which variant of the block, and how many become one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::update::Source;
use crate::engine::Var;

/// The variants of the block (Battaglia et al. 2018, figure 4), by the inputs that their update functions keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GraphKind {
    /// The whole block: edges see their two nodes and the graph, nodes what they receive, the graph all of it.
    #[default]
    Full,
    /// Every edge, node and graph by itself.
    Independent,
    /// Interaction network (Battaglia et al. 2016): edges and nodes, no global attribute.
    Interaction,
    /// Message passing (Gilmer et al. 2017): an interaction network whose nodes are read out for the graph.
    MessagePassing,
    /// Relation network (Santoro et al. 2017): pairs of nodes, read out for the graph.
    Relation,
    /// Deep sets (Zaheer et al. 2017): nodes and the graph, no edges.
    DeepSets,
    /// CommNet (Sukhbaatar et al. 2016): edges carry what their sender says, nodes see it beside themselves, encoded.
    CommNet,
    /// Self-attention, a non-local network (Vaswani et al. 2017; Wang et al. 2018): nodes see a weighted mean of the
    /// values of those with an edge to them, weighed by keys and queries.
    SelfAttention,
}

/// What the three update functions of a variant see; none where it has no such function.
pub(super) struct Sees {
    pub(super) edges: Option<&'static [Source]>,
    pub(super) nodes: Option<&'static [Source]>,
    pub(super) globals: Option<&'static [Source]>,
}

impl GraphKind {
    /// Every variant.
    pub const ALL: [GraphKind; 8] = [
        GraphKind::Full,
        GraphKind::Independent,
        GraphKind::Interaction,
        GraphKind::MessagePassing,
        GraphKind::Relation,
        GraphKind::DeepSets,
        GraphKind::CommNet,
        GraphKind::SelfAttention,
    ];

    /// Its name, as people read it.
    pub const fn name(self) -> &'static str {
        match self {
            GraphKind::Full => "full block",
            GraphKind::Independent => "independent",
            GraphKind::Interaction => "interaction network",
            GraphKind::MessagePassing => "message passing",
            GraphKind::Relation => "relation network",
            GraphKind::DeepSets => "deep sets",
            GraphKind::CommNet => "CommNet",
            GraphKind::SelfAttention => "self-attention",
        }
    }

    /// Who reads whom in a pass: 0, 1 and 2 are edges, nodes and graph as they come in, 3, 4 and 5 as they go out.
    pub fn arrows(self) -> Vec<(usize, usize)> {
        let sees = self.sees();
        let heard = if sees.edges.is_some() { 3 } else { 1 };
        let from = |source: &Source| match source {
            Source::Edges => 0,
            Source::Receivers | Source::Senders | Source::Nodes | Source::Encoded => 1,
            Source::Globals => 2,
            Source::Received => heard,
            Source::OfEdges => 3,
            Source::OfNodes => 4,
        };
        let of = |to: usize, sources: Option<&'static [Source]>| {
            let mut all: Vec<(usize, usize)> = sources.unwrap_or_default().iter().map(|s| (from(s), to)).collect();
            all.dedup();
            all
        };
        [of(3, sees.edges), of(4, sees.nodes), of(5, sees.globals)].concat()
    }

    /// The table of the paper: which inputs each function keeps.
    pub(super) const fn sees(self) -> Sees {
        use Source::{Edges, Encoded, Globals, Nodes, OfEdges, OfNodes, Received, Receivers, Senders};
        const PAIRS: &[Source] = &[Edges, Receivers, Senders];
        const HEARD: &[Source] = &[Received, Nodes];
        type Seen = Option<&'static [Source]>;
        let (edges, nodes, globals): (Seen, Seen, Seen) = match self {
            GraphKind::Full => (
                Some(&[Edges, Receivers, Senders, Globals]),
                Some(&[Received, Nodes, Globals]),
                Some(&[OfEdges, OfNodes, Globals]),
            ),
            GraphKind::Independent => (Some(&[Edges]), Some(&[Nodes]), Some(&[Globals])),
            GraphKind::Interaction => (Some(PAIRS), Some(HEARD), None),
            GraphKind::MessagePassing => (Some(PAIRS), Some(HEARD), Some(&[OfNodes])),
            GraphKind::Relation => (Some(&[Receivers, Senders]), None, Some(&[OfEdges])),
            GraphKind::DeepSets => (None, Some(&[Nodes, Globals]), Some(&[OfNodes])),
            GraphKind::CommNet => (Some(&[Senders]), Some(&[Received, Encoded]), None),
            GraphKind::SelfAttention => (None, Some(&[Received]), None),
        };
        Sees { edges, nodes, globals }
    }
}

/// How what is many becomes one, in any order. Of nothing it is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    /// The sum.
    #[default]
    Sum,
    /// The mean.
    Mean,
    /// The largest, number by number.
    Max,
    /// Zero whatever there is: nobody hears anybody, the ablation. Edges still see their two nodes.
    Nothing,
}

impl Reduce {
    /// Every way but the ablation.
    pub const ALL: [Reduce; 3] = [Reduce::Sum, Reduce::Mean, Reduce::Max];

    /// Its name, as people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Reduce::Sum => "sum",
            Reduce::Mean => "mean",
            Reduce::Max => "max",
            Reduce::Nothing => "nothing",
        }
    }

    /// Of the rows of `x` those of each of `count` segments; none where it would be zero.
    pub(super) fn of<'g>(self, x: Var<'g>, segments: Var<'g>, count: usize) -> Option<Var<'g>> {
        match self {
            Reduce::Sum => Some(x.segment_sum(segments, count)),
            Reduce::Mean => Some(x.segment_mean(segments, count)),
            Reduce::Max => Some(x.segment_max(segments, count)),
            Reduce::Nothing => None,
        }
    }
}
