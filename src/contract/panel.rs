//! Panels are data: what there is to see, never how it is drawn.
//!
//! The terminal, the SVG and CSV exporters and the plain-text printer render the same values.
//! A missing value is `f64::NAN` in memory and `null` in files.

use serde::{Deserialize, Serialize};

use super::graphs::Graphs;
use super::missing;
use super::sankey::Sankey;
use super::sequence::Sequence;

/// How an axis spaces its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal ratios; values that are not positive have no place on it.
    Log,
    /// Equal ratios on both sides of zero, equal steps next to it: for values of both signs over many decades.
    Symlog,
    /// Equal odds; only values between 0 and 1 have a place on it: shares that come near either end.
    Logit,
}

impl Scale {
    /// Every spacing, in the order in which a person goes through them.
    pub const ALL: [Scale; 4] = [Scale::Linear, Scale::Log, Scale::Symlog, Scale::Logit];

    /// Its name, as charts show it.
    pub const fn name(self) -> &'static str {
        match self {
            Scale::Linear => "linear",
            Scale::Log => "log",
            Scale::Symlog => "symlog",
            Scale::Logit => "logit",
        }
    }

    /// Whether a value has a place on it.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Scale::Linear | Scale::Symlog => value.is_finite(),
            Scale::Log => value.is_finite() && value > 0.0,
            Scale::Logit => value > 0.0 && value < 1.0,
        }
    }
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What it measures, with the unit if there is one.
    pub label: String,
    /// Spacing.
    pub scale: Scale,
    /// Fixed ends, where they are known beforehand (an accuracy is in 0..1).
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis that fits its data.
    pub fn linear(label: impl Into<String>) -> Self {
        Axis { label: label.into(), scale: Scale::Linear, range: None }
    }

    /// A logarithmic axis that fits its data.
    pub fn log(label: impl Into<String>) -> Self {
        Axis { label: label.into(), scale: Scale::Log, range: None }
    }

    /// The same axis with fixed ends.
    pub fn within(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

/// How a line is stroked; what tells lines apart without colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dash {
    /// A measured line.
    #[default]
    Solid,
    /// A second kind of measured line.
    Dashed,
    /// A reference: a baseline, chance, a known optimum.
    Dotted,
}

/// One line of a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name in the legend.
    pub label: String,
    /// Stroke.
    pub dash: Dash,
    /// Points, x ascending; a y that is NaN breaks the line.
    #[serde(with = "missing::pairs")]
    pub points: Vec<(f64, f64)>,
}

/// A place on the x axis worth a tick of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// A letter or a word.
    pub label: String,
}

/// Lines over a common x.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// The lines, most important first.
    pub lines: Vec<Line>,
    /// Ticks of their own, for example where a run leaves a plateau.
    pub marks: Vec<Mark>,
}

/// A matrix as colour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heat {
    /// What the rows are.
    pub row_axis: String,
    /// What the columns are.
    pub column_axis: String,
    /// A label a row.
    pub rows: Vec<String>,
    /// A label a column.
    pub columns: Vec<String>,
    /// Values, row by row; NaN where nothing is known yet.
    #[serde(with = "missing::list")]
    pub values: Vec<f64>,
    /// A letter or two on each cell, row by row; empty for none at all.
    pub letters: Vec<String>,
    /// Values at the ends of the colour ramp; from the data when absent.
    pub range: Option<(f64, f64)>,
    /// What the colour measures.
    pub unit: String,
}

/// One bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Name.
    pub label: String,
    /// Length.
    #[serde(with = "missing::one")]
    pub value: f64,
    /// An interval around it.
    pub interval: Option<(f64, f64)>,
    /// A word behind it, for example `censored`.
    pub note: String,
}

/// A list of bars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bars {
    /// The value axis.
    pub axis: Axis,
    /// The bars, top to bottom.
    pub bars: Vec<Bar>,
}

