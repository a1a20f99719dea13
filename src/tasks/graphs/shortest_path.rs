//! Shortest paths: points of the unit square, joined where they are near or heavy (a geographic threshold graph) and by
//! their Euclidean minimum spanning tree, so that all are connected. Asked is which nodes and directed edges lie on the
//! shortest path between two of them.

use std::ops::RangeInclusive;

use pathfinding::directed::dijkstra::{dijkstra, dijkstra_all};
use pathfinding::undirected::kruskal::kruskal_indices;
use rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::{Graph, Layout};
use crate::base::random::Stream;

/// Two points are joined where (w_i + w_j) / distance^2 is at least this.
pub const THRESHOLD: f64 = 20.0;
/// A node has x, y, w, whether the path begins and whether it ends there; an edge its length.
pub const LAYOUT: Layout =
    Layout { edge_inputs: 1, node_inputs: 5, global_inputs: 1, edge_targets: 1, node_targets: 1 };
/// Lengths are compared in whole units of this part of 1.
const UNITS: f64 = 1e12;

/// Places that are joined by undirected edges of some length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// Where every place is: x, y.
    pub places: Vec<[f64; 2]>,
    /// w: how far a place reaches.
    pub weights: Vec<f64>,
    /// Two places and their distance along the edge.
    pub roads: Vec<(usize, usize, f64)>,
}

