//! Chains of masses and springs that hang between two fixed ends.
//!
//! Lengths in metres, masses of 1 kg, spring constants in N/m, times in seconds. A step is semi-implicit: the new
//! velocity moves the position.

use std::ops::RangeInclusive;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Graph, Layout};
use crate::base::random::Stream;

/// Seconds of a step.
pub const STEP: f64 = 0.1;
/// Spring constant before noise.
const STIFFNESS: f64 = 50.0;
/// Gravity before noise, in m/s^2.
const GRAVITY: [f64; 2] = [0.0, -10.0];
/// How far positions, spring constants and gravity are off at most, either way.
const NOISE: (f64, f64, f64) = (0.04, 5.0, 1.0);
/// From how near to how far neighbours stand.
const SPACING: RangeInclusive<f64> = 0.2..=1.0;
/// A mass has x, y, vx, vy and whether it is fixed, a spring its constant and its length at rest, the graph gravity.
/// Asked of a mass is its next velocity.
pub const LAYOUT: Layout =
    Layout { edge_inputs: 2, node_inputs: 5, global_inputs: 2, edge_targets: 0, node_targets: 2 };

/// A mass of 1 kg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mass {
    /// Where it is.
    pub position: [f64; 2],
    /// How it moves.
    pub velocity: [f64; 2],
    /// Whether it is held where it is.
    pub fixed: bool,
}

/// A spring between two masses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spring {
    /// The masses.
    pub between: (usize, usize),
    /// Its constant.
    pub stiffness: f64,
    /// Its length at rest.
    pub length: f64,
}

/// Masses and springs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Springs {
    /// The masses.
    pub masses: Vec<Mass>,
    /// The springs.
    pub springs: Vec<Spring>,
    /// What pulls every mass.
    pub gravity: [f64; 2],
}

