//! Indices that come as numbers: class targets, rows of tables, segments, places along an axis.

/// What a number says as an index below a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    /// -1: nothing, left out.
    Nothing,
    /// A place.
    At(usize),
    /// Neither: whatever depends on it becomes NaN, so that it is seen.
    Invalid,
}

impl Index {
    /// Reads a number.
    #[inline(always)]
    pub(crate) fn of(number: f32, bound: usize) -> Index {
        if number == -1.0 {
            return Index::Nothing;
        }
        let place = number as usize;
        if place as f32 == number && place < bound { Index::At(place) } else { Index::Invalid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_below_the_bound_are_places() {
        assert_eq!(Index::of(-1.0, 3), Index::Nothing);
        assert_eq!(Index::of(2.0, 3), Index::At(2));
        for number in [3.0, 0.5, -2.0, f32::NAN, f32::INFINITY] {
            assert_eq!(Index::of(number, 3), Index::Invalid);
        }
    }
}
