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
    }
}
