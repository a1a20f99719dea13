//! Muon and Shampoo against their papers.

use super::*;

/// `A^(-1/power)` of a symmetric matrix by Jacobi's rotations, `relative` times the largest eigenvalue
/// added.
fn inverse_root(a: &Matrix, power: f64, relative: f64) -> Matrix {
    let n = a.nrows();
    let (mut a, mut v) = (a.clone(), Array2::<f64>::eye(n));
    for _ in 0..30 {
        for (p, q) in (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q))) {
            let (s, c) = (0.5 * (2.0 * a[[p, q]]).atan2(a[[q, q]] - a[[p, p]])).sin_cos();
            let mut turn = Array2::<f64>::eye(n);
            (turn[[p, p]], turn[[q, q]], turn[[p, q]], turn[[q, p]]) = (c, c, s, -s);
            a = turn.t().dot(&a).dot(&turn);
            v = v.dot(&turn);
        }
    }
    let largest = a.diag().fold(0.0f64, |m, x| m.max(*x));
    let roots = a.diag().mapv(|x| (x.max(0.0) + relative * largest).powf(-1.0 / power));
    (&v * &roots).dot(&v.t())
}

/// Muon's lines in f64: velocity, Nesterov, five steps of the quintic, scale.
#[test]
fn muon_follows_its_iteration() {
    let others = Moments { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    for (orthogonalisation, scale) in
        [(Orthogonalisation::NewtonSchulz, MuonScale::Spectral), (Orthogonalisation::Svd, MuonScale::RootMeanSquare)]
    {
        let muon = Muon { orthogonalisation, scale, ..MUON };
        let settings =
            OptimiserSettings { decay: Decay::Decoupled(0.1), clip_value: Some(0.3), ..Method::Muon(muon).into() };
        let mut velocity: Vec<Matrix> = Vec::new();
        let mut second: Vec<Matrix> = Vec::new();
        let mut count = 0;
        let problem = Problem::new(settings, &SHAPES[..3], 1, |_, _| Group::default());
        problem.check(|i, w, g| {
            if i == 0 {
                count += 1;
            }
            if velocity.len() <= i {
                velocity.push(&g * 0.0);
                second.push(&g * 0.0);
            }
            let g = g.mapv(|x| x.clamp(-0.3, 0.3));
            if i == 2 {
                velocity[i] = &velocity[i] * 0.9 + &g * 0.1;
                second[i] = &second[i] * 0.999 + &g * &g * 0.001;
                let v_hat = &second[i] / (1.0 - f64::from(others.beta2).powi(count));
                let step = &velocity[i] / (1.0 - 0.9f64.powi(count)) / (v_hat.mapv(f64::sqrt) + 1e-8);
                *w = &*w * (1.0 - 0.005 * 0.1) - step * 0.005;
                return;
            }
            velocity[i] = &velocity[i] * 0.9 + &g;
            let along = &g + &velocity[i] * 0.9;
            let (inputs, outputs) = along.dim();
            let direction = match orthogonalisation {
                Orthogonalisation::NewtonSchulz => {
                    let mut x = &along / along.mapv(|x| x * x).sum().sqrt();
                    for _ in 0..5 {
                        let a = x.dot(&x.t());
                        x = &x * 3.4445 + (&a * -4.7750 + a.dot(&a) * 2.0315).dot(&x);
                    }
                    x
                }
                // (X X^T)^-1/2 X, from the smaller side.
                Orthogonalisation::Svd if inputs <= outputs => {
                    inverse_root(&along.dot(&along.t()), 2.0, 0.0).dot(&along)
                }
                Orthogonalisation::Svd => along.dot(&inverse_root(&along.t().dot(&along), 2.0, 0.0)),
            };
            let scale = match scale {
                MuonScale::Spectral => (outputs as f64 / inputs as f64).max(1.0).sqrt(),
                MuonScale::RootMeanSquare => 0.2 * (inputs.max(outputs) as f64).sqrt(),
            };
            *w = &*w * (1.0 - 0.05 * 0.1) - direction * (0.05 * scale);
        });
    }
}

/// Algorithm 1 of Shampoo in f64, with means instead of sums, roots every second step, momentum and
/// grafting.
#[test]
fn shampoo_follows_its_paper() {
    let grafting = Grafting::RmsProp { decay: 0.9, epsilon: 1e-6 };
    for shampoo in [
        SHAMPOO,
        Shampoo { beta: 0.9, momentum: 0.8, ..SHAMPOO },
        Shampoo { diagonal: true, ..SHAMPOO },
        Shampoo { grafting, largest: 4, ..SHAMPOO },
        Shampoo { grafting: Grafting::Sgd, every: 1, ..SHAMPOO },
    ] {
        let mut left: Vec<[Matrix; 2]> = Vec::new();
        let mut right: Vec<[Matrix; 2]> = Vec::new();
        let mut rest: Vec<[Matrix; 2]> = Vec::new();
        let mut step = 0;
        Problem::plain(shampoo_settings(shampoo)).check(|i, w, g| {
            let (m, n) = g.dim();
            if left.len() <= i {
                left.push([Array2::zeros((m, m)), Array2::zeros((m, m))]);
                right.push([Array2::zeros((n, n)), Array2::zeros((n, n))]);
                rest.push([&g * 0.0, &g * 0.0]);
            }
            let vector = SHAPES[i].len() == 1;
            let power = if vector { 2.0 } else { 4.0 };
            let keep = f64::from(shampoo.beta);
            let add = if shampoo.beta < 1.0 { 1.0 - keep } else { 1.0 };
            let root = |sum: &mut [Matrix; 2], added: Matrix| {
                let n = added.nrows();
                let diagonal = shampoo.diagonal || n > shampoo.largest;
                let added = if diagonal { Array2::from_diag(&added.diag()) } else { added };
                sum[0] = &sum[0] * keep + added * add;
                if diagonal || step % shampoo.every == 0 {
                    sum[1] = inverse_root(&sum[0], power, f64::from(shampoo.epsilon));
                }
                sum[1].clone()
            };
            let mut direction = g.clone();
            if !vector {
                direction = root(&mut left[i], g.dot(&g.t())).dot(&direction);
            }
            direction = direction.dot(&root(&mut right[i], g.t().dot(&g)));
            let length = |x: &Matrix| x.mapv(|x| x * x).sum().sqrt();
            match shampoo.grafting {
                Grafting::RmsProp { .. } => {
                    rest[i][0] = &rest[i][0] * 0.9 + &g * &g * 0.1;
                    direction *= length(&(&g / (rest[i][0].mapv(f64::sqrt) + 1e-6))) / length(&direction);
                }
                Grafting::Sgd => direction *= length(&g) / length(&direction),
                _ => {}
            }
            rest[i][1] = &rest[i][1] * f64::from(shampoo.momentum) + direction;
            *w -= &(&rest[i][1] * 0.05);
            if i == 3 {
                step += 1;
            }
        });
    }
}

fn shampoo_settings(shampoo: Shampoo) -> OptimiserSettings {
    Method::Shampoo(shampoo).into()
}

#[test]
fn shampoo_by_hand() {
    let full = Method::Shampoo(Shampoo { epsilon: 0.0, every: 1, ..SHAMPOO });
    let diagonal = Method::Shampoo(Shampoo { epsilon: 0.0, every: 1, diagonal: true, ..SHAMPOO });
    // The first step is the polar factor; the second of the same gradient is shorter by sqrt 2.
    let g = array![[1.0, 1.0], [0.0, 1.0]];
    let polar = array![[0.894_427, 0.447_214], [-0.447_214, 0.894_427]];
    let steps = steps_along(full, &g, 2);
    close(&steps[0], &polar);
    close(&steps[1], &(polar / 2f64.sqrt()));
    close(&steps_along(full, &array![[2.0, 0.0], [0.0, 1.0]], 1)[0], &Array2::eye(2));
    close(&steps_along(diagonal, &g, 1)[0], &array![[0.840_896, FRAC_1_SQRT_2], [0.0, 0.840_896]]);
    // A dead input has a row of zeros and stays where it is.
    let dead = array![[0.0, 0.0], [3.0, 4.0]];
    for method in [full, diagonal] {
        assert!(steps_along(method, &dead, 1)[0].row(0).iter().all(|x| *x == 0.0));
    }
}

#[test]
fn shampoo_turns_with_the_gradient_and_its_diagonal_does_not() {
    let turn = |angle: f64| array![[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]];
    let g = array![[1.0, 0.3], [-0.2, 0.5]];
    let turned = turn(0.7).dot(&g).dot(&turn(0.4).t());
    let off = |method: Method| {
        let step = turn(0.7).dot(&steps_along(method, &g, 1)[0]).dot(&turn(0.4).t());
        (step - &steps_along(method, &turned, 1)[0]).mapv(f64::abs).sum()
    };
    assert!(off(Method::Shampoo(Shampoo { every: 1, ..SHAMPOO })) < 1e-4);
    assert!(off(Method::Shampoo(Shampoo { diagonal: true, ..SHAMPOO })) > 0.1);
    assert!(off(Method::Adam(Moments::default())) > 0.1);
}