fn units(length: f64) -> u64 {
    (length * UNITS).round() as u64
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The edges of a Euclidean minimum spanning tree (Kruskal).
pub fn spanning_tree(places: &[[f64; 2]]) -> Vec<(usize, usize)> {
    let all: Vec<(usize, usize, u64)> =
        pairs(places.len()).map(|(a, b)| (a, b, units(distance(places[a], places[b])))).collect();
    kruskal_indices(places.len(), all).map(|(a, b, _)| (a, b)).collect()
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
}

impl Map {
    /// Points uniform in the unit square with w ~ Exp(1), as many as a size drawn from `sizes`.
    pub fn draw(sizes: &RangeInclusive<usize>, stream: &mut Stream) -> Self {
        let count = stream.random_range(sizes.clone());
        let places: Vec<[f64; 2]> = (0..count).map(|_| [stream.random(), stream.random()]).collect();
        let weights: Vec<f64> = (0..count).map(|_| Exp1.sample(stream)).collect();
        let tree = spanning_tree(&places);
        let joined = |a: usize, b: usize| {
            let near = (weights[a] + weights[b]) / distance(places[a], places[b]).powi(2) >= THRESHOLD;
            near || tree.contains(&(a, b)) || tree.contains(&(b, a))
        };
        let roads = pairs(count).filter(|(a, b)| joined(*a, *b));
        let roads = roads.map(|(a, b)| (a, b, distance(places[a], places[b]))).collect();
        Map { places, weights, roads }
    }

    fn neighbours(&self) -> Vec<Vec<(usize, f64)>> {
        let mut all = vec![Vec::new(); self.places.len()];
        for (a, b, length) in &self.roads {
            all[*a].push((*b, *length));
            all[*b].push((*a, *length));
        }
        all
    }

    /// The shortest path by length (Dijkstra) and how long it is; none where there is no way.
    pub fn path(&self, start: usize, end: usize) -> Option<(Vec<usize>, f64)> {
        let neighbours = self.neighbours();
        let from =
            |place: &usize| neighbours[*place].iter().map(|(to, length)| (*to, units(*length))).collect::<Vec<_>>();
        let (path, length) = dijkstra(&start, from, |place| *place == end)?;
        Some((path, length as f64 / UNITS))
    }

    /// How far every place is from every other; none where there is no way.
    pub fn distances(&self) -> Vec<Vec<Option<f64>>> {
        let (neighbours, count) = (self.neighbours(), self.places.len());
        let row = |start: usize| {
            let from =
                |place: &usize| neighbours[*place].iter().map(|(to, length)| (*to, units(*length))).collect::<Vec<_>>();
            let reached = dijkstra_all(&start, from);
            let to = |end: usize| if end == start { Some(0.0) } else { Some(reached.get(&end)?.1 as f64 / UNITS) };
            (0..count).map(to).collect()
        };
        (0..count).map(row).collect()
    }

    /// Roads from every place to every other, layer by layer; none where there is no way.
    fn hops(&self) -> Vec<Vec<Option<usize>>> {
        let neighbours = self.neighbours();
        let row = |start: usize| {
            let mut hops = vec![None; neighbours.len()];
            hops[start] = Some(0);
            let (mut layer, mut depth) = (vec![start], 0);
            while !layer.is_empty() {
                depth += 1;
                let mut next = Vec::new();
                for (to, _) in layer.iter().flat_map(|place| &neighbours[*place]) {
                    if hops[*to].is_none() {
                        hops[*to] = Some(depth);
                        next.push(*to);
                    }
                }
                layer = next;
            }
            hops
        };
        (0..neighbours.len()).map(row).collect()
    }

    /// Two places, drawn so that every number of steps between places is equally likely.
    pub fn ends(&self, stream: &mut Stream) -> (usize, usize) {
        let hops = self.hops();
        let of = |steps: usize| -> Vec<(usize, usize)> {
            let all = (0..hops.len()).flat_map(|a| (0..hops.len()).map(move |b| (a, b)));
            all.filter(|(a, b)| hops[*a][*b] == Some(steps)).collect()
        };
        let by_steps: Vec<Vec<(usize, usize)>> = (1..hops.len()).map(of).filter(|all| !all.is_empty()).collect();
        if by_steps.is_empty() {
            return (0, 0);
        }
        let all = &by_steps[stream.random_range(0..by_steps.len())];
        all[stream.random_range(0..all.len())]
    }

    /// The two places that are farthest apart by the way.
    pub fn farthest(&self) -> (usize, usize) {
        let all = self.distances();
        let far = |(a, b): (usize, usize)| all[a][b].unwrap_or(-1.0);
        pairs(all.len()).max_by(|a, b| far(*a).total_cmp(&far(*b))).unwrap_or((0, 0))
    }

    /// The graph of a map with the path between two places asked; both directions of a road are edges.
    pub fn graph(&self, start: usize, end: usize) -> Graph {
        let path = self.path(start, end).map_or_else(Vec::new, |(path, _)| path);
        let on_path = |edge: &(usize, usize)| path.windows(2).any(|step| (step[0], step[1]) == *edge);
        let edges: Vec<(usize, usize)> = self.roads.iter().flat_map(|(a, b, _)| [(*a, *b), (*b, *a)]).collect();
        let node = |i: usize| {
            let [x, y] = self.places[i];
            [x as f32, y as f32, self.weights[i] as f32, f32::from(i == start), f32::from(i == end)]
        };
        Graph {
            nodes: self.places.len(),
            edge_inputs: self.roads.iter().flat_map(|(_, _, length)| [*length as f32; 2]).collect(),
            node_inputs: (0..self.places.len()).flat_map(node).collect(),
            global_inputs: vec![0.0],
            edge_targets: edges.iter().map(|edge| f32::from(on_path(edge))).collect(),
            node_targets: (0..self.places.len()).map(|i| f32::from(path.contains(&i))).collect(),
            edges,
        }
    }
}

/// A graph of the task, of a size drawn from `sizes`.
pub fn draw(sizes: &RangeInclusive<usize>, stream: &mut Stream) -> Graph {
    let map = Map::draw(sizes, stream);
    let (start, end) = map.ends(stream);
    map.graph(start, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn a_spanning_tree_joins_all_with_one_edge_less() {
        for count in 1..20 {
            let places = Map::draw(&(count..=count), &mut Key::new(count as u64).stream()).places;
            let tree = spanning_tree(&places);
            assert_eq!(tree.len(), count - 1);
            let roads = tree.into_iter().map(|(a, b)| (a, b, distance(places[a], places[b]))).collect();
            let map = Map { weights: vec![0.0; count], places, roads };
            assert!(map.distances().iter().flatten().all(Option::is_some), "all are reached");
        }
    }

    #[test]
    fn the_path_is_the_shortest_of_all() {
        for seed in 0..20 {
            let stream = &mut Key::new(seed).stream();
            let map = Map::draw(&(8..=16), stream);
            let (start, end) = map.ends(stream);
            let (path, length) = map.path(start, end).unwrap();
            assert!(start != end && path[0] == start && path[path.len() - 1] == end);
            // Bellman and Ford, edge by edge.
            let mut best = vec![f64::INFINITY; map.places.len()];
            best[start] = 0.0;
            for _ in 0..map.places.len() {
                for (a, b, length) in &map.roads {
                    best[*b] = best[*b].min(best[*a] + length);
                    best[*a] = best[*a].min(best[*b] + length);
                }
            }
            assert!((best[end] - length).abs() < 1e-9);
            let graph = map.graph(start, end);
            assert_eq!(graph.edge_targets.iter().sum::<f32>(), path.len() as f32 - 1.0, "one direction alone");
            assert_eq!(graph.node_targets.iter().sum::<f32>(), path.len() as f32);
            assert_eq!(graph.edges.len(), 2 * map.roads.len());
        }
    }

    #[test]
    fn points_are_joined_where_they_are_near_or_heavy() {
        let map = Map::draw(&(16..=16), &mut Key::new(3).stream());
        let tree = spanning_tree(&map.places);
        let joined = |a: usize, b: usize| map.roads.iter().any(|road| (road.0, road.1) == (a, b));
        for (a, b) in pairs(16) {
            let d = distance(map.places[a], map.places[b]);
            let near = (map.weights[a] + map.weights[b]) / (d * d) >= 20.0;
            assert_eq!(joined(a, b), near || tree.contains(&(a, b)) || tree.contains(&(b, a)));
        }
    }

    #[test]
    fn every_number_of_steps_is_equally_likely() {
        // A line of five places: four pairs of neighbours in each direction, but only one from end to end.
        let roads = (0..4).map(|i| (i, i + 1, 0.1)).collect();
        let map = Map { places: (0..5).map(|i| [f64::from(i), 0.0]).collect(), weights: vec![1.0; 5], roads };
        let mut counts = [0.0f64; 5];
        for i in 0..2000 {
            let (start, end) = map.ends(&mut Key::new(7).index(i).stream());
            counts[start.abs_diff(end)] += 1.0;
        }
        assert!(counts[0] == 0.0 && counts[1..].iter().all(|count| (count / 2000.0 - 0.25).abs() < 0.04), "{counts:?}");
        assert_eq!(map.farthest(), (0, 4));
    }
}
