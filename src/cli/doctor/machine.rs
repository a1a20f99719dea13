//! The machine: cores, instruction sets, memory.

use std::fs;
use std::thread::available_parallelism;

use super::Finding;
use crate::kernels::isa;
use crate::run::export::bytes;

/// Everything about the machine.
pub(super) fn findings() -> Vec<Finding> {
    let cores = available_parallelism().map_or(1, usize::from);
    let sets: Vec<&str> = isa::Isa::available().iter().map(|set| set.name()).collect();
    let found = format!("{} in use, of {}", isa::isa().name(), sets.join(", "));
    let slow = isa::isa() == isa::Isa::Plain;
    let mut findings = vec![
        Finding::ok("cores", format!("{cores} for this program")),
        Finding::unless(slow, "instructions", found, "no vector instructions: everything works, slowly"),
    ];
    if let Some((total, free)) = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(memory) {
        let found = format!("{} free of {}", bytes(free), bytes(total));
        findings.push(Finding::unless(free < 1 << 30, "memory", found, "below 1 GiB large presets may not fit"));
    }
    findings
}

/// Bytes in all and free for use, from the text of `/proc/meminfo`.
fn memory(text: &str) -> Option<(u64, u64)> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((field("MemTotal")?, field("MemAvailable")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_kibibytes() {
        let text = "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n";
        assert_eq!(memory(text), Some((2 << 20, 1 << 20)));
        assert_eq!(memory("MemTotal: x"), None);
    }
}
