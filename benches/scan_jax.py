"""The matrix memory's scan in JAX, to compare with `ansatz bench scan-...`: value and gradients of
sum(out * c) by all inputs, the whole jitted, the recurrence a `lax.scan` over tokens.

    python benches/scan_jax.py jax THREADS [scan-delta ...]     needs jax and numpy

Sizes, numbers and timing are those of `src/workloads/scan.rs` and `src/workloads/timing.rs`: 16 sequences of 128
tokens, 4 heads of 32x32; bits from a hash; one thread is timed on the process's CPU clock and pinned, more on the
wall clock. `value` is sum(out * c), `gradient` the sum over all gradients of their absolute values: both engines must
print the same.
"""
import json
import os
import sys
import time

THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
if hasattr(os, "sched_setaffinity"):  # before any library starts its threads
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-THREADS:])

import jax
import jax.numpy as jnp
import numpy as np

BATCH, TOKENS, HEADS, WIDTH = 16, 128, 4, 32
SHAPE = (BATCH, TOKENS, HEADS, WIDTH)


def uniform(seed, shape, low, high):
    """Numbers from the top 24 bits of splitmix64's finaliser of (seed << 32) + index."""
    with np.errstate(over="ignore"):
        z = (np.uint64(seed) << np.uint64(32)) + np.arange(np.prod(shape), dtype=np.uint64)
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = z ^ (z >> np.uint64(31))
    unit = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return (unit * np.float32(high - low) + np.float32(low)).reshape(shape)


def inputs():
    """q, k, v, eta and alpha by value channel, delta by head, and the weights c of the outputs."""
    q, k, v = (uniform(9001 + i, SHAPE, -1.0, 1.0) * np.float32(size) for i, size in enumerate((0.25, 0.25, 1.0)))
    eta, alpha = uniform(9004, SHAPE, 0.25, 0.75), uniform(9005, SHAPE, 0.9, 1.0)
    delta, c = uniform(9006, SHAPE[:3], 0.5, 2.0), uniform(9007, SHAPE, -1.0, 1.0)
    return [jnp.asarray(x) for x in (q, k, v, eta, alpha, delta)], jnp.asarray(c)


def recall(memory, key):
    return jnp.einsum("bhvk,bhk->bhv", memory, key)


def write(step, key):
    return step[..., None] * key[..., None, :]


def delta_rule(state, q, k, v, eta, alpha, delta):
    state = state - write(eta * (recall(state, k) - v), k)
    return state, recall(state, q)


def gated(state, q, k, v, eta, alpha, delta):
    state = alpha[..., None] * state
    state = state - write(eta * (recall(state, k) - v), k)
    return state, recall(state, q)


def yaad(state, q, k, v, eta, alpha, delta):
    error = recall(state, k) - v
    square = jnp.square(error).sum(-1)
    inside = square <= jnp.square(delta)
    factor = jnp.where(inside, 1.0, delta * jax.lax.rsqrt(jnp.where(inside, 1.0, square)))
    state = alpha[..., None] * state - write(eta * factor[..., None] * error, k)
    return state, recall(state, q)


def powers(state):
    return jnp.square(jnp.square(state)).sum((-2, -1)) + 1e-18


def moneta(carried, q, k, v, eta, alpha, delta):
    """p = 3, q = 4: the memory is A / |A|_4^2."""
    state, scale = carried
    error = scale[..., None] * recall(state, k) - v
    slope = 3 * jnp.sign(error) * jnp.square(error)
    state = alpha[..., None] * state - write(eta * slope, k)
    scale = jax.lax.rsqrt(powers(state))
    return (state, scale), scale[..., None] * recall(state, q)


def memora(carried, q, k, v, eta, alpha, delta):
    state, memory = carried
    error = recall(memory, k) - v
    state = alpha[..., None] * state - write(eta * error, k)
    state = jnp.maximum(jax.nn.log_softmax(state, -1), -30.0)
    memory = jnp.exp(state)
    return (state, memory), recall(memory, q)


ZEROS = jnp.zeros((BATCH, HEADS, WIDTH, WIDTH), jnp.float32)
UNIFORM = jnp.full_like(ZEROS, -np.log(np.float32(WIDTH)))
# Rule, first state, which of eta, alpha, delta it has.
RULES = {
    "scan-delta": (delta_rule, ZEROS, (1, 0, 0)),
    "scan-gated": (gated, ZEROS, (1, 1, 0)),
    "scan-yaad": (yaad, ZEROS, (1, 1, 1)),
    # Not zeros: the norm would divide by nothing.
    "scan-moneta": (moneta, (ZEROS + 0.1, jax.lax.rsqrt(powers(ZEROS + 0.1))), (1, 1, 0)),
    "scan-memora": (memora, (UNIFORM, jnp.exp(UNIFORM)), (1, 1, 0)),
}


def timeit(step, threads, want_s=2.5, want_n=20, warm_s=0.3):
    clock = time.process_time if threads == 1 else time.perf_counter
    start = time.perf_counter()
    while time.perf_counter() - start < warm_s:
        step()
    times = []
    while sum(times) < want_s or len(times) < want_n:
        before = clock()
        step()
        times.append(1e3 * (clock() - before))
    return times


def main():
    (q, k, v, eta, alpha, delta), c = inputs()
    for name in sys.argv[3:] or RULES:
        if name not in RULES:
            continue
        rule, first, has = RULES[name]
        by_token = lambda x: jnp.swapaxes(x, 0, 1)

        def loss(*x):
            token = lambda state, at: rule(state, *at)
            out = jax.lax.scan(token, first, tuple(by_token(x) for x in x))[1]
            return (by_token(out) * c).sum()

        wanted = [0, 1, 2] + [3 + i for i in range(3) if has[i]]
        run = jax.jit(jax.value_and_grad(loss, argnums=wanted))
        step = lambda: jax.block_until_ready(run(q, k, v, eta, alpha, delta))
        value, gradients = step()
        by_input = [float(np.abs(np.asarray(g, np.float64)).sum()) for g in gradients]
        times = timeit(step, THREADS)
        print(json.dumps(dict(
            engine="jax", workload=name, threads=THREADS, median_ms=round(float(np.median(times)), 4),
            best_ms=round(min(times), 4), steps=len(times), value=round(float(value), 4),
            gradient=round(sum(by_input), 2), by_input=[round(x, 2) for x in by_input],
        )), flush=True)


if __name__ == "__main__":
    main()
