//! Factorisations against their own definitions, by plain f64 loops.

use super::*;
use crate::kernels::check::{noise, wide};

fn random(seed: u64, rows: usize, columns: usize) -> Vec<f64> {
    wide(&noise(seed, rows * columns))
}

/// `[m, k]` by `[k, n]`.
fn product(m: usize, k: usize, n: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let at = |i: usize, j: usize| (0..k).map(|t| a[i * k + t] * b[t * n + j]).sum();
    (0..m * n).map(|ij| at(ij / n, ij % n)).collect()
}

fn transpose(m: usize, n: usize, a: &[f64]) -> Vec<f64> {
    (0..m * n).map(|ij| a[(ij % m) * n + ij / m]).collect()
}

/// `B B^T + I`.
fn positive(seed: u64, n: usize) -> Vec<f64> {
    let b = random(seed, n, n);
    let mut a = product(n, n, n, &b, &transpose(n, n, &b));
    (0..n).for_each(|i| a[i * n + i] += 1.0);
    a
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|ij| f64::from(u8::from(ij / n == ij % n))).collect()
}

#[track_caller]
fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    let size = expected.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() < 1e-10 * size, "[{i}]: {got} where {expected} is right");
    }
}

fn check_svd(m: usize, n: usize, a: &[f64]) {
    let Svd { u, values, v_transposed } = svd(m, n, a).unwrap();
    let k = m.min(n);
    assert!(values.windows(2).all(|w| w[0] >= w[1]) && values.iter().all(|s| *s >= 0.0), "{values:?}");
    let scaled: Vec<f64> = u.iter().enumerate().map(|(i, x)| x * values[i % k]).collect();
    close(&product(m, k, n, &scaled, &v_transposed), a);
    close(&product(k, m, k, &transpose(m, k, &u), &u), &identity(k));
    close(&product(k, n, k, &v_transposed, &transpose(k, n, &v_transposed)), &identity(k));
}

#[test]
fn singular_values_rebuild_the_matrix() {
    for (m, n) in [(1, 1), (5, 5), (13, 4), (4, 13), (61, 37), (37, 61)] {
        check_svd(m, n, &random(1, m, n));
    }
    // Rank 2, zero, equal singular values.
    check_svd(9, 7, &product(9, 2, 7, &random(2, 9, 2), &random(3, 2, 7)));
    check_svd(3, 5, &[0.0; 15]);
    check_svd(6, 6, &identity(6));
    assert_eq!(svd(2, 2, &[3.0, 0.0, 0.0, -4.0]).unwrap().values, [4.0, 3.0]);
}

#[test]
fn q_is_orthonormal_and_r_upper_with_a_positive_diagonal() {
    for (m, n) in [(1, 1), (6, 6), (17, 5), (5, 17)] {
        let a = random(4, m, n);
        let Qr { q, r } = qr(m, n, &a).unwrap();
        let k = m.min(n);
        close(&product(m, k, n, &q, &r), &a);
        close(&product(k, m, k, &transpose(m, k, &q), &q), &identity(k));
        for i in 0..k {
            assert!(r[i * n + i] > 0.0 && (0..i).all(|j| r[i * n + j] == 0.0));
        }
    }
}

#[test]
fn a_cholesky_factor_squares_to_the_matrix() {
    for n in [1, 2, 7, 40] {
        let a = positive(5, n);
        let l = cholesky(n, &a).unwrap();
        close(&product(n, n, n, &l, &transpose(n, n, &l)), &a);
        assert!((0..n).all(|i| (i + 1..n).all(|j| l[i * n + j] == 0.0)));
    }
    assert_eq!(cholesky(2, &[1.0, 2.0, 2.0, 1.0]), Err(LinalgError::NotPositiveDefinite));
    assert_eq!(cholesky(1, &[f64::NAN]), Err(LinalgError::NotFinite));
}

#[test]
fn jitter_is_the_least_that_helps() {
    let a = [2.0, 2.0, 2.0, 2.0 - 1e-7];
    let (l, jitter) = cholesky_with_jitter(2, &a, 1e-10, 6).unwrap();
    assert!((jitter / 2e-7 - 1.0).abs() < 1e-6, "{jitter}");
    close(&product(2, 2, 2, &l, &transpose(2, 2, &l)), &[2.0 + jitter, 2.0, 2.0, a[3] + jitter]);
    assert_eq!(cholesky_with_jitter(2, &[2.0, 0.0, 0.0, 2.0], 1e-8, 3).unwrap().1, 0.0);
    let indefinite = cholesky_with_jitter(2, &[1.0, 5.0, 5.0, 1.0], 1e-8, 3);
    assert_eq!(indefinite, Err(LinalgError::NotPositiveDefinite));
}

