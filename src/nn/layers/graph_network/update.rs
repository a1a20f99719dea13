//! An update function: a perceptron of inputs that stand in several places.
//!
//! Its first map is linear, so phi([e, v_r, v_s, u]) begins with e W_e + v_r W_r + v_s W_s + u W_u: each part is mapped
//! where it stands, and what is gathered to the many edges is narrow and was multiplied at the few nodes.

use super::{Attributes, Wiring};
use crate::engine::Var;
use crate::nn::layers::{LayerNorm, Linear};
use crate::nn::weights::{Builder, Init, Values, Weight};

/// What an input of an update function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The edge itself.
    Edges,
    /// The node that it reaches.
    Receivers,
    /// The node that it leaves.
    Senders,
    /// The node itself.
    Nodes,
    /// The graph, for itself or for all that is of it.
    Globals,
    /// What a node receives.
    Received,
    /// The node, encoded before.
    Encoded,
    /// All edges of a graph.
    OfEdges,
    /// All nodes of a graph.
    OfNodes,
}

impl Source {
    /// Its name in the path of a weight.
    const fn name(self) -> &'static str {
        match self {
            Source::Edges => "edges",
            Source::Receivers => "receivers",
            Source::Senders => "senders",
            Source::Nodes => "nodes",
            Source::Globals => "globals",
            Source::Received => "received",
            Source::Encoded => "encoded",
            Source::OfEdges => "of_edges",
            Source::OfNodes => "of_nodes",
        }
    }

    /// The attribute that a function reads there, if it is not made in the block itself.
    const fn attribute<'g>(self, given: &Attributes<'g>) -> Option<Var<'g>> {
        match self {
            Source::Edges => Some(given.edges),
            Source::Receivers | Source::Senders | Source::Nodes => Some(given.nodes),
            Source::Globals => Some(given.globals),
            Source::Received | Source::Encoded | Source::OfEdges | Source::OfNodes => None,
        }
    }
}

/// Who an update function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Edges,
    Nodes,
    Globals,
}

/// The first maps of one input.
#[derive(Clone, Debug)]
struct Input {
    source: Source,
    /// One a part of the attributes; what the block makes itself has one.
    maps: Vec<Weight>,
}

/// What the attributes give the first map of an update function, input by input, where they stand.
#[derive(Clone, Debug)]
pub(super) struct Given<'g>(Vec<Option<Var<'g>>>);

/// phi: `layers` times a linear map and a relu, then a layer norm. With no layer it is a linear map and nothing else.
#[derive(Clone, Debug)]
pub(super) struct Update {
    whose: For,
    inputs: Vec<Input>,
    bias: Weight,
    hidden: Vec<Linear>,
    norm: Option<LayerNorm>,
}

