//! What a head holds while it walks over its tokens.

use super::Head;
use super::passes::Decay;

/// How much a head's buffers hold.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) key: usize,
    /// Value channels in whole tiles.
    pub(super) wide: usize,
    /// Whether there is a momentum.
    pub(super) momentum: bool,
    /// Whether the memory is a buffer of its own.
    pub(super) own: bool,
}

impl Sizes {
    /// One matrix.
    pub(super) const fn matrix(&self) -> usize {
        self.key * self.wide
    }

    /// What is kept of a head at a token: state and momentum.
    pub(super) const fn kept(&self) -> usize {
        self.matrix() * (1 + self.momentum as usize)
    }

    /// A head at a token: state, momentum and memory.
    pub(super) const fn record(&self) -> usize {
        self.kept() + self.matrix() * self.own as usize
    }

    /// The gates of a token, for every channel.
    pub(super) const fn steering(&self) -> usize {
        4 * self.wide + self.key
    }
}

/// The next `len` numbers of a buffer.
pub(super) fn take<'a>(rest: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let (taken, left) = std::mem::take(rest).split_at_mut(len);
    *rest = left;
    taken
}

/// State, momentum and memory of a head at a token; the latter two may be empty.
pub(super) struct Record<'a> {
    pub(super) state: &'a mut [f32],
    pub(super) momentum: &'a mut [f32],
    pub(super) memory: &'a mut [f32],
}

impl<'a> Record<'a> {
    pub(super) fn of(sizes: Sizes, mut buffer: &'a mut [f32]) -> Self {
        let state = take(&mut buffer, sizes.matrix());
        let momentum = take(&mut buffer, sizes.kept() - sizes.matrix());
        Record { state, momentum, memory: buffer }
    }

    /// To read.
    pub(super) fn view(&self) -> View<'_> {
        View { state: self.state, momentum: self.momentum, memory: self.memory }
    }
}

/// A [`Record`] to read.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) state: &'a [f32],
    pub(super) momentum: &'a [f32],
    pub(super) memory: &'a [f32],
}

impl<'a> View<'a> {
    /// Of the `i`-th record of several.
    pub(super) fn of(sizes: Sizes, records: &'a [f32], i: usize) -> Self {
        let (state, rest) = records[i * sizes.record()..][..sizes.record()].split_at(sizes.matrix());
        let (momentum, memory) = rest.split_at(sizes.kept() - sizes.matrix());
        View { state, momentum, memory }
    }

    /// The buffer that is the memory, up to a factor.
    pub(super) fn seen(self) -> &'a [f32] {
        if self.memory.is_empty() { self.state } else { self.memory }
    }
}

/// The gates of a token, for every channel.
pub(super) struct Steering<'a> {
    pub(super) eta: &'a mut [f32],
    pub(super) alpha: &'a mut [f32],
    pub(super) delta: &'a mut [f32],
    pub(super) theta: &'a mut [f32],
    pub(super) alpha_key: &'a mut [f32],
}

impl<'a> Steering<'a> {
    /// With the values of gates that are missing.
    pub(super) fn new(sizes: Sizes, mut buffer: &'a mut [f32]) -> Self {
        let mut filled = |len, value: f32| {
            let part = take(&mut buffer, len);
            part.fill(value);
            part
        };
        let [eta, alpha] = [1.0, 1.0].map(|one| filled(sizes.wide, one));
        let [delta, theta] = [f32::INFINITY, 0.0].map(|none| filled(sizes.wide, none));
        Steering { eta, alpha, delta, theta, alpha_key: filled(sizes.key, 1.0) }
    }

    /// Those of token `t`.
    #[inline(always)]
    pub(super) fn load(&mut self, head: &Head<'_>, t: usize) {
        self.load_steps(head, t);
        let (row, layout) = (head.gates.at(t), &head.layout);
        if let Some(theta) = layout.theta {
            theta.spread(row, head.h, self.theta);
        }
        if let Some(alpha) = layout.alpha {
            alpha.spread(row, head.h, if alpha.is_of_keys() { &mut *self.alpha_key } else { &mut *self.alpha });
        }
    }

    /// Step and threshold alone.
    #[inline(always)]
    pub(super) fn load_steps(&mut self, head: &Head<'_>, t: usize) {
        let (row, layout) = (head.gates.at(t), &head.layout);
        if let Some(eta) = layout.eta {
            eta.spread(row, head.h, self.eta);
        }
        if let Some(delta) = layout.delta {
            delta.spread(row, head.h, self.delta);
        }
    }

    pub(super) fn decay(&self) -> Decay<'_> {
        Decay { value: self.alpha, key: self.alpha_key }
    }
}

/// The `i`-th vector of `wide` numbers of several, or `none` where nothing was kept.
#[inline(always)]
pub(super) fn vector_or<'a>(vectors: &'a [f32], i: usize, wide: usize, none: &'a [f32]) -> &'a [f32] {
    if vectors.is_empty() { none } else { &vectors[i * wide..][..wide] }
}
