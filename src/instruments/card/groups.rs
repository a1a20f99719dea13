//! Which examples pull the weights in opposite directions.

use super::Instrument;
use crate::contract::{Body, Found, Panel, Quantity, Table};
use crate::instruments::derivatives::{Gradients, Hessian, flat, unflat};
use crate::instruments::opposing::Losses;
use crate::instruments::sharpness::{lanczos, random_direction};
use crate::instruments::subject::Subject;

/// Training examples that are followed.
const EXAMPLES: usize = 256;
/// Steps of gradient descent at the edge.
const STEPS: usize = 24;
/// Share of the examples that is listed.
const SHARE: f64 = 0.03;
/// Changes of loss below this are rounding.
const LEAST: f64 = 1e-6;

/// The row.
pub(super) const GROUPS: Instrument = Instrument {
    name: "opposing-groups",
    question: "do a few examples with opposite wishes hold most of the movement?",
    meaning: "a large share with a correlation near -1: two groups share a strong feature and ask for opposite \
              answers; a share near its part of the examples: nobody stands out",
    paper: "Rosenfeld and Risteski 2023",
    read: groups,
};

fn groups(subject: &Subject) -> Found {
    let examples = subject.train.first(EXAMPLES);
    let listed = ((examples.count as f64 * SHARE).ceil() as usize).max(4);
    if examples.count < 4 * listed {
        return Found::refused(format!("{} training examples are too few to look for groups", examples.count));
    }
    let descend = || -> Result<(Vec<f32>, f64), String> {
        let mut hessian = Hessian::new(subject, &examples)?;
        let start = random_direction(subject.weights.parameters(&subject.store), subject.key.purpose("groups"));
        let top = lanczos(|v| hessian.product(v), &start, 12, 1).ok_or("a product with the Hessian is not finite")?;
        let mut gradients = Gradients::new(subject, examples.count)?;
        let mut weights = flat(&subject.trained());
        // At the edge of stability: the valley's walls show, and nothing diverges at once.
        let rate = 2.0 / top.values[0].max(1e-6);
        let mut losses = Vec::new();
        for _ in 0..=STEPS {
            losses.extend(subject.losses(&unflat(subject, &weights), &examples));
            gradients.set_weights(&weights);
            let (_, gradient) = gradients.of(&examples);
            weights.iter_mut().zip(&gradient).for_each(|(w, g)| *w -= rate * g);
        }
        Ok((losses, rate))
    };
    let (losses, rate) = match descend() {
        Ok(found) => found,
        Err(why) => return Found::refused(why),
    };
    let changes = Losses::new(&losses, examples.count).changes();
    let Some((groups, share)) = changes.groups(listed).and_then(|g| Some((g.clone(), changes.share(&g.listed)?)))
    else {
        return Found::refused("no example's loss moves");
    };
    let [first, second] = groups.sides();
    let part = listed as f64 / examples.count as f64;
    let mut quantities = vec![
        Quantity::new("share of movement", share, "of all |change of loss|"),
        Quantity::new("share of examples", part, "of the examples"),
    ];
    let against = changes.correlation(&first, &second, LEAST);
    quantities.extend(against.map(|r| Quantity::new("correlation of the two sides", r, "")));
    let row = |i: usize| {
        vec![
            groups.listed[i].to_string(),
            if groups.side[i] >= 0.0 { "A".into() } else { "B".into() },
            format!("{:.3}", groups.side[i]),
            format!("{:.3e}", groups.moved[i]),
        ]
    };
    let columns = ["example", "side", "correlation", "mean |change|"].map(String::from).to_vec();
    let table = Table { columns, rows: (0..groups.listed.len().min(12)).map(row).collect() };
    let says = "The training examples whose loss moves most from step to step, and on which side they stand.";
    let panel = Panel::new("opposing-groups", "Most moved examples", says, Body::Table(table));
    let note =
        format!("{STEPS} steps of gradient descent at 2 / sharpness = {rate:.2e} on {} examples", examples.count);
    Found::Measured { quantities, note, panel: Some(Box::new(panel)) }
}
