//! Shares that flow from column to column: a Sankey diagram as data.

use serde::{Deserialize, Serialize};

use super::missing;

/// Nodes in columns, and how much flows from a node to one of the next column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sankey {
    /// From left to right.
    pub columns: Vec<NodeColumn>,
    /// What flows between neighbours.
    pub links: Vec<Link>,
}

/// One column of a Sankey diagram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeColumn {
    /// What it is: a layer, a moment.
    pub label: String,
    /// From top to bottom.
    pub nodes: Vec<Node>,
}

/// What something flows through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Name.
    pub label: String,
    /// How much flows through it; never negative.
    #[serde(with = "missing::one")]
    pub load: f64,
}

/// A flow from a node of one column to a node of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The column that it leaves.
    pub column: usize,
    /// Node there.
    pub from: usize,
    /// Node in the column behind it.
    pub to: usize,
    /// How much, in the unit of the loads; never negative.
    #[serde(with = "missing::one")]
    pub weight: f64,
}

/// A link as it is drawn: tops and bottoms of its two ends, 0 to 1 downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// The link.
    pub link: Link,
    /// Its stretch at the node that it leaves.
    pub from: (f64, f64),
    /// Its stretch at the node that it enters.
    pub to: (f64, f64),
}

/// The stretch of every link at one of its nodes; `ends` gives that node and the other.
fn ports(links: &[Link], nodes: &[(f64, f64)], ends: impl Fn(&Link) -> (usize, usize)) -> Vec<(f64, f64)> {
    let mut all = vec![(0.0, 0.0); links.len()];
    for (node, (top, bottom)) in nodes.iter().enumerate() {
        let mut mine: Vec<usize> = (0..links.len()).filter(|at| ends(&links[*at]).0 == node).collect();
        mine.sort_by_key(|at| ends(&links[*at]).1);
        let total: f64 = mine.iter().map(|at| links[*at].weight).sum();
        let mut from = *top;
        for at in mine {
            let to = from + (bottom - top) * (links[at].weight / total);
            all[at] = (from, to);
            from = to;
        }
    }
    all
}

impl Sankey {
    /// Columns with the names of their nodes; nothing flows yet.
    pub fn of_columns(columns: impl Iterator<Item = (String, Vec<String>)>) -> Self {
        let node = |label| Node { label, load: 0.0 };
        let column =
            |(label, nodes): (String, Vec<String>)| NodeColumn { label, nodes: nodes.into_iter().map(node).collect() };
        Sankey { columns: columns.map(column).collect(), links: Vec::new() }
    }

    /// Adds to what flows through a node; what is not there is left out.
    pub fn load(&mut self, column: usize, node: usize, weight: f64) {
        if let Some(node) = self.columns.get_mut(column).and_then(|column| column.nodes.get_mut(node)) {
            node.load += weight;
        }
    }

    /// Adds to what flows from a node of a column to a node of the next.
    pub fn join(&mut self, column: usize, from: usize, to: usize, weight: f64) {
        match self.links.iter_mut().find(|link| (link.column, link.from, link.to) == (column, from, to)) {
            Some(link) => link.weight += weight,
            None => self.links.push(Link { column, from, to, weight }),
        }
    }

    /// The links that leave a column and have both their nodes and a weight, the heaviest first.
    pub fn leaving(&self, column: usize) -> Vec<Link> {
        let nodes = |column: usize| self.columns.get(column).map_or(0, |column| column.nodes.len());
        let fits = |link: &&Link| {
            link.column == column
                && link.from < nodes(column)
                && link.to < nodes(column + 1)
                && link.weight.is_finite()
                && link.weight > 0.0
        };
        let mut links: Vec<Link> = self.links.iter().filter(fits).copied().collect();
        links.sort_by(|a, b| b.weight.total_cmp(&a.weight).then((a.from, a.to).cmp(&(b.from, b.to))));
        links
    }

