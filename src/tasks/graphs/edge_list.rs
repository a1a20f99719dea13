//! A user's own graph: a line an edge, `u v w`, two names and a length.
//!
//! Such a graph has no places, so it is laid out by classical scaling (Torgerson 1952): in the plane, distances are as
//! near to those along the shortest ways as they can be. Lengths are scaled with it to the unit square.

use std::collections::BTreeMap;
use std::path::Path;

use nalgebra::{DMatrix, SymmetricEigen};

use super::shortest_path::Map;

/// The most nodes of a graph that is still to be seen.
const MOST: usize = 64;

/// What is wrong with a list of edges.
#[derive(Debug, thiserror::Error)]
pub enum EdgeListError {
    /// The file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// File.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is no edge.
    #[error("{file}, line {line}: expected {expected}, found {found}")]
    Line {
        /// File.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The lines are edges, but not of a graph that can be used.
    #[error("{file}: expected {expected}, found {found}")]
    Graph {
        /// File.
        file: String,
        /// What is needed.
        expected: String,
        /// What there is.
        found: String,
    },
}

/// A user's graph, laid out.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnMap {
    /// Names of the nodes, in the order in which the file names them.
    pub names: Vec<String>,
    /// The map, in the unit square.
    pub map: Map,
}

/// Reads a graph from a file. Empty lines and what follows a `#` are left out.
///
/// # Errors
/// With file, line and what was expected, when it cannot be used.
pub fn read(path: &Path) -> Result<OwnMap, EdgeListError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| EdgeListError::Read { file: file.clone(), source })?;
    parse(&file, &text)
}

/// The same from a text; `file` is for messages.
fn parse(file: &str, text: &str) -> Result<OwnMap, EdgeListError> {
    let mut names: Vec<String> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut roads: Vec<(usize, usize, f64)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let told = |expected: &'static str| EdgeListError::Line {
            file: file.to_owned(),
            line: i + 1,
            expected,
            found: format!("`{}`", line.trim()),
        };
        let [from, to, length] = match words[..] {
            [] => continue,
            [from, to, length] => [from, to, length],
            _ => return Err(told("two names and a length, `u v w`")),
        };
        let length = length.parse::<f64>().ok().filter(|length| *length > 0.0 && length.is_finite());
        let length = length.ok_or_else(|| told("a length above 0"))?;
        let mut number = |name: &str| {
            *numbers.entry(name.to_owned()).or_insert_with(|| {
                names.push(name.to_owned());
                names.len() - 1
            })
        };
        let (from, to) = (number(from), number(to));
        let (a, b) = (from.min(to), from.max(to));
        if a == b {
            return Err(told("two different nodes"));
        }
        if roads.iter().any(|road| (road.0, road.1) == (a, b)) {
            return Err(told("an edge that was not there before"));
        }
        roads.push((a, b, length));
    }
    let count = names.len();
    let refused = |expected: String, found: String| EdgeListError::Graph { file: file.to_owned(), expected, found };
    if !(2..=MOST).contains(&count) {
        return Err(refused(format!("2 to {MOST} nodes"), count.to_string()));
    }
    let map = Map { places: vec![[0.0; 2]; count], weights: vec![1.0; count], roads };
    let all = map.distances();
    let distances: Option<Vec<Vec<f64>>> = all.iter().map(|row| row.iter().copied().collect()).collect();
    let Some(distances) = distances else {
        let reached = all[0].iter().flatten().count();
        let found = format!("a part of {reached} nodes that nothing joins to the others");
        return Err(refused("a graph in one piece".into(), found));
    };
    Ok(OwnMap { names, map: laid_out(map, &distances) })
}

/// Places whose distances are near to `distances`, in the unit square; lengths in the same scale.
fn laid_out(map: Map, distances: &[Vec<f64>]) -> Map {
    let count = distances.len();
    let squares = DMatrix::from_fn(count, count, |a, b| distances[a][b].powi(2));
    let (rows, mean) = (squares.column_mean(), squares.mean());
    let inner = DMatrix::from_fn(count, count, |a, b| -0.5 * (squares[(a, b)] - rows[a] - rows[b] + mean));
    let eigen = SymmetricEigen::new(inner);
    let mut axes: Vec<usize> = (0..count).collect();
    axes.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let along = |axis: usize, node: usize| -> f64 {
        // The sign of an axis is free: its first part that is not zero is positive.
        let vector = eigen.eigenvectors.column(axis);
        let sign = vector.iter().find(|x| x.abs() > 1e-9).map_or(1.0, |x| x.signum());
        sign * vector[node] * eigen.eigenvalues[axis].max(0.0).sqrt()
    };
    let raw: Vec<[f64; 2]> = (0..count).map(|node| [along(axes[0], node), along(axes[1], node)]).collect();
    let corner = |pick: fn(f64, f64) -> f64, from: f64| -> [f64; 2] {
        raw.iter().fold([from; 2], |so_far, place| [0, 1].map(|i| pick(so_far[i], place[i])))
    };
    let (low, high) = (corner(f64::min, f64::INFINITY), corner(f64::max, f64::NEG_INFINITY));
    let scale = 1.0 / (high[0] - low[0]).max(high[1] - low[1]).max(f64::MIN_POSITIVE);
    let places = raw.iter().map(|place| [0, 1].map(|i| (place[i] - low[i]) * scale)).collect();
    let roads = map.roads.iter().map(|(a, b, length)| (*a, *b, length * scale)).collect();
    Map { places, roads, ..map }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_edges_becomes_a_map_of_its_distances() {
        // A right triangle of 3, 4 and 5, and a comment.
        let own = parse("map.txt", "# three towns\na b 3\n\nb c 4 # the long way\n a c 5.0\n").unwrap();
        assert_eq!(own.names, ["a", "b", "c"]);
        let (map, length) = (&own.map, |a: usize, b: usize| {
            let [p, q] = [own.map.places[a], own.map.places[b]];
            (p[0] - q[0]).hypot(p[1] - q[1])
        });
        for (a, b, along) in &map.roads {
            assert!((length(*a, *b) - along).abs() < 1e-9, "it lies flat in the plane");
        }
        assert!((map.roads[1].2 / map.roads[0].2 - 4.0 / 3.0).abs() < 1e-9);
        assert!(map.places.iter().flatten().all(|x| (-1e-9..=1.0 + 1e-9).contains(x)));
        assert_eq!(map.farthest(), (0, 2));
    }

    #[test]
    fn what_is_no_graph_is_told_by_its_line() {
        for (text, told) in [
            ("a b", "line 1: expected two names and a length"),
            ("a b 1\nb c x", "line 2: expected a length above 0"),
            ("a b -1", "line 1: expected a length above 0"),
            ("a b inf", "line 1: expected a length above 0"),
            ("a a 1", "line 1: expected two different nodes"),
            ("a b 1\nb a 2", "line 2: expected an edge that was not there before"),
            ("", "expected 2 to 64 nodes, found 0"),
            ("a b 1\nc d 1\nd e 2", "expected a graph in one piece, found a part of 2 nodes"),
        ] {
            let error = parse("map.txt", text).unwrap_err().to_string();
            assert!(error.contains(told) && error.starts_with("map.txt"), "{error}");
        }
        let absent = read(Path::new("/nowhere/map.txt")).unwrap_err().to_string();
        assert!(absent.starts_with("/nowhere/map.txt cannot be read"), "{absent}");
    }
}
