//! Shapes: row-major extents of a value.

use std::fmt;
use std::ops::Deref;

/// Extents of a value, outermost first. A scalar has none. Reads as a slice.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// The shape of one number.
    pub const SCALAR: Shape = Shape(Vec::new());

    /// How many numbers it holds.
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// Extent of the last axis; 1 for a scalar.
    pub fn last_extent(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }

    /// How many rows it has when all axes but the last are one.
    pub fn rows(&self) -> usize {
        self.0[..self.0.len().saturating_sub(1)].iter().product()
    }

    /// The same with the last axis replaced.
    pub fn with_last(&self, extent: usize) -> Shape {
        let mut extents = self.0.clone();
        if let Some(last) = extents.last_mut() {
            *last = extent;
        }
        Shape(extents)
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(extents: [usize; N]) -> Self {
        Shape(extents.to_vec())
    }
}

impl From<&[usize]> for Shape {
    fn from(extents: &[usize]) -> Self {
        Shape(extents.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(extents: Vec<usize>) -> Self {
        Shape(extents)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(f, "[{}]", extents.join(", "))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let shape = Shape::from([2, 3, 5]);
        assert_eq!((shape.size(), shape.rows(), shape.last_extent()), (30, 6, 5));
        assert_eq!((Shape::SCALAR.size(), Shape::SCALAR.rows()), (1, 1));
        assert_eq!(shape.with_last(7), Shape::from([2, 3, 7]));
        assert_eq!(shape.to_string(), "[2, 3, 5]");
    }
}
