//! One sequence as a model reads it: what it holds, decides and gets wrong, token by token.

use serde::{Deserialize, Serialize};

use super::missing;
use super::panel::{Axis, Heat, Line, Lines, Mark, Scale, Token};
use super::sankey::Sankey;

/// One sequence as its model reads it, to be stepped through token by token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// The tokens. A note (`query`, `fault`, `wrong`) makes a token one that a person steps to; the weight is the
    /// accuracy or the probability of the right answer, NaN where nothing is asked.
    pub tokens: Vec<Token>,
    /// Numbers of every token, the most important first: errors, gates.
    pub tracks: Vec<Track>,
    /// Matrices that change from token to token, or stand still: memories, attention.
    pub matrices: Vec<Matrix>,
    /// Which experts every token goes to, layer by layer.
    pub pathways: Option<Pathways>,
}

/// A number of every token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// What it is.
    pub label: String,
    /// What it is measured in; may be empty.
    pub unit: String,
    /// Spacing of its axis.
    pub scale: Scale,
    /// One a token, NaN where there is none.
    #[serde(with = "missing::list")]
    pub values: Vec<f64>,
}

/// A picture for each token (a memory after it was written), or one for all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// What it is.
    pub label: String,
    /// What the rows are.
    pub row_axis: String,
    /// What the columns are.
    pub column_axis: String,
    /// Rows of each frame.
    pub rows: usize,
    /// Columns of each frame.
    pub columns: usize,
    /// One for all tokens, or one a token from the first on; each `[rows, columns]`, row by row. Files keep three
    /// significant digits.
    #[serde(with = "missing::rounded")]
    pub frames: Vec<Vec<f32>>,
    /// Values at the ends of the colour ramp; from the values of all frames when absent.
    pub range: Option<(f64, f64)>,
    /// Whether rows and columns are tokens (attention): the cursor is then marked on it.
    pub by_token: bool,
}

/// Which experts every token goes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pathways {
    /// Experts of a layer.
    pub experts: usize,
    /// Layers of experts.
    pub layers: usize,
    /// Experts that a token goes to in a layer.
    pub chosen: usize,
    /// Their numbers, `[tokens, layers, chosen]`; a number that is no expert stands for none.
    pub visits: Vec<usize>,
    /// What the router gave them, `[tokens, layers, chosen]`.
    #[serde(with = "missing::list")]
    pub weights: Vec<f64>,
}

impl Sequence {
    /// Whether something is noted at a token.
    pub fn is_marked(&self, token: usize) -> bool {
        self.tokens.get(token).is_some_and(|token| !token.note.is_empty())
    }

    /// The next token after `from` (before it, when not `on`) at which something is noted.
    pub fn marked_from(&self, from: usize, on: bool) -> Option<usize> {
        if on {
            (from + 1..self.tokens.len()).find(|at| self.is_marked(*at))
        } else {
            (0..from.min(self.tokens.len())).rev().find(|at| self.is_marked(*at))
        }
    }

    /// A track as a curve over the tokens, counted from 1, with a mark where something is noted.
    pub fn chart(&self, track: &Track) -> Lines {
        let unit = if track.unit.is_empty() { String::new() } else { format!(", {}", track.unit) };
        let points = track.values.iter().enumerate().map(|(at, value)| (at as f64 + 1.0, *value)).collect();
        let noted = self.tokens.iter().enumerate().filter(|(_, token)| !token.note.is_empty());
        Lines {
            x: Axis::linear("token").within(1.0, self.tokens.len().max(2) as f64),
            y: Axis { label: format!("{}{unit}", track.label), scale: track.scale, range: None },
            lines: vec![Line { label: track.label.clone(), points, ..Line::default() }],
            marks: noted.map(|(at, token)| Mark { x: at as f64 + 1.0, label: token.note.clone() }).collect(),
        }
    }

    /// Its pathways as a map: a row a layer (and rank, where a token goes to several experts), a column a token; the
    /// values are numbers of experts.
    pub fn pathway_map(&self) -> Option<Heat> {
        let pathways = self.pathways.as_ref().filter(|pathways| pathways.tokens() > 0)?;
        let tokens = pathways.tokens();
        let places = pathways.layers * pathways.chosen;
        let name = |place: usize| match pathways.chosen {
            1 => format!("layer {}", place + 1),
            k => format!("layer {}, rank {}", place / k + 1, place % k + 1),
        };
        let expert = |token: usize, place: usize| {
            let visit = pathways.visits.get(token * places + place).copied();
            visit.filter(|expert| *expert < pathways.experts).map_or(f64::NAN, |expert| expert as f64)
        };
        let text = |at: usize| self.tokens.get(at).map_or_else(|| (at + 1).to_string(), |token| token.text.clone());
        Some(Heat {
            row_axis: "layer".into(),
            column_axis: "token".into(),
            rows: (0..places).map(name).collect(),
            columns: (0..tokens).map(text).collect(),
            values: (0..places).flat_map(|place| (0..tokens).map(move |token| expert(token, place))).collect(),
            letters: Vec::new(),
            range: Some((0.0, pathways.experts.saturating_sub(1).max(1) as f64)),
            unit: "expert".into(),
        })
    }
}

