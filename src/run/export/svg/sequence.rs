//! A sequence on paper: its tokens, its tracks as curves, its matrices behind the last token, its pathways.

use super::draw::{INK, MUTED, Part, paragraph};
use super::{heat, lines, sankey, tokens};
use crate::contract::Sequence;

/// Paints a sequence.
pub(super) fn paint(sequence: &Sequence, width: f64) -> Part {
    let mut part = tokens::paint(&sequence.tokens, width);
    for track in &sequence.tracks {
        part.stack(lines::paint(&sequence.chart(track), width), 14.0);
    }
    let last = sequence.tokens.len().saturating_sub(1);
    for matrix in &sequence.matrices {
        let Some(map) = matrix.heat(last, &sequence.tokens) else { continue };
        part.stack(paragraph(&matrix.label, 13.0, INK, "600", width), 18.0);
        if matrix.frames.len() > 1 {
            part.stack(paragraph("behind the last token", 11.0, MUTED, "400", width), 2.0);
        }
        part.stack(heat::paint_sided(&map, matrix.is_signed(), width), 4.0);
    }
    if let (Some(map), Some(pathways)) = (sequence.pathway_map(), &sequence.pathways) {
        part.stack(paragraph("Experts of every token", 13.0, INK, "600", width), 18.0);
        part.stack(heat::paint(&map, width), 4.0);
        let flow = pathways.flow(0..pathways.tokens(), |expert| expert.to_string());
        part.stack(sankey::paint(&flow, width), 14.0);
    }
    part
}
