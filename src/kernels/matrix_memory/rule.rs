//! What a matrix memory does at a token: the loss it descends, how it is kept near its past, and
//! which gates steer it.

/// The loss that the memory descends: the slope `u` by its prediction, from the error
/// `e = M k - v` ("attentional bias").
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// `-v . M k`: `u = -v`. Linear attention.
    DotProduct,
    /// `|e|^2 / 2`: `u = e`. The delta rule.
    Squared,
    /// `sum |e|^p`: `u = p sign(e) |e|^(p-1)`, `p >= 1`.
    Power {
        /// The exponent.
        p: f32,
    },
    /// The same with `sign(e)` as `tanh(10 e)` and `|e|` as `sqrt(e^2 + 1e-6)`, which has a gradient
    /// for `p < 2` too.
    SmoothPower {
        /// The exponent.
        p: f32,
    },
    /// Huber's loss of the norm: `u = e` while `|e| <= delta`, else `delta e / |e|`.
    HuberNorm,
    /// `u = e` while `|e| <= delta`, else `delta tanh(10 e)`: the tail of the L1 loss, smoothed, which
    /// is the published form of Yaad.
    HuberSign,
    /// Huber's loss of every coordinate: `e` cut to `[-delta, delta]`.
    HuberClip,
}

impl Loss {
    /// Whether the gate `delta` steers it.
    pub const fn has_threshold(self) -> bool {
        matches!(self, Loss::HuberNorm | Loss::HuberSign | Loss::HuberClip)
    }
}

/// How the memory `M` is made of the state `X` that is carried, and what happens to the state after
/// `X = alpha X - eta u k^T`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Retention {
    /// `M = X`.
    Linear,
    /// `M = X`, and the state is drawn towards zero by a soft threshold (elastic net).
    ElasticNet {
        /// How far.
        threshold: f32,
    },
    /// `M = exp X`, and the rows of the state (one a value channel) are normalised to the logarithm of
    /// a softmax over the keys, not below -30 (KL divergence; Memora). Starts uniform.
    Softmax,
    /// `M = sigmoid X` (Bregman divergence of the logistic function). Starts at 1/2.
    Sigmoid,
    /// `M = X / |X|_q^(q-2)`, with the norm of all elements of the head (Moneta).
    Norm {
        /// The exponent of the norm.
        q: f32,
    },
}

impl Retention {
    /// Whether `M` is a multiple of `X`, and no buffer of its own.
    pub(super) const fn is_scaled(self) -> bool {
        !matches!(self, Retention::Softmax | Retention::Sigmoid)
    }
}

/// What one number of a gate steers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// A whole head.
    Head,
    /// A value channel: a row of the memory.
    Value,
    /// A key channel: a column.
    Key,
}

/// The gates that a memory has, in the order in which they lie side by side in `[B, T, gates]`; one
/// that is missing is 1 (`theta`: 0, no momentum; `delta`: infinite).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gates {
    /// Step size.
    pub eta: Option<Channels>,
    /// What is kept of the state.
    pub alpha: Option<Channels>,
    /// Threshold of Huber's losses.
    pub delta: Option<Channels>,
    /// What is kept of the momentum `S = theta S - eta u k^T`, with `X = alpha X + S` (Titans).
    pub theta: Option<Channels>,
}

/// A member of the family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Which loss is descended.
    pub loss: Loss,
    /// How the past is kept.
    pub retention: Retention,
    /// Of which memory the error is taken.
    pub error_of: ErrorOf,
}

/// The memory whose error a token descends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOf {
    /// The memory before the token.
    Before,
    /// The decayed memory `alpha X` (Gated DeltaNet). Only where the memory is its state: with
    /// [`Retention::Linear`] and [`Retention::ElasticNet`].
    Decayed,
    /// The memory before the first of this many tokens, whose slopes are all taken there; the state
    /// decays, is written and is read at every token as ever, and a read goes through the retention's
    /// map of the state at its own token (published forms map at the ends of chunks only; ours is the
    /// recurrence but for the errors, and causal).
    ///
    /// With [`Retention::Linear`], decays by head or value channel and no momentum, the tokens of a
    /// chunk are computed together by products of matrices: the same up to the order of sums. All
    /// others go token by token: a norm, a softmax, a sigmoid or a threshold needs every state, and
    /// so do decays of key channels and a momentum as they are done here.
    Chunk(usize),
}

/// Where the numbers of one gate lie in a token's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    /// Of the first head.
    first: usize,
    /// Numbers of a head.
    width: usize,
    channels: Channels,
}

/// Where all gates lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) eta: Option<Gate>,
    pub(super) alpha: Option<Gate>,
    pub(super) delta: Option<Gate>,
    pub(super) theta: Option<Gate>,
    /// Numbers of a token.
    pub(super) width: usize,
}

impl Gates {
    /// Places for heads with keys and values of these widths.
    pub(super) fn layout(&self, heads: usize, key: usize, value: usize) -> Layout {
        let mut width = 0;
        let mut place = |channels: Option<Channels>| {
            channels.map(|channels| {
                let one = match channels {
                    Channels::Head => 1,
                    Channels::Value => value,
                    Channels::Key => key,
                };
                let gate = Gate { first: width, width: one, channels };
                width += heads * one;
                gate
            })
        };
        let (eta, alpha) = (place(self.eta), place(self.alpha));
        let (delta, theta) = (place(self.delta), place(self.theta));
        Layout { eta, alpha, delta, theta, width }
    }

    /// Numbers of a token.
    pub fn width(&self, heads: usize, key: usize, value: usize) -> usize {
        self.layout(heads, key, value).width
    }
}

impl Gate {
    /// Whether it steers columns of the memory instead of rows.
    pub(super) fn is_of_keys(&self) -> bool {
        self.channels == Channels::Key
    }

    /// The gate of head `h` for every channel.
    #[inline(always)]
    pub(super) fn spread(&self, row: &[f32], h: usize, out: &mut [f32]) {
        let own = &row[self.first + h * self.width..][..self.width];
        match self.channels {
            Channels::Head => out.fill(own[0]),
            _ => out[..self.width].copy_from_slice(own),
        }
    }

    /// The gradient of head `h` from that of every channel.
    #[inline(always)]
    pub(super) fn gather(&self, channels: &[f32], row: &mut [f32], h: usize) {
        let own = &mut row[self.first + h * self.width..][..self.width];
        match self.channels {
            Channels::Head => own[0] = crate::kernels::lanes::sum_of(channels),
            _ => own.copy_from_slice(&channels[..self.width]),
        }
    }
}