fn apart(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

/// The force of a spring on the mass at `receiver` from that at `sender`: `-k (1 - l0 / l) (x_r - x_s)`.
pub fn hooke(receiver: [f64; 2], sender: [f64; 2], stiffness: f64, length: f64) -> [f64; 2] {
    let apart = apart(receiver, sender);
    let factor = -stiffness * (1.0 - length / apart[0].hypot(apart[1]));
    apart.map(|x| factor * x)
}

impl Springs {
    /// A chain at rest with noise, of as many masses as a size drawn from `sizes`.
    pub fn draw(sizes: &RangeInclusive<usize>, stream: &mut Stream) -> Self {
        let count = stream.random_range(sizes.clone());
        let spacing = stream.random_range(SPACING);
        let mut off = |most: f64| stream.random_range(-most..=most);
        let (position, stiffness, pull) = NOISE;
        let mass = |i: usize, off: &mut dyn FnMut(f64) -> f64| Mass {
            position: [i as f64 * spacing + off(position), off(position)],
            velocity: [0.0; 2],
            fixed: i == 0 || i + 1 == count,
        };
        let masses: Vec<Mass> = (0..count).map(|i| mass(i, &mut off)).collect();
        let spring = |i: usize| {
            let between = apart(masses[i + 1].position, masses[i].position);
            Spring { between: (i, i + 1), stiffness: STIFFNESS + off(stiffness), length: between[0].hypot(between[1]) }
        };
        let springs = (0..count.saturating_sub(1)).map(spring).collect();
        Springs { masses, springs, gravity: GRAVITY.map(|g| g + off(pull)) }
    }

    /// The force on every mass, in newtons; none on one that is fixed.
    pub fn forces(&self) -> Vec<[f64; 2]> {
        let mut forces = vec![self.gravity; self.masses.len()];
        for Spring { between: (a, b), stiffness, length } in &self.springs {
            let force = hooke(self.masses[*b].position, self.masses[*a].position, *stiffness, *length);
            for i in 0..2 {
                forces[*b][i] += force[i];
                forces[*a][i] -= force[i];
            }
        }
        let free = |(force, mass): ([f64; 2], &Mass)| if mass.fixed { [0.0; 2] } else { force };
        forces.into_iter().zip(&self.masses).map(free).collect()
    }

    /// The velocities after a step.
    pub fn next_velocities(&self) -> Vec<[f64; 2]> {
        let next = |(mass, force): (&Mass, [f64; 2])| [0, 1].map(|i| mass.velocity[i] + STEP * force[i]);
        self.masses.iter().zip(self.forces()).map(next).collect()
    }

    /// Goes a step on with these velocities; a fixed mass stays where it is and keeps still.
    ///
    /// # Panics
    /// If there is not one a mass.
    pub fn advance(&mut self, velocities: &[[f64; 2]]) {
        assert_eq!(velocities.len(), self.masses.len(), "one velocity a mass");
        for (mass, velocity) in self.masses.iter_mut().zip(velocities).filter(|(mass, _)| !mass.fixed) {
            mass.velocity = *velocity;
            (0..2).for_each(|i| mass.position[i] += STEP * velocity[i]);
        }
    }

    /// The states from now on: this one and `steps` behind it.
    pub fn trajectory(&self, steps: usize) -> Vec<Springs> {
        let next = |now: &Springs| {
            let mut next = now.clone();
            next.advance(&now.next_velocities());
            Some(next)
        };
        std::iter::successors(Some(self.clone()), next).take(steps + 1).collect()
    }

    /// The graph of a state with the next velocities asked: an edge for every end of a spring that is free.
    pub fn graph(&self) -> Graph {
        let states = self.masses.iter().map(state).collect::<Vec<_>>();
        let next = self.next_velocities().into_iter().map(|v| v.map(|v| v as f32));
        self.assembled(&states, next.collect())
    }

    /// The same for other states of the masses, x, y, vx and vy each.
    fn assembled(&self, states: &[[f32; 4]], next: Vec<[f32; 2]>) -> Graph {
        let ends = |spring: &Spring| {
            let (a, b) = spring.between;
            [(a, b), (b, a)].map(|edge| (edge, [spring.stiffness as f32, spring.length as f32]))
        };
        let reaches_free = |(edge, _): &((usize, usize), [f32; 2])| !self.masses[edge.1].fixed;
        let edges: Vec<_> = self.springs.iter().flat_map(ends).filter(reaches_free).collect();
        let fixed = self.masses.iter().map(|mass| f32::from(mass.fixed));
        let node = |([x, y, vx, vy], fixed): (&[f32; 4], f32)| [*x, *y, *vx, *vy, fixed];
        Graph {
            nodes: self.masses.len(),
            edge_inputs: edges.iter().flat_map(|(_, given)| *given).collect(),
            node_inputs: states.iter().zip(fixed).flat_map(node).collect(),
            global_inputs: self.gravity.map(|g| g as f32).to_vec(),
            edge_targets: Vec::new(),
            node_targets: next.into_iter().flatten().collect(),
            edges: edges.into_iter().map(|(edge, _)| edge).collect(),
        }
    }
}

fn state(mass: &Mass) -> [f32; 4] {
    let ([x, y], [vx, vy]) = (mass.position, mass.velocity);
    [x, y, vx, vy].map(|x| x as f32)
}

/// A trajectory, kept in little room: what learning draws its examples from.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    start: Springs,
    /// `[steps + 1, masses]` of x, y, vx, vy.
    states: Vec<[f32; 4]>,
}

