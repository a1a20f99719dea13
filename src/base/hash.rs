//! Content hashes: what names a run and guards an artifact.

/// The first `digits` hexadecimal digits (at most 64) of the BLAKE3 hash of `bytes`.
pub fn short(bytes: &[u8], digits: usize) -> String {
    of_parts([bytes], digits)
}

/// As [`short`], of parts one behind the other.
pub fn of_parts<'p>(parts: impl IntoIterator<Item = &'p [u8]>, digits: usize) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut hex = hasher.finalize().to_hex().to_string();
    hex.truncate(digits);
    hex
}

#[cfg(test)]
mod tests {
    #[test]
    fn is_the_known_blake3_of_nothing() {
        assert_eq!(super::short(b"", 12), "af1349b9f5f9");
    }
}