impl Matrix {
    /// The picture at a token; none where the matrix is not whole there.
    pub fn frame(&self, token: usize) -> Option<&[f32]> {
        let frame = if self.frames.len() == 1 { self.frames.first() } else { self.frames.get(token) }?;
        let whole = self.rows > 0 && self.columns > 0 && self.rows.checked_mul(self.columns) == Some(frame.len());
        whole.then_some(frame)
    }

    /// Values at the ends of the colour ramp, the same for every token. Where both signs come, zero is in the middle.
    pub fn ends(&self) -> (f64, f64) {
        let given = self.range.filter(|(low, high)| low.is_finite() && high.is_finite() && low < high);
        let (low, high) = given.unwrap_or_else(|| {
            let finite = self.frames.iter().flatten().filter(|v| v.is_finite()).map(|v| f64::from(*v));
            let fold = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), fold)
        });
        match (low, high) {
            _ if low < 0.0 && high > 0.0 => (-high.max(-low), high.max(-low)),
            _ if low < high => (low, high),
            _ if low.is_finite() && low != 0.0 => (low.min(0.0), high.max(0.0)),
            _ => (0.0, 1.0),
        }
    }

    /// Whether zero lies inside the ramp, so that it has two sides.
    pub fn is_signed(&self) -> bool {
        let (low, high) = self.ends();
        low < 0.0 && high > 0.0
    }

    /// The picture at a token as a heat map, rows and columns by number or by token.
    pub fn heat(&self, token: usize, tokens: &[Token]) -> Option<Heat> {
        let frame = self.frame(token)?;
        let name = |at: usize| match tokens.get(at) {
            Some(token) if self.by_token => token.text.clone(),
            _ => (at + 1).to_string(),
        };
        Some(Heat {
            row_axis: self.row_axis.clone(),
            column_axis: self.column_axis.clone(),
            rows: (0..self.rows).map(name).collect(),
            columns: (0..self.columns).map(name).collect(),
            values: frame.iter().map(|value| f64::from(*value)).collect(),
            letters: Vec::new(),
            range: Some(self.ends()),
            unit: self.label.clone(),
        })
    }
}

impl Pathways {
    /// The experts of a token in a layer with what the router gave them, as they come; what is no expert is left out.
    pub fn of(&self, token: usize, layer: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let places = (layer < self.layers).then(|| {
            let first = token.saturating_mul(self.layers).saturating_add(layer).saturating_mul(self.chosen);
            first..first.saturating_add(self.chosen)
        });
        places.into_iter().flatten().filter_map(|place| {
            let expert = *self.visits.get(place)?;
            Some((expert, self.weights.get(place).copied().unwrap_or(f64::NAN))).filter(|_| expert < self.experts)
        })
    }

    /// Whole tokens for which it holds something.
    pub fn tokens(&self) -> usize {
        self.visits.len().checked_div(self.layers.saturating_mul(self.chosen)).unwrap_or(0)
    }

    /// How some of the tokens flow from layer to layer. A token counts 1, shared by the pairs of experts that it goes
    /// to; `label` names an expert.
    pub fn flow(&self, tokens: impl Iterator<Item = usize> + Clone, label: impl Fn(usize) -> String) -> Sankey {
        let mut flow = Sankey::of_columns(
            (0..self.layers)
                .map(|layer| (format!("layer {}", layer + 1), (0..self.experts).map(&label).collect::<Vec<_>>())),
        );
        for token in tokens {
            for layer in 0..self.layers {
                let here: Vec<usize> = self.of(token, layer).map(|(expert, _)| expert).collect();
                here.iter().for_each(|expert| flow.load(layer, *expert, 1.0 / here.len() as f64));
                let next: Vec<usize> = self.of(token, layer + 1).map(|(expert, _)| expert).collect();
                let share = 1.0 / (here.len() * next.len()).max(1) as f64;
                for from in &here {
                    next.iter().for_each(|to| flow.join(layer, *from, *to, share));
                }
            }
        }
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Body, Panel};

