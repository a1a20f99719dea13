//! What there is to see of one seed.

use super::exact;
use super::game::{Convention, Turn};
use super::schedule::Arm;
use super::trial::{PragmaticTrial, Round, Shown};
use crate::contract::{Axis, Bar, Bars, Body, Dash, Frame, Graph, Graphs, Heat, Layout, Line, Lines, NodeState, Panel};

/// States of a program on the board.
const STATES: [&str; 3] = ["standing", "struck out", "target"];
const STANDING: usize = 0;
const STRUCK: usize = 1;
const TARGET: usize = 2;
/// Programs of a game that are shown, at most, and how many stand side by side with the target: their names are long.
const PLAYED: usize = 14;
const ACROSS: usize = 3;
/// Programs and candidates of a matrix that are shown, at most.
const PROGRAMS: usize = 23;
const CANDIDATES: usize = 16;

/// All of them.
pub(super) fn panels(trial: &PragmaticTrial) -> Vec<Panel> {
    let mut panels = Vec::new();
    if let Some(shown) = &trial.state.shown
        && let Some(last) = shown.turns.last()
    {
        panels.push(board(shown));
        panels.push(speaker(last));
        panels.push(consistency(shown, last));
    }
    panels.push(solved(trial));
    panels.push(drift(trial));
    panels.push(learning(trial));
    panels
}

/// What was said in the turns of a game.
fn said(turns: &[Turn]) -> String {
    turns.iter().map(|turn| turn.candidates[turn.said].0.to_string()).collect::<Vec<_>>().join(" ")
}

/// The programs of the first turn, struck out as the examples land.
fn board(shown: &Shown) -> Panel {
    let first = &shown.turns[0];
    let programs: Vec<String> = first.hypotheses.iter().take(PLAYED).cloned().collect();
    let fits = |turn: &Turn, program: &str| {
        // Later turns sample anew: what a program agrees with is worked out from its text.
        let members = crate::tasks::regexes::Program::parse(program).map(|program| program.members());
        members.is_ok_and(|members| turn.candidates[turn.said].0.fits(&members))
    };
    let node = |place: usize, state: usize| NodeState {
        state,
        value: String::new(),
        place: Some(((place % ACROSS) as f64, -((place / ACROSS) as f64))),
    };
    let frame = |heard: usize| {
        let turns = &shown.turns[..heard];
        let state = |program: &String| if turns.iter().all(|turn| fits(turn, program)) { STANDING } else { STRUCK };
        let others = programs.iter().enumerate().map(|(place, program)| node(place + 1, state(program)));
        let nodes: Vec<NodeState> = [node(0, TARGET)].into_iter().chain(others).collect();
        let standing = nodes.iter().filter(|node| node.state == STANDING).count();
        let note = match turns.split_last() {
            None => format!("nothing said, {} programs sampled", first.hypotheses.len()),
            Some((last, _)) => {
                let (example, share) = last.candidates[last.said];
                format!("said {example} (S1 {share:.2}); {standing} of {} left", programs.len())
            }
        };
        Frame { note, marked: heard > 0, nodes, edges: Vec::new() }
    };
    let frames: Vec<Frame> = (0..=shown.turns.len()).map(frame).collect();
    let steps = (0..=shown.turns.len()).map(|heard| said(&shown.turns[..heard])).map(|said| match said.as_str() {
        "" => "silence".to_owned(),
        _ => said,
    });
    let nodes = [shown.target.clone()].into_iter().chain(programs.iter().cloned()).collect();
    let graph = Graph { label: shown.title.clone(), directed: false, layout: Layout::Placed, nodes, frames };
    let states = STATES.map(String::from).to_vec();
    Panel::new(
        "board",
        "A game",
        "A target, and the other programs that the listeners name before anything is said. Every example strikes out \
         those that disagree with it. Good: few are left after two or three.",
        Body::Graphs(Graphs { states, steps: steps.collect(), graphs: vec![graph] }),
    )
    .noting(format!("target {}: {}", shown.target, said(&shown.turns)))
}

