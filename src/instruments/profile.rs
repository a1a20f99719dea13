//! Where the time of a plan goes: a table of its ops with time, bytes, arithmetic and their share of
//! what the machine can do.

use crate::contract::{Body, Panel, Table};
use crate::engine::Profile;
use crate::kernels::limits;

/// Rows of the table: the most expensive ops, then the rest together.
const ROWS: usize = 12;

/// The table of a profile that was taken with so many threads.
pub fn panel(profile: &Profile, threads: usize) -> Panel {
    let limit = limits::peak_gflops() * threads as f64;
    let total = profile.seconds();
    let row = |cells: [String; 7]| cells.to_vec();
    let groups = profile.grouped(false);
    let mut rows: Vec<Vec<String>> = groups
        .iter()
        .take(ROWS)
        .map(|cost| {
            row([
                cost.op.clone(),
                cost.count.to_string(),
                format!("{:.3}", 1e3 * cost.seconds),
                format!("{:.1}", 1e2 * cost.seconds / total),
                format!("{:.1}", cost.gigabytes()),
                format!("{:.1}", cost.gflops()),
                format!("{:.0}", 1e2 * cost.gflops() / limit),
            ])
        })
        .collect();
    let rest = &groups[groups.len().min(ROWS)..];
    if !rest.is_empty() {
        let (count, seconds) =
            (rest.iter().map(|c| c.count).sum::<usize>(), rest.iter().map(|c| c.seconds).sum::<f64>());
        let empty = String::new;
        let time = [format!("{:.3}", 1e3 * seconds), format!("{:.1}", 1e2 * seconds / total)];
        let [ms, share] = time;
        rows.push(row([format!("{} more", rest.len()), count.to_string(), ms, share, empty(), empty(), empty()]));
    }
    let columns = ["op", "count", "ms", "%", "GB/s", "GFLOP/s", "% of limit"].map(String::from).to_vec();
    let says = "Each op of the training plan, the most expensive first. Products should be near the limit; a \
                step whose time lies elsewhere is too small for its machine or moves more than it computes.";
    Panel::new("profile", "Where a step's time goes", says, Body::Table(Table { columns, rows }))
        .noting(format!("{:.2} ms a step on {threads} thread(s); the limit is {limit:.0} GFLOP/s", 1e3 * total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Cost;

    #[test]
    fn shares_add_up_and_the_rest_is_one_row() {
        let cost = |i: usize| Cost {
            op: format!("op{i}"),
            shapes: String::new(),
            count: 1,
            seconds: 1.0 / (i + 1) as f64,
            bytes: 1e9,
            flop: 1e9,
        };
        let profile = Profile { steps: (0..ROWS + 3).map(cost).collect() };
        let Body::Table(table) = panel(&profile, 1).body else { panic!("a table") };
        assert_eq!((table.rows.len(), table.rows[0][0].as_str()), (ROWS + 1, "op0"));
        assert_eq!(table.rows[ROWS][0], "3 more");
        let shares: f64 = table.rows.iter().map(|row| row[3].parse::<f64>().expect("a share")).sum();
        assert!((shares - 100.0).abs() < 1.0, "{shares}");
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    }
}
