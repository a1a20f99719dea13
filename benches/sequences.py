"""The peers of `cargo bench --bench sequences -- FILE`: the same Transformer on the same batches of SCAN.

    python benches/sequences.py torch|jax FILE [THREADS]        needs numpy, and torch or jax

FILE holds first weights and batches. PyTorch runs eagerly on batches as wide as their longest; JAX compiles a step for
every padded width, as ours plans one, before anything is timed. One thread is timed on the process's CPU clock.
"""
import json
import os
import statistics
import sys
import time

ENGINE, FILE = sys.argv[1:3]
THREADS = int(sys.argv[3]) if len(sys.argv) > 3 else 1
if hasattr(os, "sched_setaffinity"):  # before any library starts its threads
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-THREADS:])

import numpy as np

WIDTH, HEADS, LAYERS, BATCHES = 64, 4, 2, 16
RATE, BETAS, EPSILON, CLIP = 1e-3, (0.9, 0.98), 1e-8, 1.0
LENGTHS = (4, 8, 12, 16, 24, 32, 48, 64)


def read():
    with open(FILE, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, body = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    array = lambda of: np.frombuffer(body[slice(*of["data_offsets"])], np.float32).reshape(of["shape"])
    tensors = {name: array(of) for name, of in header.items()}
    weights = {name: x.copy() for name, x in tensors.items() if not name.startswith("batch.")}
    batches = [[tensors[f"batch.{i:02}.{part}"].astype(np.int64) for part in ("source", "target", "answers")]
               for i in range(BATCHES)]
    return weights, batches


def positions(tokens):
    column = np.arange(WIDTH)
    angle = np.arange(tokens)[:, None] / 10_000 ** (column // 2 * 2 / WIDTH)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)


def loss(w, ops, source, target, answers, places):
    """Mean cross-entropy of the answers that are not padding."""
    linear = lambda x, name: x @ w[name + ".weight"] + w[name + ".bias"]
    norm = lambda x, name: ops.layer_norm(x, w[name + ".gain"], w[name + ".bias"])
    split = lambda x: x.reshape(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS)

    def attend(x, memory, name, mask):
        q, k, v = split(linear(x, name + ".query")), split(linear(memory, name + ".key")), split(linear(memory, name + ".value"))
        return linear(ops.attention(q, k, v, mask).reshape(x.shape), name + ".output")

    def feed_forward(x, name):
        return linear(ops.relu(linear(x, name + ".up")), name + ".down")

    embed = lambda tokens, side, at: ops.rows(w[side + ".embedding.weight"], tokens) * WIDTH**0.5 + at
    real = source > 0
    h = embed(source, "encoder", places[0])
    for i in range(LAYERS):
        name = f"encoder.layers.{i}"
        seen = norm(h, name + ".attention_norm")
        h = h + attend(seen, seen, name + ".attention", real)
        h = h + feed_forward(norm(h, name + ".feed_forward_norm"), name + ".feed_forward")
    memory = norm(h, "encoder.norm")
    h = embed(target, "decoder", places[1])
    for i in range(LAYERS):
        name = f"decoder.layers.{i}"
        seen = norm(h, name + ".attention_norm")
        h = h + attend(seen, seen, name + ".attention", "causal")
        h = h + attend(norm(h, name + ".cross_norm"), memory, name + ".cross_attention", real)
        h = h + feed_forward(norm(h, name + ".feed_forward_norm"), name + ".feed_forward")
    logits = norm(h, "decoder.norm") @ w["decoder.embedding.weight"].T
    return ops.cross_entropy(logits, answers)


def torch_rounds(weights, batches):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)

    class Ops:
        relu = staticmethod(F.relu)
        rows = staticmethod(lambda table, tokens: F.embedding(tokens, table))
        layer_norm = staticmethod(lambda x, gain, bias: F.layer_norm(x, (WIDTH,), gain, bias, 1e-5))

        @staticmethod
        def attention(q, k, v, mask):
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            causal = isinstance(mask, str)
            out = F.scaled_dot_product_attention(q, k, v, None if causal else mask[:, None, None], is_causal=causal)
            return out.transpose(1, 2)

        @staticmethod
        def cross_entropy(logits, answers):
            return F.cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=0)

    w = {name: torch.tensor(x, requires_grad=True) for name, x in weights.items()}
    adam = torch.optim.Adam(w.values(), RATE, BETAS, EPSILON, fused=True)
    rows = [[torch.tensor(x) for x in batch] for batch in batches]
    places = [[torch.tensor(positions(x.shape[1])) for x in batch[:2]] for batch in rows]

    def round_():
        losses = []
        for batch, at in zip(rows, places):
            adam.zero_grad()
            found = loss(w, Ops, *batch, at)
            found.backward()
            torch.nn.utils.clip_grad_norm_(w.values(), CLIP)
            adam.step()
            losses.append(found.item())
        return losses

    return round_


