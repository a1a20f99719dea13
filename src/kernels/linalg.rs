//! Dense linear algebra on row-major slices: factorisations, solves, eigenvalues. In f64, on the
//! calling thread, by `nalgebra`; signs that a factorisation leaves open are fixed here.
//!
//! Unlike the other kernels these allocate: their matrices are small beside the work on them.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Why a matrix has no such factorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinalgError {
    /// A value is infinite or no number.
    #[error("the matrix has a value that is not finite")]
    NotFinite,
    /// A Cholesky factor was asked of a matrix that has none.
    #[error("the matrix is not positive definite")]
    NotPositiveDefinite,
    /// A system has no unique solution.
    #[error("the matrix is singular")]
    Singular,
    /// The iteration did not end; not seen on finite matrices.
    #[error("the iteration did not converge")]
    NoConvergence,
}

/// Which half of a square matrix is used; the other is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Triangle {
    /// On and below the diagonal.
    Lower,
    /// On and above the diagonal.
    Upper,
}

/// `A = U diag(values) Vt` with `k = min(rows, columns)` singular values, largest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Svd {
    /// `[rows, k]`, orthonormal columns; of each the component of largest magnitude is positive.
    pub u: Vec<f64>,
    /// `[k]`, not negative, descending.
    pub values: Vec<f64>,
    /// `[k, columns]`, orthonormal rows.
    pub v_transposed: Vec<f64>,
}

/// `A = Q R` with `k = min(rows, columns)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Qr {
    /// `[rows, k]`, orthonormal columns.
    pub q: Vec<f64>,
    /// `[k, columns]`, upper triangular, its diagonal not negative: so `Q` of a Gaussian matrix is
    /// uniform over the orthogonal ones (Mezzadri 2007).
    pub r: Vec<f64>,
}

/// `A = V diag(values) V^T`.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// `[n]`, ascending.
    pub values: Vec<f64>,
    /// `[n, n]`, one eigenvector a column; its component of largest magnitude is positive.
    pub vectors: Vec<f64>,
}

/// Iterations allowed for a matrix of `n` rows; a few `n` are usual.
const fn most_iterations(n: usize) -> usize {
    100 * (n + 10)
}

fn matrix(rows: usize, columns: usize, a: &[f64]) -> Result<DMatrix<f64>, LinalgError> {
    assert_eq!(a.len(), rows * columns, "a matrix of {rows} by {columns}");
    // The iterations of the library would never end on these.
    if a.iter().all(|x| x.is_finite()) {
        Ok(DMatrix::from_row_slice(rows, columns, a))
    } else {
        Err(LinalgError::NotFinite)
    }
}

/// Row-major values of a matrix.
fn values(a: &DMatrix<f64>) -> Vec<f64> {
    a.transpose().as_slice().to_vec()
}