/// Candidates by what S1 gives them; the one that was said is always among them.
fn order(turn: &Turn) -> Vec<usize> {
    let mut places: Vec<usize> = (0..turn.candidates.len()).collect();
    places.sort_by(|a, b| turn.candidates[*b].1.total_cmp(&turn.candidates[*a].1));
    if let Some(at) = places.iter().position(|place| *place == turn.said).filter(|at| *at >= CANDIDATES) {
        places.swap(at, CANDIDATES - 1);
    }
    places.truncate(CANDIDATES);
    places
}

fn speaker(turn: &Turn) -> Panel {
    let bar = |place: usize| {
        let (example, value) = turn.candidates[place];
        let note = if place == turn.said { "said" } else { "" };
        Bar { label: example.to_string(), value, interval: None, note: note.into() }
    };
    let bars = order(turn).into_iter().map(bar).collect();
    Panel::new(
        "speaker",
        "What would tell most",
        "S1 of the candidates of the last turn at rationality 1: a candidate that fewer sampled programs agree with is \
         worth more. PraX says the first with the most, SHUF any.",
        Body::Bars(Bars { axis: Axis::linear("S1 of the candidate for the target").within(0.0, 1.0), bars }),
    )
}

/// Hypotheses against candidates, with the sums of the columns.
fn consistency(shown: &Shown, turn: &Turn) -> Panel {
    let (places, columns) = (order(turn), turn.candidates.len());
    let rows = turn.hypotheses.len() + 1;
    // The target is the last row of the turn and the first here.
    let kept: Vec<usize> = [rows - 1].into_iter().chain(0..(rows - 1).min(PROGRAMS)).collect();
    let agree = |row: usize, place: usize| turn.agree[row * columns + place];
    let sum = |place: usize| (0..rows).filter(|row| agree(*row, place)).count();
    let cells = kept.iter().flat_map(|row| places.iter().map(|place| f64::from(u8::from(agree(*row, *place)))));
    let sums = places.iter().map(|place| sum(*place) as f64 / rows as f64);
    let empty = vec![String::new(); kept.len() * places.len()];
    let name = |row: &usize| turn.hypotheses.get(*row).unwrap_or(&shown.target).clone();
    let heat = Heat {
        row_axis: "program".into(),
        column_axis: "candidate".into(),
        rows: kept.iter().map(name).chain(["share of all".into()]).collect(),
        columns: places.iter().map(|place| turn.candidates[*place].0.to_string()).collect(),
        values: cells.chain(sums).collect(),
        letters: empty.into_iter().chain(places.iter().map(|place| sum(*place).to_string())).collect(),
        range: Some((0.0, 1.0)),
        unit: "agrees".into(),
    };
    Panel::new(
        "consistency",
        "Who agrees with what",
        "Rows: the target and programs that the listeners named in the last turn. Columns: candidates, the most telling \
         first. Bright: the program agrees. Below, how many do: the emptiest column tells most.",
        Body::Heat(heat),
    )
    .noting(format!("said {}", turn.candidates[turn.said].0))
}

/// Points over the number of examples.
pub(super) fn by_count(shares: &[f64]) -> Vec<(f64, f64)> {
    (1..).zip(shares).map(|(count, share)| (f64::from(count), *share)).collect()
}

/// The chart of solved targets, of a seed or of all.
pub(super) fn solved_panel(lines: Vec<Line>) -> Panel {
    let (x, y) = (Axis::linear("examples"), Axis::linear("share of test targets solved").within(0.0, 1.0));
    Panel::new(
        "solved",
        "Solved with so many examples",
        "Share of test targets whose likeliest sampled program behaves like the target on all strings, with examples of \
         the human stand-in. Dotted: exact listeners, which know every program; a listener that learned from random \
         examples can reach the second, one that learned the convention of the stand-in the third.",
        Body::Lines(Lines { x, y, lines, marks: Vec::new() }),
    )
}

