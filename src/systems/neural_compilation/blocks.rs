//! The building blocks of compiled perceptrons: sums of units `relu(a x + b)` that are exact on the grids used.

use std::ops::{Add, Mul, Sub};

/// A linear expression of the numbers that a layer reads: terms (place, factor), and a constant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Expression {
    pub(super) terms: Vec<(usize, f32)>,
    pub(super) constant: f32,
}

impl Expression {
    /// The number at a place.
    pub(super) fn at(place: usize) -> Self {
        Expression { terms: vec![(place, 1.0)], constant: 0.0 }
    }
}

impl Add for &Expression {
    type Output = Expression;

    fn add(self, other: &Expression) -> Expression {
        let terms = self.terms.iter().chain(&other.terms).copied().collect();
        Expression { terms, constant: self.constant + other.constant }
    }
}

impl Sub for &Expression {
    type Output = Expression;

    fn sub(self, other: &Expression) -> Expression {
        self + &(other * -1.0)
    }
}

impl Mul<f32> for &Expression {
    type Output = Expression;

    fn mul(self, by: f32) -> Expression {
        let terms = self.terms.iter().map(|(place, factor)| (*place, factor * by)).collect();
        Expression { terms, constant: self.constant * by }
    }
}

impl Add<f32> for &Expression {
    type Output = Expression;

    fn add(self, constant: f32) -> Expression {
        Expression { constant: self.constant + constant, ..self.clone() }
    }
}

/// A hidden layer that is being filled with units.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// What each unit is the relu of.
    pub(super) units: Vec<Expression>,
}

impl Layer {
    /// `relu(x)`, for the next layer; a number that is never negative passes so.
    pub(super) fn relu(&mut self, x: &Expression) -> Expression {
        self.units.push(x.clone());
        Expression::at(self.units.len() - 1)
    }

    /// A number of any sign passes: `relu(x) - relu(-x)`.
    pub(super) fn pass(&mut self, x: &Expression) -> Expression {
        &self.relu(x) - &self.relu(&(x * -1.0))
    }

    /// 1 from 1/q on, 0 at 0 and below: `relu(q x) - relu(q x - 1)`, for multiples of 1/q.
    pub(super) fn step(&mut self, x: &Expression, q: f32) -> Expression {
        &self.relu(&(x * q)) - &self.relu(&(&(x * q) + -1.0))
    }

    /// 1 at 0 and 0 at every other whole number: `relu(k + 1) - 2 relu(k) + relu(k - 1)`.
    pub(super) fn hat(&mut self, k: &Expression) -> Expression {
        let [above, at, below] = [1.0, 0.0, -1.0].map(|shift| self.relu(&(k + shift)));
        &(&above - &(&at * 2.0)) + &below
    }

    /// Whether both bits are 1: `relu(a + b - 1)`.
    pub(super) fn and(&mut self, a: &Expression, b: &Expression) -> Expression {
        self.relu(&(&(a + b) + -1.0))
    }

    /// The change where the bit g is 1, else 0: `relu(x + K g - K) - relu(-x + K g - K)`, K at least the size of the
    /// change.
    pub(super) fn gated(&mut self, change: &Expression, g: &Expression, k: f32) -> Expression {
        let open = &(g * k) + -k;
        &self.relu(&(change + &open)) - &self.relu(&(&open - change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a block gives on numbers.
    fn on(numbers: &[f32], block: impl Fn(&mut Layer, &[Expression]) -> Expression) -> f32 {
        let mut layer = Layer::default();
        let read: Vec<Expression> = (0..numbers.len()).map(Expression::at).collect();
        let value = block(&mut layer, &read);
        let of = |x: &Expression, numbers: &[f32]| {
            x.constant + x.terms.iter().map(|(place, factor)| factor * numbers[*place]).sum::<f32>()
        };
        let units: Vec<f32> = layer.units.iter().map(|unit| of(unit, numbers).max(0.0)).collect();
        of(&value, &units)
    }

    #[test]
    fn blocks_are_exact_on_their_grids() {
        let step = |x: f32| on(&[x], |layer, x| layer.step(&x[0], 64.0));
        assert_eq!([1.0 / 64.0, 0.0, -3.0, 5.0].map(step), [1.0, 0.0, 0.0, 1.0]);
        let hat = |k: f32| on(&[k], |layer, k| layer.hat(&k[0]));
        assert_eq!([0.0, 1.0, -1.0, 5.0, -63.0].map(hat), [1.0, 0.0, 0.0, 0.0, 0.0]);
        let gated =
            |old: f32, new: f32, g: f32| old + on(&[old, new, g], |layer, x| layer.gated(&(&x[1] - &x[0]), &x[2], 4.0));
        assert_eq!((gated(3.0, 1.0, 1.0), gated(3.0, 1.0, 0.0), gated(1.0, 4.0, 1.0)), (1.0, 3.0, 4.0));
        let and = |a: f32, b: f32| on(&[a, b], |layer, x| layer.and(&x[0], &x[1]));
        assert_eq!([and(0.0, 0.0), and(1.0, 0.0), and(0.0, 1.0), and(1.0, 1.0)], [0.0, 0.0, 0.0, 1.0]);
        let pass = |x: f32| on(&[x], |layer, x| layer.pass(&x[0]));
        assert_eq!([-2.5, 0.0, 7.0].map(pass), [-2.5, 0.0, 7.0]);
    }
}
