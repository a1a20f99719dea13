//! `masked_attention`: softmax attention of any queries over any keys, with a mask, a bias and grouped
//! heads: o_i = sum_j softmax_j(q_i . k_j / sqrt(d) + bias_ij) v_j over the keys that i sees (Vaswani et
//! al. 2017; groups of Ainslie et al. 2023). The backward recomputes the probabilities; it is fused and
//! has no second derivative. `attention_composed` has every derivative.

use crate::engine::{Backward, GradientError, Io, Op, Shape, ShapeError, Var, op::Gradients};
use crate::kernels::masked_attention::{self as kernel, MaskedGradients, MaskedSaved, MaskedShape, Visibility};

/// How many heads lie side by side in the last axis of queries, and of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLayout {
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`. Query head `h` reads head `h / (heads / key_heads)`.
    pub key_heads: usize,
}

impl HeadLayout {
    /// Every query head has keys and values of its own.
    pub const fn full(heads: usize) -> Self {
        HeadLayout { heads, key_heads: heads }
    }

    /// `heads / key_heads` query heads share a head of keys and values (Ainslie et al. 2023).
    pub const fn grouped(heads: usize, key_heads: usize) -> Self {
        HeadLayout { heads, key_heads }
    }
}

/// What queries see and what is added to their scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'g> {
    /// Above 0 where a query sees a key; broadcast to `[B, Tq, Tk]` by the rules of numpy: `[Tq, Tk]`
    /// for all sequences, `[B, 1, Tk]` for padding. None: all see all.
    pub mask: Option<Var<'g>>,
    /// Added to the scores; broadcast to `[B, H, Tq, Tk]`: `[H, Tq, Tk]` for all sequences. It has a
    /// gradient.
    pub bias: Option<Var<'g>>,
}

impl<'g> Seen<'g> {
    /// All queries see all keys.
    pub const ALL: Seen<'static> = Seen { mask: None, bias: None };

    /// What this mask lets them see.
    pub fn masked(mask: Var<'g>) -> Self {
        Seen { mask: Some(mask), bias: None }
    }

    /// The same keys for all queries of a sequence: `padding` `[B, Tk]` is above 0 at real keys.
    ///
    /// # Panics
    /// If `padding` has not two axes.
    pub fn padded(padding: Var<'g>) -> Self {
        let shape = padding.shape();
        assert_eq!(shape.len(), 2, "a padding mask is [batch, keys], not {shape}");
        Seen::masked(padding.reshape([shape[0], 1, shape[1]]))
    }

    /// The same with a bias.
    pub fn with_bias(self, bias: Var<'g>) -> Self {
        Seen { bias: Some(bias), ..self }
    }
}

/// What is fixed in a recorded attention.
#[derive(Clone, Copy, Debug)]
struct Form {
    layout: HeadLayout,
    mask: bool,
    bias: bool,
}

/// Inputs: queries, keys, values, perhaps mask, perhaps bias. Outputs: what is read, and the log-sum-exp
/// `[B, H, Tq]` for the backward.
#[derive(Clone, Copy, Debug)]
struct MaskedAttention(Form);

/// Inputs: those of the forward, log-sum-exp, gradient. Outputs: gradients by queries, keys, values and
/// (`[B, H, Tq, Tk]`, if it is wanted) bias.
#[derive(Clone, Copy, Debug)]
struct MaskedAttentionBackward {
    form: Form,
    d_bias: bool,
}

/// Inputs: queries, keys, perhaps mask, perhaps bias. Output: `[B, H, Tq, Tk]`.
#[derive(Clone, Copy, Debug)]
struct MaskedAttentionWeights(Form);

/// Strides by which a dense `shape` is read as `to`; none if it cannot be broadcast.
fn strides<const N: usize>(shape: &[usize], to: [usize; N]) -> Option<[usize; N]> {
    let lead = N.checked_sub(shape.len())?;
    let (mut strides, mut step) = ([0; N], 1);
    for (axis, &extent) in shape.iter().enumerate().rev() {
        if extent != to[lead + axis] && extent != 1 {
            return None;
        }
        strides[lead + axis] = if extent == 1 { 0 } else { step };
        step *= extent;
    }
    Some(strides)
}

impl Form {
    const EXPECTED: &'static str = "queries [B, Tq, H d], keys and values [B, Tk, K d] with K dividing H, \
         a mask like [B, Tq, Tk], a bias like [B, H, Tq, Tk], both with every key";

    /// The shape for the kernels, of queries, keys and values.
    fn shape(self, q: &[usize], k: &[usize], v: &[usize]) -> Option<MaskedShape> {
        let HeadLayout { heads, key_heads } = self.layout;
        let (&[batch, queries, wide], &[keys_batch, keys, narrow], &[.., values]) = (q, k, v) else { return None };
        let fits = heads > 0
            && key_heads > 0
            && heads % key_heads == 0
            && wide % heads == 0
            && narrow % key_heads == 0
            && values % key_heads == 0
            && wide / heads == narrow / key_heads
            && keys_batch == batch
            && v.len() == 3
            && v[..2] == k[..2];
        let width = wide / heads.max(1);
        fits.then(|| MaskedShape {
            batch,
            queries,
            keys,
            heads,
            key_heads,
            width,
            value_width: values / key_heads,
            scale: 1.0 / (width as f32).sqrt(),
        })
    }

    /// Strides of mask and bias, whose shapes begin at `extra`.
    fn strides(self, shape: MaskedShape, extra: &[&Shape]) -> Option<([usize; 3], [usize; 4])> {
        let MaskedShape { batch, queries, keys, heads, .. } = shape;
        let has_keys = extra.iter().all(|extra| extra.last() == Some(&keys));
        let mask = if self.mask { strides(extra[0], [batch, queries, keys])? } else { [0; 3] };
        let bias =
            if self.bias { strides(extra[usize::from(self.mask)], [batch, heads, queries, keys])? } else { [0; 4] };
        has_keys.then_some((mask, bias))
    }

    /// How many inputs stand for mask and bias.
    fn extras(self) -> usize {
        usize::from(self.mask) + usize::from(self.bias)
    }

    /// The shape and what is seen, of inputs that were checked: `[q, k, (v,) mask?, bias?, ..]`.
    fn checked<'a>(self, inputs: &[&'a [f32]], shapes: &[Shape], first: usize) -> (MaskedShape, Visibility<'a>) {
        const CHECKED: &str = "shapes are checked when the op is recorded";
        let shape = self.shape(&shapes[0], &shapes[1], &shapes[first - 1]).expect(CHECKED);
        let at = |i: usize| (inputs[first + i], &shapes[first + i]);
        let MaskedShape { batch, queries, keys, heads, .. } = shape;
        let mut see = Visibility::default();
        if self.mask {
            let (mask, own) = at(0);
            let [sequence, query, _] = strides(own, [batch, queries, keys]).expect(CHECKED);
            (see.mask, see.mask_strides) = (Some(mask), [sequence, query]);
        }
        if self.bias {
            let (bias, own) = at(usize::from(self.mask));
            let [sequence, head, query, _] = strides(own, [batch, heads, queries, keys]).expect(CHECKED);
            (see.bias, see.bias_strides) = (Some(bias), [sequence, head, query]);
        }
        (shape, see)
    }

    /// Checks `[q, k, (v,) mask?, bias?]`; keys stand for values where there are none.
    fn check(self, op: &'static str, inputs: &[&Shape], first: usize) -> Result<MaskedShape, ShapeError> {
        let shape = (inputs.len() == first + self.extras())
            .then(|| self.shape(inputs[0], inputs[1], inputs[first - 1]))
            .flatten()
            .filter(|shape| self.strides(*shape, &inputs[first..]).is_some());
        shape.ok_or_else(|| ShapeError::new(op, inputs, Form::EXPECTED))
    }
}

/// Multiplications and additions of one product of all queries and keys.
fn product_flop(shape: MaskedShape) -> u64 {
    let MaskedShape { batch, queries, keys, heads, width, value_width, .. } = shape;
    (batch * heads * queries * keys * (width + value_width)) as u64
}

impl Op for MaskedAttention {
    fn name(&self) -> &'static str {
        "masked_attention"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = self.0.check(self.name(), inputs, 3)?;
        let MaskedShape { batch, queries, heads, value_width, .. } = shape;
        Ok(vec![[batch, queries, heads * value_width].into(), [batch, heads, queries].into()])
    }

    fn run(&self, io: Io<'_>) {
        let (shape, see) = self.0.checked(&io.inputs, io.input_shapes, 3);
        let Io { inputs: [q, k, v, ..], outputs: [out, lse, ..], scratch, pool, .. } = io;
        kernel::masked_attention(pool, shape, see, q, k, v, out, lse, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        self.0.shape(&inputs[0], &inputs[1], &inputs[2]).map_or(0, kernel::masked_attention_scratch)
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        self.0.shape(&inputs[0], &inputs[1], &inputs[2]).map_or(0, |shape| 2 * product_flop(shape))
    }

    fn gradient<'g>(&self, at: &Backward<'g, '_>) -> Gradients<'g> {
        if at.d_outputs[1].is_some() {
            return Err(GradientError::NoRule {
                op: "masked_attention",
                why: "its log-sum-exp is kept for the backward pass alone",
            });
        }
        let form = self.0;
        let d_bias = form.bias && at.wanted[at.inputs.len() - 1];
        let mut inputs = at.inputs.to_vec();
        inputs.extend([at.outputs[1], at.d_output()]);
        let found = inputs[0].graph().apply(MaskedAttentionBackward { form, d_bias }, &inputs);
        let mut gradients: Vec<Option<Var<'g>>> = found[..3].iter().copied().map(Some).collect();
        gradients.extend(form.mask.then_some(None));
        if form.bias {
            gradients.push(found.get(3).map(|full| full.sum_to(&at.inputs[at.inputs.len() - 1].shape())));
        }
        Ok(gradients)
    }
}

impl Op for MaskedAttentionBackward {
    fn name(&self) -> &'static str {
        "masked_attention_backward"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let shape = self.form.check(self.name(), &inputs[..inputs.len().saturating_sub(2)], 3)?;
        let MaskedShape { batch, queries, keys, heads, .. } = shape;
        let bias = self.d_bias.then(|| [batch, heads, queries, keys].into());
        Ok(inputs[..3].iter().map(|x| (*x).clone()).chain(bias).collect())
    }

    fn run(&self, io: Io<'_>) {
        let (shape, see) = self.form.checked(&io.inputs, io.input_shapes, 3);
        let Io { inputs, outputs: [dq, dk, dv, d_bias, ..], scratch, pool, .. } = io;
        let [q, k, v, ..] = inputs;
        let saved = MaskedSaved { q, k, v, lse: inputs[3 + self.form.extras()], d_out: inputs[4 + self.form.extras()] };
        let d_bias = self.d_bias.then_some(d_bias);
        kernel::masked_attention_backward(pool, shape, see, saved, MaskedGradients { dq, dk, dv, d_bias }, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        self.form.shape(&inputs[0], &inputs[1], &inputs[2]).map_or(0, kernel::masked_attention_backward_scratch)
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        self.form.shape(&inputs[0], &inputs[1], &inputs[2]).map_or(0, |shape| 5 * product_flop(shape))
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::fused("masked_attention_backward"))
    }
}

impl Op for MaskedAttentionWeights {
    fn name(&self) -> &'static str {
        "masked_attention_weights"
    }

    fn shapes(&self, inputs: &[&Shape]) -> Result<Vec<Shape>, ShapeError> {
        let MaskedShape { batch, queries, keys, heads, .. } = self.0.check(self.name(), inputs, 2)?;
        Ok(vec![[batch, heads, queries, keys].into()])
    }

    fn run(&self, io: Io<'_>) {
        let (shape, see) = self.0.checked(&io.inputs, io.input_shapes, 2);
        let Io { inputs: [q, k, ..], outputs: [weights, ..], scratch, pool, .. } = io;
        kernel::masked_attention_weights(pool, shape, see, q, k, weights, scratch);
    }

    fn scratch(&self, inputs: &[Shape], _: &[Shape]) -> usize {
        self.0.shape(&inputs[0], &inputs[1], &inputs[1]).map_or(0, kernel::masked_attention_weights_scratch)
    }

    fn flop(&self, inputs: &[Shape], _: &[Shape]) -> u64 {
        self.0.shape(&inputs[0], &inputs[1], &inputs[1]).map_or(0, product_flop)
    }

    fn gradient<'g>(&self, _: &Backward<'g, '_>) -> Gradients<'g> {
        Err(GradientError::NoRule {
            op: "masked_attention_weights",
            why: "it is for pictures; use attention_weights_composed",
        })
    }
}

impl<'g> Var<'g> {
    /// What these queries `[B, Tq, H d]` read from `keys` `[B, Tk, K d]` and `values` `[B, Tk, K d_v]`:
    /// `[B, Tq, H d_v]`. A query that sees nothing reads zeros. Hidden keys and values must be finite.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn masked_attention(self, keys: Var<'g>, values: Var<'g>, layout: HeadLayout, seen: Seen<'g>) -> Var<'g> {
        let form = Form { layout, mask: seen.mask.is_some(), bias: seen.bias.is_some() };
        let inputs: Vec<Var<'g>> = [self, keys, values].into_iter().chain(seen.mask).chain(seen.bias).collect();
        self.graph().apply(MaskedAttention(form), &inputs)[0]
    }

    /// The probabilities with which these queries `[B, Tq, H d]` attend to `keys` `[B, Tk, K d]`:
    /// `[B, H, Tq, Tk]`, row the query, zero where hidden. For pictures: it has no gradient.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn masked_attention_weights(self, keys: Var<'g>, layout: HeadLayout, seen: Seen<'g>) -> Var<'g> {
        let form = Form { layout, mask: seen.mask.is_some(), bias: seen.bias.is_some() };
        let inputs: Vec<Var<'g>> = [self, keys].into_iter().chain(seen.mask).chain(seen.bias).collect();
        self.graph().apply_one(MaskedAttentionWeights(form), &inputs)
    }
}

/// How the cases of attention are set: extents `[B, Tq, Tk, H, K, d, d_v]`, shapes of mask and bias.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub(super) extents: [usize; 7],
    pub(super) mask: Option<&'static [usize]>,
    pub(super) bias: Option<&'static [usize]>,
}

#[cfg(test)]
impl Setting {
    pub(super) fn layout(self) -> HeadLayout {
        HeadLayout::grouped(self.extents[3], self.extents[4])
    }

    /// Queries, keys, values, perhaps mask, perhaps bias.
    pub(super) fn inputs(self) -> Vec<super::case::Input> {
        use super::case::{index, real};
        let [b, queries, keys, h, k, d, d_v] = self.extents;
        let mut inputs = vec![real([b, queries, h * d]), real([b, keys, k * d]), real([b, keys, k * d_v])];
        inputs.extend(self.mask.map(|shape| index(shape, 0, 2)));
        inputs.extend(self.bias.map(real));
        inputs
    }

    pub(super) fn seen<'g>(self, x: &[Var<'g>]) -> Seen<'g> {
        let mask = self.mask.map(|_| x[3]);
        Seen { mask, bias: self.bias.map(|_| x[x.len() - 1]) }
    }

    pub(super) fn oracle_weights(self, x: &[super::case::Array]) -> super::case::Array {
        let (mask, bias) = (self.mask.map(|_| &x[3]), self.bias.map(|_| &x[x.len() - 1]));
        oracle::weights(&x[0], &x[1], self.layout(), mask, bias)
    }

    pub(super) fn label(self, what: &str) -> String {
        format!("{what} {:?} mask {:?} bias {:?}", self.extents, self.mask, self.bias)
    }
}

/// Every kind of mask and bias at odd shapes.
#[cfg(test)]
pub(super) const SETTINGS: [Setting; 7] = [
    Setting { extents: [1, 1, 1, 1, 1, 1, 1], mask: None, bias: None },
    Setting { extents: [2, 3, 5, 2, 2, 3, 3], mask: None, bias: Some(&[2, 3, 5]) },
    Setting { extents: [2, 5, 5, 3, 1, 2, 2], mask: Some(&[5, 5]), bias: None },
    Setting { extents: [3, 2, 7, 4, 2, 2, 3], mask: Some(&[3, 1, 7]), bias: Some(&[3, 4, 2, 7]) },
    Setting { extents: [2, 13, 3, 2, 2, 1, 2], mask: Some(&[2, 13, 3]), bias: Some(&[13, 3]) },
    Setting { extents: [2, 3, 4, 2, 1, 2, 2], mask: Some(&[1, 3, 4]), bias: Some(&[2, 1, 1, 4]) },
    Setting { extents: [1, 4, 2, 1, 1, 3, 1], mask: Some(&[4, 2]), bias: Some(&[1, 4, 2]) },
];

#[cfg(test)]
pub(super) fn cases() -> Vec<super::Case> {
    use super::Case;
    let read = |setting: Setting| {
        let oracle = move |x: &[super::case::Array]| oracle::read(&setting.oracle_weights(x), &x[2], setting.layout());
        Case::one(
            setting.label("read"),
            setting.inputs(),
            move |x| x[0].masked_attention(x[1], x[2], setting.layout(), setting.seen(x)),
            oracle,
        )
        .once()
    };
    let weights = |setting: Setting| {
        let oracle = move |x: &[super::case::Array]| setting.oracle_weights(x);
        Case::one(
            setting.label("weights"),
            setting.inputs(),
            move |x| x[0].masked_attention_weights(x[1], setting.layout(), setting.seen(x)),
            oracle,
        )
        .no_gradient()
    };
    SETTINGS.into_iter().map(read).chain(SETTINGS.into_iter().map(weights)).collect()
}

#[cfg(test)]
pub(super) mod oracle {
    use super::HeadLayout;
    use crate::engine::ops::case::Array;

    /// Element `at` of `x`, aligned at the last axis, extents of 1 repeated.
    fn broadcast(x: &Array, at: &[usize]) -> f64 {
        let at = &at[at.len() - x.ndim()..];
        let index: Vec<usize> = at.iter().zip(x.shape()).map(|(i, extent)| if *extent == 1 { 0 } else { *i }).collect();
        x[&index[..]]
    }

    /// Probabilities `[B, H, Tq, Tk]` by the formula.
    pub(in crate::engine::ops) fn weights(
        q: &Array,
        k: &Array,
        layout: HeadLayout,
        mask: Option<&Array>,
        bias: Option<&Array>,
    ) -> Array {
        let HeadLayout { heads, key_heads } = layout;
        let (batch, queries, keys, width) = (q.shape()[0], q.shape()[1], k.shape()[1], q.shape()[2] / heads);
        let mut weights = Array::zeros(vec![batch, heads, queries, keys]);
        for (b, h, i) in ndarray::indices((batch, heads, queries)) {
            let score = |j: usize| -> f64 {
                if mask.is_some_and(|mask| broadcast(mask, &[b, i, j]) <= 0.0) {
                    return 0.0;
                }
                let shared = h / (heads / key_heads);
                let dot: f64 = (0..width).map(|d| q[[b, i, h * width + d]] * k[[b, j, shared * width + d]]).sum();
                (dot / (width as f64).sqrt() + bias.map_or(0.0, |bias| broadcast(bias, &[b, h, i, j]))).exp()
            };
            let total: f64 = (0..keys).map(score).sum();
            (0..keys).filter(|_| total > 0.0).for_each(|j| weights[[b, h, i, j]] = score(j) / total);
        }
        weights
    }

    /// What is read with them.
    pub(in crate::engine::ops) fn read(weights: &Array, v: &Array, layout: HeadLayout) -> Array {
        let HeadLayout { heads, key_heads } = layout;
        let (batch, queries, keys) = (weights.shape()[0], weights.shape()[2], weights.shape()[3]);
        let width = v.shape()[2] / key_heads;
        Array::from_shape_fn(vec![batch, queries, heads * width], |at| {
            let (h, d) = (at[2] / width, at[2] % width);
            let column = h / (heads / key_heads) * width + d;
            (0..keys).map(|j| weights[[at[0], h, at[1], j]] * v[[at[0], j, column]]).sum()
        })
    }
}