/// -1 if the component of largest magnitude is negative, else 1; of equal ones the first counts.
fn sign_of<'a>(vector: impl IntoIterator<Item = &'a f64>) -> f64 {
    let largest = vector.into_iter().fold(0.0f64, |best, &x| if x.abs() > best.abs() { x } else { best });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

/// The thin singular value decomposition of `[rows, columns]`.
///
/// # Errors
/// When a value is not finite.
///
/// # Panics
/// When `a` has another length, as all functions here.
pub fn svd(rows: usize, columns: usize, a: &[f64]) -> Result<Svd, LinalgError> {
    let a = matrix(rows, columns, a)?;
    let iterations = most_iterations(rows.max(columns));
    let svd = a.try_svd(true, true, f64::EPSILON, iterations).ok_or(LinalgError::NoConvergence)?;
    let (Some(mut u), Some(mut vt)) = (svd.u, svd.v_t) else { return Err(LinalgError::NoConvergence) };
    for i in 0..svd.singular_values.len() {
        let sign = sign_of(u.column(i).iter());
        u.column_mut(i).scale_mut(sign);
        vt.row_mut(i).scale_mut(sign);
    }
    Ok(Svd { u: values(&u), values: svd.singular_values.as_slice().to_vec(), v_transposed: values(&vt) })
}

/// The thin QR decomposition of `[rows, columns]`, by Householder reflections.
///
/// # Errors
/// When a value is not finite.
pub fn qr(rows: usize, columns: usize, a: &[f64]) -> Result<Qr, LinalgError> {
    let qr = matrix(rows, columns, a)?.qr();
    let (mut q, mut r) = (qr.q(), qr.r());
    for i in 0..r.nrows().min(r.ncols()) {
        if r[(i, i)] < 0.0 {
            q.column_mut(i).neg_mut();
            r.row_mut(i).neg_mut();
        }
    }
    Ok(Qr { q: values(&q), r: values(&r) })
}

/// The lower Cholesky factor `L` of a symmetric positive definite matrix, `A = L L^T`; only the
/// lower triangle of `a` is read.
///
/// # Errors
/// When the matrix is not positive definite.
pub fn cholesky(n: usize, a: &[f64]) -> Result<Vec<f64>, LinalgError> {
    let factor = matrix(n, n, a)?.cholesky().ok_or(LinalgError::NotPositiveDefinite)?;
    Ok(values(&factor.l()))
}

/// The Cholesky factor of `A + jitter I` and the jitter: 0 if that is enough, else `first` times the
/// mean of the diagonal, and ten times more at each further one of `attempts`.
///
/// # Errors
/// When even the largest jitter does not make it positive definite.
pub fn cholesky_with_jitter(n: usize, a: &[f64], first: f64, attempts: u32) -> Result<(Vec<f64>, f64), LinalgError> {
    match cholesky(n, a) {
        Ok(factor) => return Ok((factor, 0.0)),
        Err(LinalgError::NotPositiveDefinite) => {}
        Err(error) => return Err(error),
    }
    let mean = (0..n).map(|i| a[i * n + i]).sum::<f64>() / n as f64;
    let mut moved = a.to_vec();
    for attempt in 0..attempts {
        let jitter = first * mean.abs() * 10f64.powi(attempt as i32);
        (0..n).for_each(|i| moved[i * n + i] = a[i * n + i] + jitter);
        if let Ok(factor) = cholesky(n, &moved) {
            return Ok((factor, jitter));
        }
    }
    Err(LinalgError::NotPositiveDefinite)
}

/// Eigenvalues and eigenvectors of a symmetric matrix; only its lower triangle is read.
///
/// # Errors
/// When a value is not finite.
pub fn symmetric_eigen(n: usize, a: &[f64]) -> Result<Eigen, LinalgError> {
    let a = matrix(n, n, a)?;
    let eigen = SymmetricEigen::try_new(a, f64::EPSILON, most_iterations(n)).ok_or(LinalgError::NoConvergence)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[i].total_cmp(&eigen.eigenvalues[j]));
    let mut vectors = vec![0.0; n * n];
    for (to, &from) in order.iter().enumerate() {
        let column = eigen.eigenvectors.column(from);
        let sign = sign_of(column.iter());
        column.iter().enumerate().for_each(|(row, x)| vectors[row * n + to] = sign * x);
    }
    Ok(Eigen { values: order.iter().map(|&i| eigen.eigenvalues[i]).collect(), vectors })
}

/// `A^(-1/power)` of a symmetric positive semidefinite matrix, whose eigenvalues are first raised by
/// `relative` times the largest; what rounding left below zero counts as zero, and zero has the
/// root zero.
///
/// # Errors
/// When a value is not finite.
pub fn inverse_root(n: usize, a: &[f64], power: f64, relative: f64) -> Result<Vec<f64>, LinalgError> {
    let Eigen { values: eigenvalues, vectors } = symmetric_eigen(n, a)?;
    let v = DMatrix::from_row_slice(n, n, &vectors);
    let roots = inverse_root_diagonal(&eigenvalues, power, relative)?;
    let scaled = &v * DMatrix::from_diagonal(&DVector::from_vec(roots));
    Ok(values(&(scaled * v.transpose())))
}

/// [`inverse_root`] of a diagonal matrix, given as its diagonal.
///
/// # Errors
/// When a value is not finite.
pub fn inverse_root_diagonal(diagonal: &[f64], power: f64, relative: f64) -> Result<Vec<f64>, LinalgError> {
    if !diagonal.iter().all(|x| x.is_finite()) {
        return Err(LinalgError::NotFinite);
    }
    let largest = diagonal.iter().fold(0.0f64, |m, x| m.max(*x));
    let root = |x: &f64| match x.max(0.0) + relative * largest {
        0.0 => 0.0,
        raised => raised.powf(-1.0 / power),
    };
    Ok(diagonal.iter().map(root).collect())
}