/// The lines of arms and of exact listeners, where there are any.
pub(super) fn solved_lines(arms: impl Iterator<Item = (Arm, Vec<f64>)>, exact: [Vec<f64>; 3]) -> Vec<Line> {
    let dash = |arm: Arm| if arm == Arm::Prax { Dash::Solid } else { Dash::Dashed };
    let measured =
        arms.map(|(arm, shares)| Line { label: arm.name().into(), dash: dash(arm), points: by_count(&shares) });
    let exact = exact::NAMES.into_iter().zip(exact).filter(|(_, shares)| !shares.is_empty());
    let known = exact.map(|(name, shares)| Line { label: name.into(), dash: Dash::Dotted, points: by_count(&shares) });
    measured.chain(known).collect()
}

fn solved(trial: &PragmaticTrial) -> Panel {
    let arms = trial.state.solved.iter().map(|solved| (solved.arm, solved.shares.clone()));
    let random: Vec<String> =
        trial.state.solved.iter().map(|solved| format!("{} {:.3}", solved.arm.name(), solved.random)).collect();
    let panel = solved_panel(solved_lines(arms, [0, 1, 2].map(|listener| trial.exactly(listener))));
    panel.noting(format!("on five random examples: {}", random.join(", ")))
}

/// What is told of a convention, with names.
pub(super) const PARTS: [&str; 3] = ["matching", "length / 3", "struck out"];

/// Its numbers, each between 0 and 1.
pub(super) fn parts(of: &Convention) -> [f64; 3] {
    [of.positive, of.length / 3.0, of.eliminated]
}

/// The chart of the convention's drift, of lines over rounds.
pub(super) fn drift_panel(lines: Vec<Line>) -> Panel {
    let (x, y) = (Axis::linear("round"), Axis::linear("share").within(0.0, 1.0));
    Panel::new(
        "drift",
        "Drift of the convention",
        "How the chosen examples of each round speak: share that match, mean letters as a share of three, and the share \
         of known programs still standing that an example strikes out. Dotted: the human stand-in. Retraining begins at \
         the literal weights every time, so that no private code grows.",
        Body::Lines(Lines { x, y, lines, marks: Vec::new() }),
    )
}

fn drift(trial: &PragmaticTrial) -> Panel {
    let mut lines = Vec::new();
    for arm in [Arm::Prax, Arm::Shuffled] {
        let rounds: Vec<&Round> = trial.state.rounds.iter().filter(|round| round.arm == arm).collect();
        for (part, name) in PARTS.iter().enumerate().filter(|_| !rounds.is_empty()) {
            let points = (1..).zip(&rounds).map(|(round, of)| (f64::from(round), parts(&of.spoke)[part])).collect();
            let dash = if arm == Arm::Prax { Dash::Solid } else { Dash::Dashed };
            lines.push(Line { label: format!("{} {name}", arm.name()), dash, points });
        }
    }
    if let Some(human) = trial.stand_in() {
        let most = trial.settings.play.rounds as f64;
        for (name, value) in PARTS.iter().zip(parts(&human)) {
            let points = vec![(1.0, value), (most.max(2.0), value)];
            lines.push(Line { label: format!("stand-in {name}"), dash: Dash::Dotted, points });
        }
    }
    let note: Vec<String> =
        trial.state.rounds.iter().map(|round| format!("{} {:.3}", round.arm.name(), round.validation)).collect();
    drift_panel(lines).noting(format!(
        "s@5 on validation targets: literal {:.3}, then {}",
        trial.state.literal,
        note.join(", ")
    ))
}

fn learning(trial: &PragmaticTrial) -> Panel {
    let names = ["listener", "speaker"];
    let line = |(name, losses): (&str, &Vec<(u64, f64)>)| Line {
        label: name.into(),
        dash: Dash::Solid,
        points: losses.iter().map(|(step, loss)| (*step as f64, *loss)).collect(),
    };
    let lines = names.into_iter().zip(&trial.state.losses).map(line).collect();
    let (x, y) = (Axis::linear("training step"), Axis::linear("nats a token"));
    Panel::new(
        "learning",
        "Literal models",
        "The loss of listener and speaker on random examples. The speaker's stays high: any of many strings would do.",
        Body::Lines(Lines { x, y, lines, marks: Vec::new() }),
    )
}