#[test]
fn eigenvectors_diagonalise() {
    for n in [1, 2, 9, 64] {
        let b = random(6, n, n);
        let a: Vec<f64> = b.iter().zip(transpose(n, n, &b)).map(|(x, y)| x + y).collect();
        let Eigen { values, vectors } = symmetric_eigen(n, &a).unwrap();
        assert!(values.is_sorted());
        let scaled: Vec<f64> = vectors.iter().enumerate().map(|(i, x)| x * values[i % n]).collect();
        close(&product(n, n, n, &a, &vectors), &scaled);
        close(&product(n, n, n, &transpose(n, n, &vectors), &vectors), &identity(n));
    }
    assert_eq!(symmetric_eigen(2, &[2.0, 0.0, 0.0, 1.0]).unwrap().vectors, [0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn inverse_roots_undo_their_power() {
    close(&inverse_root(2, &[16.0, 0.0, 0.0, 81.0], 4.0, 0.0).unwrap(), &[0.5, 0.0, 0.0, 1.0 / 3.0]);
    let a = positive(7, 11);
    let root = inverse_root(11, &a, 4.0, 0.0).unwrap();
    let square = product(11, 11, 11, &root, &root);
    close(&product(11, 11, 11, &product(11, 11, 11, &square, &square), &a), &identity(11));
    // A zero eigenvalue counts as `relative` times the largest.
    close(&inverse_root(2, &[1.0, 0.0, 0.0, 0.0], 2.0, 1e-4).unwrap(), &[1.0001f64.powf(-0.5), 0.0, 0.0, 100.0]);
    assert_eq!(inverse_root(2, &[0.0; 4], 4.0, 1e-6).unwrap(), [0.0; 4]);
    assert_eq!(inverse_root_diagonal(&[16.0, 0.0, 81.0], 4.0, 0.0).unwrap()[..2], [0.5, 0.0]);
}

#[test]
fn solutions_solve() {
    let (n, k) = (9, 4);
    let (a, b) = (random(8, n, n), random(9, n, k));
    close(&product(n, n, k, &a, &solve(n, &a, k, &b).unwrap()), &b);
    let p = positive(10, n);
    close(&product(n, n, k, &p, &solve_positive(n, &p, k, &b).unwrap()), &b);
    assert_eq!(solve(2, &[1.0, 2.0, 2.0, 4.0], 1, &[1.0, 1.0]), Err(LinalgError::Singular));
    for triangle in [Triangle::Lower, Triangle::Upper] {
        for transposed in [false, true] {
            let keep = |i: usize, j: usize| if triangle == Triangle::Lower { i >= j } else { i <= j };
            let half: Vec<f64> = (0..n * n).map(|ij| if keep(ij / n, ij % n) { p[ij] } else { 0.0 }).collect();
            // The other half is full of numbers that must not be read.
            let x = solve_triangular(n, &p, triangle, transposed, k, &b).unwrap();
            let side = if transposed { transpose(n, n, &half) } else { half };
            close(&product(n, n, k, &side, &x), &b);
        }
    }
}

#[test]
fn least_squares_leave_an_orthogonal_rest() {
    let (m, n, k) = (20, 6, 2);
    let (a, b) = (random(11, m, n), random(12, m, k));
    let rest = |x: &[f64]| -> Vec<f64> { product(m, n, k, &a, x).iter().zip(&b).map(|(y, b)| b - y).collect() };
    let x = least_squares(m, n, &a, k, &b).unwrap();
    close(&product(n, m, k, &transpose(m, n, &a), &rest(&x)), &vec![0.0; n * k]);
    // Ridge: A^T (B - A X) = penalty X.
    let x = ridge(m, n, &a, k, &b, 0.3).unwrap();
    let scaled: Vec<f64> = x.iter().map(|x| 0.3 * x).collect();
    close(&product(n, m, k, &transpose(m, n, &a), &rest(&x)), &scaled);
    // More unknowns than equations: the shortest of the exact solutions.
    close(&least_squares(1, 2, &[1.0, 1.0], 1, &[2.0]).unwrap(), &[1.0, 1.0]);
}

#[test]
fn determinants() {
    let (sign, log) = log_determinant(3, &[0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 3.0]).unwrap();
    assert!(sign == -1.0 && (log - 6f64.ln()).abs() < 1e-12);
    assert_eq!(log_determinant(2, &[1.0, 2.0, 2.0, 4.0]).unwrap(), (0.0, f64::NEG_INFINITY));
    let a = positive(13, 8);
    let (sign, log) = log_determinant(8, &a).unwrap();
    assert!(sign == 1.0 && (log - log_determinant_positive(8, &a).unwrap()).abs() < 1e-10);
}

#[test]
fn the_same_matrix_gives_the_same_bits() {
    let a = positive(14, 30);
    assert_eq!(symmetric_eigen(30, &a), symmetric_eigen(30, &a));
    assert_eq!(svd(30, 30, &a), svd(30, 30, &a));
}