/// `X` with `A X = B`, or `A^T X = B`, for a triangular `A` `[n, n]` and `B` `[n, columns]`.
///
/// # Errors
/// When the diagonal has a zero.
pub fn solve_triangular(
    n: usize,
    a: &[f64],
    triangle: Triangle,
    transposed: bool,
    columns: usize,
    b: &[f64],
) -> Result<Vec<f64>, LinalgError> {
    let (a, b) = (matrix(n, n, a)?, matrix(n, columns, b)?);
    let x = match (triangle, transposed) {
        (Triangle::Lower, false) => a.solve_lower_triangular(&b),
        (Triangle::Lower, true) => a.tr_solve_lower_triangular(&b),
        (Triangle::Upper, false) => a.solve_upper_triangular(&b),
        (Triangle::Upper, true) => a.tr_solve_upper_triangular(&b),
    };
    x.as_ref().map(values).ok_or(LinalgError::Singular)
}

/// `X` with `A X = B`, by LU with row pivots; `A` `[n, n]`, `B` `[n, columns]`.
///
/// # Errors
/// When the matrix is singular.
pub fn solve(n: usize, a: &[f64], columns: usize, b: &[f64]) -> Result<Vec<f64>, LinalgError> {
    let x = matrix(n, n, a)?.lu().solve(&matrix(n, columns, b)?);
    x.as_ref().map(values).ok_or(LinalgError::Singular)
}

/// `X` with `A X = B` for a symmetric positive definite `A`, by Cholesky.
///
/// # Errors
/// When the matrix is not positive definite.
pub fn solve_positive(n: usize, a: &[f64], columns: usize, b: &[f64]) -> Result<Vec<f64>, LinalgError> {
    let factor = matrix(n, n, a)?.cholesky().ok_or(LinalgError::NotPositiveDefinite)?;
    Ok(values(&factor.solve(&matrix(n, columns, b)?)))
}

/// The `X` `[columns, targets]` of least `|A X - B|`, and among those the shortest, by SVD; singular
/// values below `max(rows, columns)` times the rounding of the largest count as zero.
///
/// # Errors
/// When a value is not finite.
pub fn least_squares(
    rows: usize,
    columns: usize,
    a: &[f64],
    targets: usize,
    b: &[f64],
) -> Result<Vec<f64>, LinalgError> {
    let Svd { u, values: singular, v_transposed } = svd(rows, columns, a)?;
    let k = singular.len();
    let floor = rows.max(columns) as f64 * f64::EPSILON * singular.first().copied().unwrap_or(0.0);
    let mut projected = matrix(rows, k, &u)?.transpose() * matrix(rows, targets, b)?;
    for (i, s) in singular.iter().enumerate() {
        projected.row_mut(i).scale_mut(if *s > floor { 1.0 / s } else { 0.0 });
    }
    Ok(values(&(matrix(k, columns, &v_transposed)?.transpose() * projected)))
}

/// The `X` `[columns, targets]` of least `|A X - B|^2 + penalty |X|^2`.
///
/// # Errors
/// When `A^T A + penalty I` is not positive definite.
pub fn ridge(
    rows: usize,
    columns: usize,
    a: &[f64],
    targets: usize,
    b: &[f64],
    penalty: f64,
) -> Result<Vec<f64>, LinalgError> {
    let (a, b) = (matrix(rows, columns, a)?, matrix(rows, targets, b)?);
    let mut normal = a.tr_mul(&a);
    (0..columns).for_each(|i| normal[(i, i)] += penalty);
    let factor = normal.cholesky().ok_or(LinalgError::NotPositiveDefinite)?;
    Ok(values(&factor.solve(&a.tr_mul(&b))))
}

/// Sign (-1, 0 or 1) and natural logarithm of the magnitude of a determinant, by LU.
///
/// # Errors
/// When a value is not finite.
pub fn log_determinant(n: usize, a: &[f64]) -> Result<(f64, f64), LinalgError> {
    let lu = matrix(n, n, a)?.lu();
    let permutation: f64 = lu.p().determinant();
    let diagonal = lu.u().diagonal();
    let sign = diagonal.iter().fold(permutation, |sign, x| sign * if *x == 0.0 { 0.0 } else { x.signum() });
    Ok((sign, diagonal.iter().map(|x| x.abs().ln()).sum()))
}

/// Natural logarithm of the determinant of a symmetric positive definite matrix.
///
/// # Errors
/// When the matrix is not positive definite.
pub fn log_determinant_positive(n: usize, a: &[f64]) -> Result<f64, LinalgError> {
    let factor = cholesky(n, a)?;
    Ok(2.0 * (0..n).map(|i| factor[i * n + i].ln()).sum::<f64>())
}

#[cfg(test)]
mod tests;