impl Trajectory {
    /// `steps` steps of a chain.
    pub fn new(start: Springs, steps: usize) -> Self {
        let states = start.trajectory(steps).iter().flat_map(|now| now.masses.iter().map(state)).collect();
        Trajectory { start, states }
    }

    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.states.len() / self.start.masses.len().max(1) - 1
    }

    /// The graph of the state before a step, with the velocities behind it asked.
    ///
    /// # Panics
    /// If it has no such step.
    pub fn graph(&self, step: usize) -> Graph {
        let count = self.start.masses.len();
        let at = |step: usize| &self.states[step * count..][..count];
        self.start.assembled(at(step), at(step + 1).iter().map(|[_, _, vx, vy]| [*vx, *vy]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn a_stretched_spring_pulls_as_hooke_says() {
        assert_eq!(hooke([1.5, 0.0], [0.0, 0.0], 50.0, 1.0), [-25.0, 0.0]);
    }

    fn chain(seed: u64) -> Springs {
        Springs::draw(&(5..=8), &mut Key::new(seed).stream())
    }

    #[test]
    fn a_chain_at_rest_stays_bit_for_bit() {
        let still = Springs { gravity: [0.0; 2], ..chain(1) };
        assert!(still.trajectory(50).iter().all(|state| *state == still));
        let pulled = chain(1);
        assert_ne!(pulled.trajectory(1)[1], pulled);
    }

    #[test]
    fn a_free_pair_keeps_its_momentum() {
        let mass = |x: f64, v: f64| Mass { position: [x, 0.1 * x], velocity: [v, 0.3], fixed: false };
        let spring = Spring { between: (0, 1), stiffness: 53.0, length: 0.7 };
        let pair = Springs { masses: vec![mass(0.0, 0.5), mass(1.3, -0.2)], springs: vec![spring], gravity: [0.0; 2] };
        let momentum = |state: &Springs| [0, 1].map(|i| state.masses.iter().map(|m| m.velocity[i]).sum::<f64>());
        for state in pair.trajectory(50) {
            let (now, before) = (momentum(&state), momentum(&pair));
            assert!((0..2).all(|i| (now[i] - before[i]).abs() < 1e-12), "{now:?}");
        }
    }

    #[test]
    fn a_step_moves_with_the_new_velocity() {
        let trajectory = chain(2).trajectory(3);
        for step in trajectory.windows(2) {
            for (i, (before, after)) in step[0].masses.iter().zip(&step[1].masses).enumerate() {
                if before.fixed {
                    assert_eq!(before, after);
                    continue;
                }
                let force = step[0].forces()[i];
                for (c, force) in force.into_iter().enumerate() {
                    assert!((after.velocity[c] - before.velocity[c] - 0.1 * force).abs() < 1e-12);
                    assert!((after.position[c] - before.position[c] - 0.1 * after.velocity[c]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_trajectory_gives_the_graphs_of_its_states() {
        let start = chain(4);
        let (short, states) = (Trajectory::new(start.clone(), 10), start.trajectory(10));
        assert_eq!(short.steps(), 10);
        for step in [0, 4, 9] {
            let (graph, whole) = (short.graph(step), states[step].graph());
            assert_eq!((&graph.edges, &graph.node_inputs), (&whole.edges, &whole.node_inputs));
            assert_eq!(graph.node_targets, whole.node_targets);
        }
    }

    #[test]
    fn chains_are_drawn_as_the_sheet_says() {
        for seed in 0..50 {
            let state = chain(seed);
            let count = state.masses.len();
            assert!((5..=8).contains(&count) && state.springs.len() == count - 1);
            let fixed: Vec<bool> = state.masses.iter().map(|mass| mass.fixed).collect();
            assert!(fixed[0] && fixed[count - 1] && !fixed[1..count - 1].contains(&true));
            assert!((state.gravity[1] + 10.0).abs() <= 1.0 && state.gravity[0].abs() <= 1.0);
            assert!(
                state.springs.iter().all(|s| (s.stiffness - 50.0).abs() <= 5.0 && s.length > 0.1 && s.length < 1.1)
            );
            let graph = state.graph();
            assert_eq!(graph.edges.len(), 2 * count - 4, "nothing reaches a fixed mass");
            assert!(graph.edges.iter().all(|(_, receiver)| !fixed[*receiver]));
            assert_eq!((graph.node_targets[0], graph.node_targets[1]), (0.0, 0.0));
        }
    }
}