impl Update {
    /// One that sees `sources`; `parts` says how wide an attribute is in every part, `made` what the block makes itself.
    pub(super) fn new(
        b: &mut Builder<'_>,
        name: &str,
        (whose, sources): (For, &[Source]),
        parts: impl Fn(Source) -> Vec<usize>,
        (width, layers): (usize, usize),
    ) -> Self {
        b.within(name, |b| {
            let widths: Vec<Vec<usize>> = sources.iter().map(|source| parts(*source)).collect();
            let inputs: usize = widths.iter().flatten().sum();
            // As one map of all inputs side by side would begin.
            let init = Init::Uniform(1.0 / (inputs.max(1) as f32).sqrt());
            let maps = |b: &mut Builder<'_>, source: Source, widths: &[usize]| Input {
                source,
                maps: widths
                    .iter()
                    .enumerate()
                    .map(|(part, inputs)| b.weight(&format!("{}.{part}", source.name()), [*inputs, width], init))
                    .collect(),
            };
            Update {
                whose,
                inputs: sources.iter().zip(&widths).map(|(source, widths)| maps(b, *source, widths)).collect(),
                bias: b.weight("bias", [width], init),
                hidden: (1..layers.max(1))
                    .map(|layer| Linear::uniform(b, &format!("layers.{layer}"), width, width, true))
                    .collect(),
                norm: (layers > 0).then(|| LayerNorm::new(b, "norm", width).with_bias(b, "norm", width)),
            }
        })
    }

    /// What a part of the attributes gives.
    pub(super) fn given<'g>(&self, values: &Values<'g>, part: usize, attributes: &Attributes<'g>) -> Given<'g> {
        let of = |input: &Input| Some(input.source.attribute(attributes)?.matmul(values[input.maps[part]]));
        Given(self.inputs.iter().map(of).collect())
    }

    /// The function of what was given before and of the last part. `made` holds what the block made; what is not there
    /// is zero.
    pub(super) fn forward<'g>(
        &self,
        values: &Values<'g>,
        wiring: &Wiring<'g>,
        before: Option<&Given<'g>>,
        last: &Attributes<'g>,
        made: impl Fn(Source) -> Option<Var<'g>>,
    ) -> Var<'g> {
        let own = match self.whose {
            For::Edges => Source::Edges,
            For::Nodes => Source::Nodes,
            For::Globals => Source::Globals,
        };
        // What stands where the function does is multiplied last, so that the product takes in all that is added to it.
        let mut own_products = Vec::new();
        let mut rest: Vec<Var<'g>> = Vec::new();
        let mut gathered: Vec<(Source, Var<'g>)> = Vec::new();
        for (i, input) in self.inputs.iter().enumerate() {
            let early = before.and_then(|before| before.0[i]);
            let x = input.source.attribute(last).or_else(|| made(input.source));
            let product = x.map(|x| (x, values[*input.maps.last().expect("an input has a map")]));
            if input.source == own || input.source.attribute(last).is_none() {
                rest.extend(early);
                own_products.extend(product);
            } else {
                let mapped = product.map(|(x, weight)| x.matmul(weight));
                gathered.extend(sum(early.into_iter().chain(mapped)).map(|x| (input.source, x)));
            }
        }
        rest.extend(self.brought(wiring, gathered));
        let bias = values[self.bias];
        let mut products = own_products.into_iter().map(|(x, weight)| x.matmul(weight));
        let first = match (products.next(), sum(rest)) {
            (Some(product), Some(rest)) => product + bias + rest,
            (Some(product), None) => product + bias,
            (None, Some(rest)) => rest + bias,
            // Nothing is heard and nothing seen: the bias alone, a row each.
            (None, None) => self.rows(wiring, last).matmul(bias.reshape([1, bias.shape()[0]])),
        };
        self.after(values, products.fold(first, |sum, product| product + sum))
    }

    /// What stands at nodes and graphs, brought to where the function is.
    fn brought<'g>(&self, wiring: &Wiring<'g>, gathered: Vec<(Source, Var<'g>)>) -> Vec<Var<'g>> {
        let of = |wanted: Source| gathered.iter().find(|(source, _)| *source == wanted).map(|(_, x)| *x);
        let globals = of(Source::Globals);
        match self.whose {
            For::Globals => Vec::new(),
            For::Nodes => globals.map(|x| x.gather_rows(wiring.node_graphs)).into_iter().collect(),
            For::Edges => {
                let receivers = of(Source::Receivers);
                // The graph of an edge is that of the node that it reaches: one gather for both.
                let at_nodes = globals.zip(receivers).map(|(globals, at)| at + globals.gather_rows(wiring.node_graphs));
                let alone = globals.filter(|_| receivers.is_none());
                let reached = at_nodes.or(receivers).map(|x| x.gather_rows(wiring.receivers));
                let left = of(Source::Senders).map(|x| x.gather_rows(wiring.senders));
                let whole = alone.map(|x| x.gather_rows(wiring.edge_graphs));
                reached.into_iter().chain(left).chain(whole).collect()
            }
        }
    }

    /// A one for every row.
    fn rows<'g>(&self, wiring: &Wiring<'g>, last: &Attributes<'g>) -> Var<'g> {
        let rows = match self.whose {
            For::Edges => wiring.receivers.shape()[0],
            For::Nodes => wiring.nodes(),
            For::Globals => wiring.graphs,
        };
        last.nodes.graph().constant([rows, 1], vec![1.0; rows])
    }

    fn after<'g>(&self, values: &Values<'g>, first: Var<'g>) -> Var<'g> {
        let Some(norm) = &self.norm else { return first };
        let x = self.hidden.iter().fold(first.relu(), |x, layer| layer.forward(values, x).relu());
        norm.forward(values, x)
    }
}

/// The sum of what is there.
fn sum<'g>(all: impl IntoIterator<Item = Var<'g>>) -> Option<Var<'g>> {
    all.into_iter().reduce(|a, b| a + b)
}

impl<'g> Given<'g> {
    /// This and another part, input by input.
    pub(super) fn and(&self, other: &Given<'g>) -> Given<'g> {
        Given(self.0.iter().zip(&other.0).map(|(a, b)| sum([*a, *b].into_iter().flatten())).collect())
    }
}
