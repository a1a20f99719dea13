//! What there is to see of all seeds.

use super::judge::{gains, right};
use super::panels::{PARTS, drift_panel, solved_lines, solved_panel};
use super::schedule::Arm;
use super::settings::Settings;
use crate::base::random::Key;
use crate::contract::{Axis, Bar, Bars, Body, Dash, Evidence, Line, Panel, Recorded, Table};
use crate::instruments::statistics::Bootstrap;

/// All of them, once something was recorded.
pub(super) fn panels(evidence: &Evidence<'_, Settings>) -> Vec<Panel> {
    let Some(all) = evidence.all().next().filter(|recorded| !recorded.seeds.is_empty()) else { return Vec::new() };
    vec![solved(&all), gained(&all), drift(&all), seeds(&all)]
}

fn solved(all: &Recorded<'_, Settings>) -> Panel {
    let arms = Arm::ALL.into_iter().filter_map(|arm| Some((arm, all.curve(&arm.metric("solved"))?)));
    let exact = ["l0", "random", "l1"].map(|name| all.curve(&format!("exact.{name}")).unwrap_or_default());
    solved_panel(solved_lines(arms, exact)).noting("mean over seeds")
}

/// What every arm has over LIT+, on chosen and on random examples.
fn gained(all: &Recorded<'_, Settings>) -> Panel {
    // The intervals of a picture are not those of the verdict: fewer draws, a stream of their own.
    let bootstrap = Bootstrap::new(Key::new(0).purpose("picture"));
    let mut bars = Vec::new();
    for (kind, what) in [("right", "chosen"), ("right_random", "random")] {
        for arm in [Arm::Prax, Arm::Shuffled, Arm::Human] {
            let differences = gains(&right(all, arm, kind), &right(all, Arm::LiteralPlus, kind));
            if let Some(gain) = bootstrap.mean(&differences) {
                let (label, interval) = (format!("{}, {what}", arm.name()), Some(gain.interval()));
                bars.push(Bar { label, value: gain.value, interval, note: String::new() });
            }
        }
    }
    Panel::new(
        "gains",
        "Gained over LIT+",
        "Share of test targets solved with five examples, less that of the listener with as many steps on random \
         examples; paired over targets and seeds, 95 %. PraX should gain on examples that the stand-in chose and not on \
         random ones; SHUF on neither.",
        Body::Bars(Bars { axis: Axis::linear("difference of s@5"), bars }),
    )
}

fn drift(all: &Recorded<'_, Settings>) -> Panel {
    let mut lines = Vec::new();
    let kinds = ["positive", "length", "eliminated"];
    let scale = [1.0, 3.0, 1.0];
    let mut most: f64 = 2.0;
    for arm in [Arm::Prax, Arm::Shuffled] {
        for ((kind, name), scale) in kinds.iter().zip(PARTS).zip(scale) {
            let series = all.series(&arm.metric(kind));
            let points: Vec<(f64, f64)> =
                (1..).zip(series).map(|(round, (_, value))| (f64::from(round), value / scale)).collect();
            most = most.max(points.len() as f64);
            let dash = if arm == Arm::Prax { Dash::Solid } else { Dash::Dashed };
            lines.push(Line { label: format!("{} {name}", arm.name()), dash, points });
        }
    }
    for ((value, name), scale) in all.curve("convention.stand_in").unwrap_or_default().iter().zip(PARTS).zip(scale) {
        let points = vec![(1.0, value / scale), (most, value / scale)];
        lines.push(Line { label: format!("stand-in {name}"), dash: Dash::Dotted, points });
    }
    drift_panel(lines).noting("mean over seeds")
}

fn seeds(all: &Recorded<'_, Settings>) -> Panel {
    let mut rows = Vec::new();
    for seed in all.seeds {
        for arm in Arm::ALL {
            let of = |kind: &str| seed.last(&arm.metric(kind)).map_or("-".into(), |value| format!("{value:.3}"));
            rows.push(vec![seed.spec.seed.to_string(), arm.name().into(), of("s5"), of("random"), of("first")]);
        }
    }
    let columns = ["seed", "arm", "s@5", "s@5 on random", "first success"].map(String::from).to_vec();
    Panel::new(
        "seeds",
        "Every seed",
        "Share of test targets solved with five examples, chosen by the stand-in and random, and after how many chosen \
         ones a target is solved first, one more than there are if never (it decides nothing).",
        Body::Table(Table { columns, rows }),
    )
}