    /// Where the nodes of a column lie, one below the other, each as high as its share of what flows: top and bottom
    /// from 0 to 1, a little room between.
    pub fn stretches(&self, column: usize) -> Vec<(f64, f64)> {
        const ROOM: f64 = 0.12;
        let nodes = self.columns.get(column).map_or(&[][..], |column| &column.nodes);
        let total = self.total(column).max(f64::MIN_POSITIVE);
        let gap = ROOM / nodes.len().max(1) as f64;
        let mut top = 0.0;
        let mut all = Vec::with_capacity(nodes.len());
        for node in nodes {
            let load = if node.load.is_finite() && node.load > 0.0 { node.load } else { 0.0 };
            let bottom = top + load / total * (1.0 - ROOM);
            all.push((top, bottom));
            top = bottom + gap;
        }
        all
    }

    /// The links that leave a column as [`Sankey::leaving`] gives them, each with its stretch at the node that it
    /// leaves and at the one that it enters: side by side in the order of the other ends, so that few bands cross.
    pub fn bands(&self, column: usize) -> Vec<Band> {
        let links = self.leaving(column);
        let out = ports(&links, &self.stretches(column), |link| (link.from, link.to));
        let into = ports(&links, &self.stretches(column + 1), |link| (link.to, link.from));
        links.into_iter().zip(out.into_iter().zip(into)).map(|(link, (from, to))| Band { link, from, to }).collect()
    }

    /// All that flows through a column.
    pub fn total(&self, column: usize) -> f64 {
        let nodes = self.columns.get(column).map_or(&[][..], |column| &column.nodes);
        nodes.iter().map(|node| node.load).filter(|load| load.is_finite() && *load > 0.0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_one_way_are_summed_and_what_has_no_place_is_left_out() {
        let nodes = || vec!["a".to_owned(), "b".to_owned()];
        let mut flow = Sankey::of_columns([("1".to_owned(), nodes()), ("2".to_owned(), nodes())].into_iter());
        flow.join(0, 0, 1, 0.25);
        flow.join(0, 1, 1, 0.6);
        flow.join(0, 0, 1, 0.5);
        flow.join(0, 0, 7, 9.0);
        flow.join(1, 0, 0, 9.0);
        let leaving: Vec<_> = flow.leaving(0).iter().map(|link| (link.from, link.to, link.weight)).collect();
        assert_eq!(leaving, [(0, 1, 0.75), (1, 1, 0.6)]);
        assert!(flow.leaving(1).is_empty() && flow.leaving(9).is_empty());
        flow.load(0, 0, 0.75);
        flow.load(0, 1, 0.6);
        flow.load(3, 0, 1.0);
        assert_eq!((flow.total(0), flow.total(1), flow.total(5)), (1.35, 0.0, 0.0));
        assert!(flow.stretches(5).is_empty() && flow.bands(5).is_empty());
    }

    #[test]
    fn bands_fill_their_nodes_in_the_order_of_their_other_ends() {
        let nodes = || vec!["a".to_owned(), "b".to_owned()];
        let mut flow = Sankey::of_columns([("1".to_owned(), nodes()), ("2".to_owned(), nodes())].into_iter());
        for (from, to, weight) in [(0, 1, 3.0), (0, 0, 1.0), (1, 0, 4.0)] {
            flow.load(0, from, weight);
            flow.load(1, to, weight);
            flow.join(0, from, to, weight);
        }
        assert_eq!(flow.stretches(0), [(0.0, 0.44), (0.5, 0.94)]);
        let near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12;
        let of = |from, to| flow.bands(0).into_iter().find(|b| (b.link.from, b.link.to) == (from, to)).unwrap();
        assert!(near(of(0, 0).from, (0.0, 0.11)) && near(of(0, 1).from, (0.11, 0.44)));
        assert!(near(of(0, 0).to, (0.0, 0.11)) && near(of(1, 0).to, (0.11, 0.55)));
    }
}