def jax_rounds(weights, batches):
    import jax
    import jax.numpy as jnp

    class Ops:
        relu = staticmethod(jax.nn.relu)
        rows = staticmethod(lambda table, tokens: table[tokens])

        @staticmethod
        def layer_norm(x, gain, bias):
            centred = x - x.mean(-1, keepdims=True)
            return centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5) * gain + bias

        @staticmethod
        def attention(q, k, v, mask):
            scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) * (q.shape[-1] ** -0.5)
            mask = jnp.tril(jnp.ones(scores.shape[2:], bool)) if isinstance(mask, str) else mask[:, None, None]
            return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(jnp.where(mask, scores, -1e30)), v)

        @staticmethod
        def cross_entropy(logits, answers):
            each = jnp.take_along_axis(jax.nn.log_softmax(logits), answers[..., None], -1)[..., 0]
            return -jnp.where(answers > 0, each, 0).sum() / (answers > 0).sum()

    def pad(x):
        width = next(length for length in LENGTHS if length >= x.shape[1])
        return jnp.asarray(np.pad(x, ((0, 0), (0, width - x.shape[1]))).astype(np.int32))

    def update(state, source, target, answers):
        w, first, second, step = state
        at = [jnp.asarray(positions(x.shape[1])) for x in (source, target)]
        found, gradient = jax.value_and_grad(loss)(w, Ops, source, target, answers, at)
        size = jnp.sqrt(sum(jnp.square(g).sum() for g in gradient.values()))
        factor, step = jnp.minimum(1.0, CLIP / (size + 1e-6)), step + 1
        first = {n: BETAS[0] * first[n] + (1 - BETAS[0]) * factor * g for n, g in gradient.items()}
        second = {n: BETAS[1] * second[n] + (1 - BETAS[1]) * jnp.square(factor * g) for n, g in gradient.items()}
        unbiased = lambda x, beta: x / (1 - beta**step)
        w = {n: w[n] - RATE * unbiased(first[n], BETAS[0]) / (jnp.sqrt(unbiased(second[n], BETAS[1])) + EPSILON)
             for n in w}
        return (w, first, second, step), found

    step = jax.jit(update, donate_argnums=0)
    zeros = lambda: {n: jnp.zeros_like(x) for n, x in weights.items()}
    state = [({n: jnp.asarray(x) for n, x in weights.items()}, zeros(), zeros(), jnp.zeros(()))]
    rows = [[pad(x) for x in batch] for batch in batches]

    def round_():
        losses = []
        for batch in rows:
            state[0], found = step(state[0], *batch)
            losses.append(found)
        return [float(x) for x in losses]

    return round_


def main():
    round_ = {"torch": torch_rounds, "jax": jax_rounds}[ENGINE](*read())
    losses = round_()
    clock = time.process_time if THREADS == 1 else time.perf_counter
    times = []
    round_()
    while sum(times) < 2.5 or len(times) < 5:
        before = clock()
        round_()
        times.append(1e3 * (clock() - before) / BATCHES)
    print(json.dumps({"workload": "sequences", "engine": ENGINE, "threads": THREADS,
                      "median_ms": round(statistics.median(times), 3), "best_ms": round(min(times), 3),
                      "first_loss": round(losses[0], 5), "loss": round(losses[-1], 4)}))


main()
