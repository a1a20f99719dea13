//! The ops, one file each: formula, shape rule, forward, gradient rule, cases with an f64 oracle.
//!
//! An op is a file here, a `mod` line and a row of [`ALL`]; the tests at the end of this file hold
//! every row to its oracle, its gradient to central differences, its second gradient likewise where
//! it has one, and its bits to one value whatever the number of threads.

pub mod abs;
pub mod add;
pub mod arg_extreme;
pub mod attention;
pub mod attention_composed;
pub mod attention_weights;
pub mod batch_norm;
pub mod broadcast;
pub mod cholesky;
pub mod clamp;
pub mod clip_scale;
pub mod compare;
pub mod concat;
pub mod conv2d;
pub mod conv2d_input_gradient;
pub mod conv2d_weight_gradient;
pub mod copy;
pub mod cos;
pub mod cross_entropy;
pub mod cumsum;
mod curve;
pub mod delta_rule;
pub mod distance;
pub mod div;
pub mod dropout;
pub mod edge_messages;
pub mod elu;
pub mod erf;
pub mod exp;
pub mod expert_matmul;
pub mod expert_routes;
pub mod expm1;
pub mod flip;
mod fused_matmul;
pub mod gather_rows;
pub mod gelu;
pub mod gelu_exact;
pub mod gru;
pub mod hard_threshold;
pub mod huber;
pub mod inverse_root;
pub mod layer_norm;
pub mod leaky_relu;
pub mod linear_attention;
pub mod log;
pub mod log1p;
pub mod log_determinant;
pub mod log_softmax;
pub mod log_sum_exp;
mod losses;
pub mod lstm;
pub mod masked_attention;
pub mod matmul;
mod matrix;
pub mod matrix_memory;
pub mod max_pool2d;
pub mod maximum;
pub mod minimum;
pub mod mul;
pub mod optimiser_step;
pub mod packed_attention;
pub mod permute;
mod pointwise;
pub mod power;
pub mod qr;
pub mod reciprocal;
pub mod relu;
pub mod reshape;
pub mod rms_norm;
pub mod rotary;
pub mod scale;
pub mod scatter_add_rows;
mod segments;
pub mod select;
pub mod sigmoid;
pub mod silu;
pub mod sin;
pub mod slice;
pub mod soft_threshold;
pub mod softmax;
pub mod softplus;
pub mod solve;
pub mod sparse_matmul;
pub mod sqrt;
pub mod square;
mod statistics;
pub mod stop_gradient;
pub mod sub;
pub mod sum;
pub mod sum_squares;
pub mod svd;
pub mod symmetric_eigen;
pub mod take_along;
pub mod tanh;
pub mod top_k;
pub mod triangular_solve;
pub mod write_rows;

#[cfg(test)]
mod case;

#[cfg(test)]
use case::Case;

/// A row of the table of ops.
#[cfg(test)]
struct Row {
    name: &'static str,
    cases: fn() -> Vec<Case>,
}