    fn memory(frames: Vec<Vec<f32>>) -> Matrix {
        Matrix { rows: 1, columns: 2, frames, ..Matrix::default() }
    }

    #[test]
    fn a_matrix_stands_still_or_follows_the_token() {
        let still = memory(vec![vec![0.5, 1.0]]);
        assert_eq!(still.frame(7), Some(&[0.5, 1.0][..]));
        let moving = memory(vec![vec![0.5, 1.0], vec![-3.0, f32::NAN], vec![1.0]]);
        assert_eq!(moving.frame(0), Some(&[0.5, 1.0][..]));
        assert_eq!((moving.frame(2), moving.frame(3)), (None, None), "not whole, not there");
        assert_eq!((still.ends(), moving.ends()), ((0.5, 1.0), (-3.0, 3.0)));
        assert_eq!(Matrix { range: Some((-1.0, 3.0)), ..still.clone() }.ends(), (-3.0, 3.0));
        assert_eq!(memory(vec![vec![0.0; 2]]).ends(), (0.0, 1.0));
        assert_eq!(memory(vec![vec![f32::NAN; 2]]).ends(), (0.0, 1.0));
        assert_eq!(memory(vec![vec![-3.0; 2]]).ends(), (-3.0, 0.0));
        assert!(moving.is_signed() && !still.is_signed());
    }

    #[test]
    fn marks_are_found_both_ways() {
        let token = |note: &str| Token { note: note.into(), ..Token::default() };
        let sequence = Sequence { tokens: ["", "fault", "", "query"].map(token).to_vec(), ..Sequence::default() };
        assert_eq!((sequence.marked_from(0, true), sequence.marked_from(1, true)), (Some(1), Some(3)));
        assert_eq!((sequence.marked_from(3, true), sequence.marked_from(3, false)), (None, Some(1)));
        assert_eq!(sequence.marked_from(1, false), None);
    }

    #[test]
    fn pathways_flow_and_nothing_is_lost() {
        // Two tokens through two layers of three experts, two each; the last visit is none.
        let visits = vec![0, 1, 1, 2, 0, 2, 2, 9];
        let pathways = Pathways { experts: 3, layers: 2, chosen: 2, visits, weights: vec![0.7; 8] };
        assert_eq!(pathways.tokens(), 2);
        assert_eq!(pathways.of(1, 1).collect::<Vec<_>>(), [(2, 0.7)]);
        assert_eq!((pathways.of(2, 0).count(), pathways.of(0, 2).count()), (0, 0));
        let flow = pathways.flow(0..2, |expert| expert.to_string());
        let loads = |column: usize| flow.columns[column].nodes.iter().map(|node| node.load).collect::<Vec<_>>();
        assert_eq!((loads(0), loads(1)), (vec![1.0, 0.5, 0.5], vec![0.0, 0.5, 1.5]));
        let weight = |from, to| flow.links.iter().find(|l| (l.from, l.to) == (from, to)).map(|l| l.weight);
        assert_eq!((weight(0, 1), weight(0, 2), weight(2, 1)), (Some(0.25), Some(0.75), None));
        assert_eq!(flow.links.iter().map(|link| link.weight).sum::<f64>(), 2.0);
        assert_eq!(Pathways::default().tokens(), 0);
    }

    #[test]
    fn a_file_keeps_three_digits_and_what_is_missing() {
        let frames = vec![vec![0.123_456, f32::NAN], vec![-9.996e-7, 1.0]];
        let track = Track { values: vec![f64::NAN, 2.5], ..Track::default() };
        let pathways = Pathways { weights: vec![f64::NAN], ..Pathways::default() };
        let sequence = Sequence {
            matrices: vec![memory(frames)],
            tracks: vec![track],
            pathways: Some(pathways),
            ..Sequence::default()
        };
        let text = serde_json::to_string(&Panel::new("a", "A", "", Body::Sequence(sequence))).unwrap();
        assert!(text.contains("[[0.123,null],[-0.000001,1.0]]") && text.contains("[null,2.5]"), "{text}");
        let back: Panel = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }

    #[test]
    fn sixty_four_tokens_of_a_memory_stay_well_below_a_megabyte() {
        let value = |i: usize| ((i * 7919 % 2003) as f32 / 1001.5 - 1.0) * 0.37;
        let frames = (0..64).map(|t| (0..1024).map(|i| value(t * 1024 + i)).collect()).collect();
        let matrix = Matrix { rows: 32, columns: 32, frames, ..Matrix::default() };
        assert!(serde_json::to_string(&matrix).unwrap().len() < 600_000);
    }
}
