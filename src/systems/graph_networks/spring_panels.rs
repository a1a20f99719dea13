//! What there is to see of one trial of masses and springs.

use super::settings::SpringSettings;
use super::springs::{Errors, Look};
use crate::contract::{
    Axis, Body, Dash, Edge, EdgeKind, Frame, Graph as Drawn, Graphs, Layout, Line, Lines, NodeState, Panel, Scale,
};
use crate::tasks::graphs::springs::{STEP, Springs};

/// Every panel: `truth` and `said` are one rollout.
pub(super) fn panels(looks: &[Look], task: &SpringSettings, truth: &[Springs], said: &[Springs]) -> Vec<Panel> {
    vec![learning(looks, task), moving(truth, said), growing(truth, said)]
}

fn learning(looks: &[Look], task: &SpringSettings) -> Panel {
    let line = |(size, (_, masses)): (usize, (&str, usize))| Line {
        label: format!("{masses} masses"),
        dash: Dash::Solid,
        points: looks.iter().map(|look| (look.step as f64, look.ratios[size])).collect(),
    };
    let lines = task.tested().into_iter().enumerate().map(line).collect();
    let y = Axis { scale: Scale::Log, ..Axis::linear("error / that of standing still") };
    Panel::new(
        "learning",
        "Rollouts of fewer and of more masses",
        "Squared velocity error over 50 steps that the model feeds itself, over that of a chain that never moves. Below 1 \
         it knows something, at 0.3 it follows.",
        Body::Lines(Lines { x: Axis::linear("training step"), y, lines, marks: Vec::new() }),
    )
}

/// The chain as it moves and as the model says that it does, in one picture.
fn moving(truth: &[Springs], said: &[Springs]) -> Panel {
    let count = truth[0].masses.len();
    let errors = Errors::new(truth, said);
    let frame = |(step, (truth, said)): (usize, (&Springs, &Springs))| {
        let node = |(i, state): (usize, &Springs), own: usize| {
            let mass = &state.masses[i];
            let state = if mass.fixed { 0 } else { own };
            NodeState { state, value: String::new(), place: Some((mass.position[0], mass.position[1])) }
        };
        let springs = |first: usize, kind: EdgeKind, weight: f64| {
            let edge = move |(a, b): (usize, usize)| Edge { from: first + a, to: first + b, weight, kind };
            truth.springs.iter().map(move |spring| edge(spring.between))
        };
        let nodes = (0..count).map(|i| node((i, truth), 1)).chain((0..count).map(|i| node((i, said), 2))).collect();
        let error = step.checked_sub(1).map_or(0.0, |at| errors.off[at]);
        Frame {
            note: format!("{:.1} s: squared velocity error {error:.3} m²/s²", step as f64 * STEP),
            marked: false,
            nodes,
            edges: springs(0, EdgeKind::Reference, 0.4).chain(springs(count, EdgeKind::Chosen, 1.0)).collect(),
        }
    };
    let names = (0..count).map(|i| format!("{i}")).chain((0..count).map(|i| format!("{i}*"))).collect();
    let drawn = Drawn {
        label: format!("{count} masses"),
        directed: false,
        layout: Layout::Placed,
        nodes: names,
        frames: truth.iter().zip(said).enumerate().map(frame).collect(),
    };
    let graphs = Graphs {
        states: vec!["fixed".into(), "as it moves".into(), "as the model says (*)".into()],
        steps: (0..truth.len()).map(|step| format!("{:.1} s", step as f64 * STEP)).collect(),
        graphs: vec![drawn],
    };
    Panel::new(
        "rollout",
        "Masses and springs, as they move and as the model says",
        "A longer chain than any that was trained on hangs between its fixed ends. Both begin alike; from then on the \
         model is fed with its own answers.",
        Body::Graphs(graphs),
    )
}

fn growing(truth: &[Springs], said: &[Springs]) -> Panel {
    let errors = Errors::new(truth, said);
    let line = |label: &str, dash: Dash, values: &[f64]| Line {
        label: label.into(),
        dash,
        points: values.iter().enumerate().map(|(i, value)| ((i + 1) as f64 * STEP, *value)).collect(),
    };
    let lines = vec![line("model", Dash::Solid, &errors.off), line("standing still", Dash::Dotted, &errors.still)];
    Panel::new(
        "error",
        "The error grows with time",
        "Squared velocity error of the rollout beside it, and of a chain that never moves.",
        Body::Lines(Lines { x: Axis::linear("seconds"), y: Axis::linear("m²/s²"), lines, marks: Vec::new() }),
    )
}
