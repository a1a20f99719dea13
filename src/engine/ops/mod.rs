//! The ops, one file each: formula, shape rule, forward, gradient rule, cases with an f64 oracle.
//!
//! An op is a file here, a `mod` line and a row of [`ALL`]; the tests at the end of this file hold
//! every row to its oracle, its gradient to central differences, its second gradient likewise where
//! it has one, and its bits to one value whatever the number of threads.

pub mod add;
pub mod attention;
pub mod attention_weights;
pub mod broadcast;
pub mod clip_scale;
pub mod concat;
pub mod copy;
pub mod cross_entropy;
pub mod delta_rule;
pub mod div;
pub mod exp;
pub mod gelu;
pub mod gru;
pub mod layer_norm;
pub mod linear_attention;
pub mod log;
pub mod log_softmax;
pub mod lstm;
pub mod matmul;
pub mod matrix_memory;
pub mod mul;
pub mod permute;
mod pointwise;
pub mod relu;
pub mod reshape;
pub mod scale;
pub mod sigmoid;
pub mod silu;
pub mod slice;
pub mod softmax;
pub mod sqrt;
pub mod stop_gradient;
pub mod sub;
pub mod sum;
pub mod sum_squares;
pub mod tanh;

pub mod adam;
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
    Row { name: "add", cases: add::cases },
    Row { name: "attention", cases: attention::cases },
    Row { name: "attention_weights", cases: attention_weights::cases },
    Row { name: "broadcast", cases: broadcast::cases },
    Row { name: "clip_scale", cases: clip_scale::cases },
    Row { name: "concat", cases: concat::cases },
    Row { name: "copy", cases: copy::cases },
    Row { name: "cross_entropy", cases: cross_entropy::cases },
    Row { name: "delta_rule", cases: delta_rule::cases },
    Row { name: "div", cases: div::cases },
    Row { name: "exp", cases: exp::cases },
    Row { name: "gelu", cases: gelu::cases },
    Row { name: "gru", cases: gru::cases },
    Row { name: "layer_norm", cases: layer_norm::cases },
    Row { name: "linear_attention", cases: linear_attention::cases },
    Row { name: "log", cases: log::cases },
    Row { name: "log_softmax", cases: log_softmax::cases },
    Row { name: "lstm", cases: lstm::cases },
    Row { name: "matmul", cases: matmul::cases },
    Row { name: "matrix_memory", cases: matrix_memory::cases },
    Row { name: "mul", cases: mul::cases },
    Row { name: "permute", cases: permute::cases },
    Row { name: "relu", cases: relu::cases },
    Row { name: "reshape", cases: reshape::cases },
    Row { name: "scale", cases: scale::cases },
    Row { name: "sigmoid", cases: sigmoid::cases },
    Row { name: "silu", cases: silu::cases },
    Row { name: "slice", cases: slice::cases },
    Row { name: "softmax", cases: softmax::cases },
    Row { name: "sqrt", cases: sqrt::cases },
    Row { name: "stop_gradient", cases: stop_gradient::cases },
    Row { name: "sub", cases: sub::cases },
    Row { name: "sum", cases: sum::cases },
    Row { name: "sum_squares", cases: sum_squares::cases },
    Row { name: "tanh", cases: tanh::cases },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_meets_its_oracle() {
        for row in ALL {
            (row.cases)().iter().for_each(|case| case.check_forward(row.name));
        }
    }

    #[test]
    fn every_gradient_meets_central_differences() {
        for row in ALL {
            (row.cases)().iter().for_each(|case| case.check_gradient(row.name));
        }
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