/// One point of a scatter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Horizontal.
    pub x: f64,
    /// Vertical.
    pub y: f64,
    /// Group: gives colour and glyph.
    pub group: String,
    /// Name of this point.
    pub label: String,
}

/// Points in a plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// The points.
    pub points: Vec<Point>,
}

/// A table of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Heads of the columns.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The same with its rows in the order of a column: numbers by size, before what is none, by letters.
    #[must_use]
    pub fn sorted(&self, column: usize, rises: bool) -> Self {
        let mut sorted = self.clone();
        let number = |row: &Vec<String>| leading_number(row.get(column)?);
        sorted.rows.sort_by(|a, b| {
            let order = match (number(a), number(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => a.get(column).cmp(&b.get(column)),
            };
            if rises { order } else { order.reverse() }
        });
        sorted
    }
}

/// The number that a text begins with, whatever stands behind it.
fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(text.len());
    (1..=end).rev().find_map(|end| text.get(..end)?.parse().ok())
}

/// One grey image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Caption.
    pub label: String,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Values row by row, 0 dark to 1 bright.
    pub pixels: Vec<f32>,
}

/// Grey images side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Images {
    /// The images.
    pub images: Vec<Image>,
}

/// One token of a strip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Text of the token.
    pub text: String,
    /// A number behind it in 0..1 (a probability, a weight), shown as shade.
    #[serde(with = "missing::one")]
    pub weight: f64,
    /// A word under it, for example `wrong`.
    pub note: String,
}

/// Tokens in reading order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<Token>,
}

/// What a panel holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// Curves.
    Lines(Lines),
    /// A heat map.
    Heat(Heat),
    /// Bars.
    Bars(Bars),
    /// Small graphs, step by step.
    Graphs(Graphs),
    /// Shares that flow from column to column.
    Sankey(Sankey),
    /// A scatter.
    Scatter(Scatter),
    /// A sequence as its model reads it.
    Sequence(Sequence),
    /// A table.
    Table(Table),
    /// Images.
    Images(Images),
    /// A token strip.
    Tokens(Tokens),
    /// Panels side by side that only make sense together.
    Beside {
        /// From left to right.
        panels: Vec<Panel>,
    },
}

impl Body {
    /// The table, if it is one.
    pub const fn table(&self) -> Option<&Table> {
        match self {
            Body::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// Stable name: of the file it is exported to, of the place it keeps on the screen.
    pub id: String,
    /// Title.
    pub title: String,
    /// What it shows and how to read it: good and bad signs, in a sentence or two.
    pub says: String,
    /// A line of numbers under the title; may be empty.
    pub note: String,
    /// The data.
    pub body: Body,
}

impl Panel {
    /// A panel without a note.
    pub fn new(id: impl Into<String>, title: impl Into<String>, says: impl Into<String>, body: Body) -> Self {
        Panel { id: id.into(), title: title.into(), says: says.into(), note: String::new(), body }
    }

    /// The same panel with a line of numbers.
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_sorted_by_numbers_where_there_are_some() {
        let rows = ["10 % less", "-2.5e1", "none", "9"].map(|cell| vec![cell.to_owned()]).to_vec();
        let table = Table { columns: vec!["change".into()], rows };
        let order = |rises| table.sorted(0, rises).rows.into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(order(true), ["-2.5e1", "9", "10 % less", "none"]);
        assert_eq!(order(false), ["none", "10 % less", "9", "-2.5e1"]);
        assert_eq!(table.sorted(7, true), table);
    }

    #[test]
    fn a_missing_value_survives_a_file() {
        let heat = Heat { values: vec![0.5, f64::NAN], ..Heat::default() };
        let line = Line { points: vec![(0.0, f64::NAN), (1.0, 2.0)], ..Line::default() };
        let lines = Lines { lines: vec![line], ..Lines::default() };
        for body in [Body::Heat(heat), Body::Lines(lines)] {
            let text = serde_json::to_string(&Panel::new("a", "A", "", body)).unwrap();
            assert!(text.contains("null"), "{text}");
            let back: Panel = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }
}
