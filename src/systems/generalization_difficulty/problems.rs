//! What of the settings cannot be used, by field, with what was found and expected.

use super::dataset::Points;
use super::settings::Settings;
use crate::contract::{Checks, Problem};

impl Settings {
    /// Checks everything.
    pub(super) fn check(&self, checks: &mut Checks) {
        self.check_numbers(checks);
        // Files are read last: a wrong number is told without waiting for them.
        if checks.none() {
            for (i, files) in self.data.files.iter().enumerate() {
                let error = Points::files(files).err();
                error.into_iter().for_each(|error| checks.refuse(Problem::told(format!("data.files[{i}]"), error)));
            }
        }
    }

    fn check_numbers(&self, checks: &mut Checks) {
        self.check_tasks(checks);
        let learners = &self.learners;
        checks.range("volume.samples", self.volume.samples, 100..=10_000_000);
        checks.range("volume.points", self.volume.points, 1..=1000);
        checks.range("learners.kernel_points", learners.kernel_points, 4..=16_384);
        checks.range("learners.network_points", learners.network_points, 4..=1 << 20);
        checks.range("learners.network.width", learners.network.width, 1..=8192);
        checks.range("learners.network.layers", learners.network.layers, 1..=32);
        checks.range("learners.network.batch", learners.network.batch, 1..=1 << 16);
        checks.range("learners.network.steps", learners.network.steps, 1..=10_000_000);
        checks.range("learners.test", learners.test, 10..=100_000);
        checks.range("data.pairs", self.data.pairs, 1..=1 << 26);
        for (i, width) in learners.embedded.widths.iter().enumerate() {
            checks.range(format!("learners.embedded.widths[{i}]"), *width, 2 * learners.embedded.dimensions..=4096);
        }
        for (i, components) in self.data.components.iter().enumerate() {
            checks.range(format!("data.components[{i}]"), *components, 1..=64);
        }
        for (i, points) in self.data.accuracy_points.iter().enumerate() {
            checks.range(format!("data.accuracy_points[{i}]"), *points, 10..=1400);
        }
        for (i, files) in self.data.files.iter().enumerate() {
            // Every point is compared with every other.
            let fits = files.limit.is_some_and(|limit| (10..=100_000).contains(&limit));
            checks.holds(format!("data.files[{i}].limit"), fits, format!("{:?}", files.limit), "10 to 100000");
        }
        checks.positive("error", self.error, 1.0);
        checks.positive("learners.ridge", learners.ridge, 1.0);
        checks.positive("learners.network.learning_rate", learners.network.learning_rate, 10.0);
        checks.positive("learners.network.fitted", learners.network.fitted, 10.0);
        checks.positive("data.error", self.data.error, f64::INFINITY);
        checks.positive_each("learners.widths", learners.widths.iter().copied(), f64::INFINITY);
        let fits = self.data.noise.first() == Some(&0.0) && self.data.noise.windows(2).all(|pair| pair[0] < pair[1]);
        checks.holds("data.noise", fits, format!("{:?}", self.data.noise), "ascending from 0");
        checks.holds("learners.widths", !learners.widths.is_empty(), "none", "at least one width");
    }

    fn check_tasks(&self, checks: &mut Checks) {
        let volume = &self.volume;
        let ascending = |list: &[usize]| list.windows(2).all(|pair| pair[0] < pair[1]);
        let list = &volume.dimensions;
        let fits = ascending(list) && list.len() > 1 && list[0] == 1;
        checks.holds("volume.dimensions", fits, format!("{list:?}"), "at least two, ascending from 1");
        for (i, resolution) in volume.resolutions.iter().enumerate() {
            let list = &resolution.frequencies;
            let path = format!("volume.resolutions[{i}].frequencies");
            checks.holds(path, ascending(list) && list.len() > 1, format!("{list:?}"), "at least two, ascending");
        }
        let cells = self.volumes().into_iter().map(|(m, k, _)| ("volume", m, k));
        let tasks = self.learners.tasks.iter().map(|(m, k)| ("learners.tasks", *m, *k));
        for (path, m, k) in cells.chain(tasks) {
            let lattice = (4 * k + 1).checked_pow(m as u32);
            let fits = m > 0 && k > 0 && lattice.is_some_and(|points| points <= 10_000);
            let expected = "dimension and frequency of at least 1, with at most 10,000 lattice points (4 K + 1)^m";
            checks.holds(path, fits, format!("m = {m}, K = {k}"), expected);
        }
        let learners = &self.learners;
        let embedded = (learners.embedded.dimensions, learners.embedded.frequency);
        let trained = || learners.network_functions >= self.basis(embedded.0, embedded.1).size();
        let fits = learners.tasks.contains(&embedded) && trained();
        let expected = "one of the tasks on which networks are trained";
        checks.holds("learners.embedded", fits, format!("{embedded:?}"), expected);
        let first = learners.first_only;
        let fits = first.0 > 1 && first.1 > 0 && learners.tasks.contains(&first);
        checks.holds("learners.first_only", fits, format!("{first:?}"), "one of the tasks, of at least two dimensions");
    }
}