/// Every op that has a gradient or an oracle.
#[cfg(test)]
const ALL: &[Row] = &[
    Row { name: "abs", cases: abs::cases },
    Row { name: "add", cases: add::cases },
    Row { name: "arg_extreme", cases: arg_extreme::cases },
    Row { name: "attention", cases: attention::cases },
    Row { name: "attention_composed", cases: attention_composed::cases },
    Row { name: "attention_weights", cases: attention_weights::cases },
    Row { name: "batch_norm", cases: batch_norm::cases },
    Row { name: "broadcast", cases: broadcast::cases },
    Row { name: "clamp", cases: clamp::cases },
    Row { name: "cholesky", cases: cholesky::cases },
    Row { name: "clip_scale", cases: clip_scale::cases },
    Row { name: "compare", cases: compare::cases },
    Row { name: "concat", cases: concat::cases },
    Row { name: "conv2d", cases: conv2d::cases },
    Row { name: "conv2d_input_gradient", cases: conv2d_input_gradient::cases },
    Row { name: "conv2d_weight_gradient", cases: conv2d_weight_gradient::cases },
    Row { name: "copy", cases: copy::cases },
    Row { name: "cos", cases: cos::cases },
    Row { name: "cross_entropy", cases: cross_entropy::cases },
    Row { name: "cumsum", cases: cumsum::cases },
    Row { name: "delta_rule", cases: delta_rule::cases },
    Row { name: "distance", cases: distance::cases },
    Row { name: "div", cases: div::cases },
    Row { name: "edge_messages", cases: edge_messages::cases },
    Row { name: "exp", cases: exp::cases },
    Row { name: "expert_matmul", cases: expert_matmul::cases },
    Row { name: "expert_routes", cases: expert_routes::cases },
    Row { name: "dropout", cases: dropout::cases },
    Row { name: "elu", cases: elu::cases },
    Row { name: "erf", cases: erf::cases },
    Row { name: "expm1", cases: expm1::cases },
    Row { name: "flip", cases: flip::cases },
    Row { name: "gather_rows", cases: gather_rows::cases },
    Row { name: "gelu", cases: gelu::cases },
    Row { name: "gelu_exact", cases: gelu_exact::cases },
    Row { name: "gru", cases: gru::cases },
    Row { name: "hard_threshold", cases: hard_threshold::cases },
    Row { name: "huber", cases: huber::cases },
    Row { name: "inverse_root", cases: inverse_root::cases },
    Row { name: "layer_norm", cases: layer_norm::cases },
    Row { name: "leaky_relu", cases: leaky_relu::cases },
    Row { name: "linear_attention", cases: linear_attention::cases },
    Row { name: "log", cases: log::cases },
    Row { name: "log1p", cases: log1p::cases },
    Row { name: "log_determinant", cases: log_determinant::cases },
    Row { name: "log_softmax", cases: log_softmax::cases },
    Row { name: "log_sum_exp", cases: log_sum_exp::cases },
    Row { name: "losses", cases: losses::cases },
    Row { name: "lstm", cases: lstm::cases },
    Row { name: "masked_attention", cases: masked_attention::cases },
    Row { name: "matmul", cases: matmul::cases },
    Row { name: "max_pool2d", cases: max_pool2d::cases },
    Row { name: "maximum", cases: maximum::cases },
    Row { name: "minimum", cases: minimum::cases },
    Row { name: "matrix_memory", cases: matrix_memory::cases },
    Row { name: "mul", cases: mul::cases },
    Row { name: "packed_attention", cases: packed_attention::cases },
    Row { name: "permute", cases: permute::cases },
    Row { name: "power", cases: power::cases },
    Row { name: "reciprocal", cases: reciprocal::cases },
    Row { name: "qr", cases: qr::cases },
    Row { name: "relu", cases: relu::cases },
    Row { name: "reshape", cases: reshape::cases },
    Row { name: "rms_norm", cases: rms_norm::cases },
    Row { name: "rotary", cases: rotary::cases },
    Row { name: "scale", cases: scale::cases },
    Row { name: "scatter_add_rows", cases: scatter_add_rows::cases },
    Row { name: "segments", cases: segments::cases },
    Row { name: "select", cases: select::cases },
    Row { name: "sigmoid", cases: sigmoid::cases },
    Row { name: "silu", cases: silu::cases },
    Row { name: "sin", cases: sin::cases },
    Row { name: "slice", cases: slice::cases },
    Row { name: "soft_threshold", cases: soft_threshold::cases },
    Row { name: "softmax", cases: softmax::cases },
    Row { name: "softplus", cases: softplus::cases },
    Row { name: "sparse_matmul", cases: sparse_matmul::cases },
    Row { name: "solve", cases: solve::cases },
    Row { name: "sqrt", cases: sqrt::cases },
    Row { name: "square", cases: square::cases },
    Row { name: "statistics", cases: statistics::cases },
    Row { name: "stop_gradient", cases: stop_gradient::cases },
    Row { name: "sub", cases: sub::cases },
    Row { name: "sum", cases: sum::cases },
    Row { name: "sum_squares", cases: sum_squares::cases },
    Row { name: "take_along", cases: take_along::cases },
    Row { name: "tanh", cases: tanh::cases },
    Row { name: "write_rows", cases: write_rows::cases },
    Row { name: "top_k", cases: top_k::cases },
    Row { name: "svd", cases: svd::cases },
    Row { name: "symmetric_eigen", cases: symmetric_eigen::cases },
    Row { name: "triangular_solve", cases: triangular_solve::cases },
];

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn every_op_meets_its_oracle() {
        for row in ALL {
            (row.cases)().iter().for_each(|case| case.check_forward(row.name));
        }
    }

    #[test]
    fn every_gradient_meets_central_differences() {
        // Ops side by side: one after the other they were most of the time of all tests.
        ALL.par_iter().for_each(|row| (row.cases)().iter().for_each(|case| case.check_gradient(row.name)));
    }

    #[test]
    fn every_second_gradient_meets_central_differences_or_is_refused() {
        for row in ALL {
            (row.cases)().iter().for_each(|case| case.check_second_gradient(row.name));
        }
    }

    #[test]
    fn every_op_gives_the_same_bits_at_any_thread_count() {
        for row in ALL {
            (row.cases)().iter().for_each(|case| case.check_threads(row.name));
        }
    }
}
