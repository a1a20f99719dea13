"""Ours and the peers in turn, and the ratios: python benches/compare.py [options] [WORKLOAD ...]

PEERS is the folder of the peer programs (README there: how to set them up), ANSATZ our binary. Every
round runs, workload by workload, every engine once, one after the other, so that all meet the same
machine; figures are the median over rounds of the median step. Without peers our own are printed alone.

    python benches/compare.py --peers DIR --rounds 2 --threads 1 2 --out results.jsonl
    python benches/compare.py --from results.jsonl > docs/performance.md    # the tables again, with --notes FILE

Scans of a matrix memory (`scan-delta` ...) run when they are named, or all of them by `scans`; JAX's are
benches/scan_jax.py, which needs no PEERS.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

WORKLOADS = [f"W{i}" for i in range(1, 9)]
KERNELS = [f"sgemm{n}" for n in (64, 128, 256, 512, 1024, 2048)] + ["softmax", "layernorm", "gelu", "adam10m"]
SCANS = [f"scan-{name}" for name in ("delta", "gated", "yaad", "moneta", "memora")]
# Which only we have: the recurrence is the peer.
CHUNKS = [f"scan-{name}-{tokens}" for name in ("delta", "yaad") for tokens in (8, 16, 32)]
# The steps a second over the best peer that the engine aims at, by threads.
GOALS = {
    1: dict(zip(WORKLOADS, (1.4, 1.05, 1.4, 1.25, 1.3, 1.25, 1.6, 4))),
    2: dict(zip(WORKLOADS, (2, 1.15, 1.6, 1.35, 1.5, 1.4, 2, 4))),
}


def engines(options, threads, scan=False):
    """Engine -> command, for those that are there."""
    found = {"ansatz": [str(options.ansatz.resolve()), "bench", "--json", "--threads", str(threads)]}
    peers, python = options.peers, options.python
    if scan:
        found["jax"] = [python, str(Path(__file__).with_name("scan_jax.py")), "jax", str(threads)]
    elif peers:
        found["torch"] = [python, str(peers / "bench_torch.py"), "torch-eager", str(threads)]
        found["jax"] = [python, str(peers / "bench_jax.py"), "jax", str(threads)]
        for name, program, engine in (("burn", "bench_burn", "burn-flex"), ("candle", "bench_candle", "candle"),
                                      ("matrixmultiply", "bench_gemm", "matrixmultiply")):
            path = peers / "rust" / "target" / "release" / program
            if path.exists():
                cores = os.cpu_count()
                found[name] = ["taskset", "-c", f"{cores - threads}-{cores - 1}", str(path), engine, str(threads)]
    return {name: command for name, command in found.items() if not options.engines or name in options.engines}


def groups(options):
    """What is run together: each workload alone, so that the engines meet the same minute; the kernels as one."""
    names = options.workload or WORKLOADS + KERNELS
    names = [each for name in names for each in (SCANS + CHUNKS if name == "scans" else [name])]
    alone = [name for name in names if name.startswith(("W", "scan-"))]
    kernels = [name for name in names if name not in alone]
    return [[name] for name in alone] + ([kernels] if kernels else [])


def measure(options):
    lines = []
    with open(options.out or os.devnull, "a") as out:
        for round_ in range(options.rounds):
            for names in groups(options):
                for threads in options.threads:
                    for name, command in engines(options, threads, names[0].startswith("scan-")).items():
                        wanted = [n for n in names if name != "matrixmultiply" or n.startswith("sgemm")]
                        wanted = [n for n in wanted if name != "jax" or n not in CHUNKS]
                        if not wanted:
                            continue
                        print(f"round {round_ + 1}, {threads} thread(s), {name}: {' '.join(wanted)}", file=sys.stderr)
                        run = subprocess.run(command + wanted, capture_output=True, text=True, timeout=options.timeout)
                        for text in run.stdout.splitlines():
                            if text.startswith("{"):
                                line = json.loads(text) | {"engine": name, "round": round_ + 1}
                                lines.append(line)
                                print(json.dumps(line), file=out, flush=True)
                        if run.returncode:
                            print(f"{name} failed: {run.stderr.strip()[-300:]}", file=sys.stderr)
    return lines


def profile(options):
    """Where the time of our own steps goes, op by op."""
    names = [name for name in options.workload or WORKLOADS if name.startswith("W")]
    command = [str(options.ansatz.resolve()), "bench", "--profile", "--json", *names]
    lines = [json.loads(text) for text in subprocess.run(command, capture_output=True, text=True).stdout.splitlines()]
    with open(options.out or os.devnull, "a") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    return lines


def cell(times):
    if not times:
        return "-"
    middle = statistics.median(times)
    spread = 50 * (max(times) - min(times)) / middle
    return f"{middle:.3g}" + (f" ±{spread:.0f}%" if len(times) > 1 else "")


def table(lines, threads, names, key):
    times = {}
    for line in lines:
        if line["threads"] == threads and line["workload"] in names:
            times.setdefault((line["workload"], line["engine"]), []).append(line[key])
    order = [e for e in ("ansatz", "torch", "jax", "burn", "candle", "matrixmultiply") if any(k[1] == e for k in times)]
    peers = [e for e in order if e != "ansatz"]
    goals = GOALS.get(threads, {}) if names is WORKLOADS else {}
    print(f"| ms | {' | '.join(order)} | best peer | ratio |{' goal |' if goals else ''}")
    print("|" + " --- |" * (len(order) + 3 + bool(goals)))
    for name in names:
        if not any(k[0] == name for k in times):
            continue
        row = [cell(times.get((name, engine))) for engine in order]
        best = min((statistics.median(times[name, e]), e) for e in peers if (name, e) in times) if any(
            (name, e) in times for e in peers) else None
        ours = times.get((name, "ansatz"))
        ratio = f"**{best[0] / statistics.median(ours):.2f}**" if best and ours else "-"
        goal = f" {goals[name]:g} |" if goals else ""
        print(f"| {name} | {' | '.join(row)} | {best[1] if best else '-'} | {ratio} |{goal}")


def spent(lines):
    """The ops of each workload that take the most time, alike ones together."""
    print("\n### Where the time goes, one thread\n\n| | ms | GFLOP/s of the products | most of the time |\n| --- | --- | --- | --- |")
    for name in sorted({line["workload"] for line in lines}):
        ops, products = {}, [0.0, 0.0]
        for line in (line for line in lines if line["workload"] == name):
            ops[line["op"]] = ops.get(line["op"], 0) + line["ms"]
            if line["op"].startswith("matmul"):
                products[0] += line["gflops"] * line["ms"]
                products[1] += line["ms"]
        total = sum(ops.values())
        most = sorted(ops.items(), key=lambda item: -item[1])[:7]
        shares = ", ".join(f"{op} {100 * ms / total:.0f}%" for op, ms in most)
        rate = f"{products[0] / products[1]:.0f}" if products[1] else "-"
        print(f"| {name} | {total:.3g} | {rate} | {shares} |")


def report(lines, options):
    profiles = [line for line in lines if "op" in line]
    lines = [line for line in lines if "op" not in line]
    quickest = options.key == "best_ms"
    if quickest:
        print("\n## The quickest steps")
    for threads in sorted({line["threads"] for line in lines}):
        for names, what in ((WORKLOADS, "training steps"), (KERNELS, "kernels"), (SCANS + CHUNKS, "scans")):
            if any(line["threads"] == threads and line["workload"] in names for line in lines):
                print(f"\n### {threads} thread{'s' if threads > 1 else ''}: {what}\n")
                table(lines, threads, names, options.key)
    if profiles and not quickest:
        spent(profiles)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="*")
    parser.add_argument("--peers", type=Path, help="folder of the peer programs")
    parser.add_argument("--python", default=sys.executable, help="Python that has the peers' packages")
    parser.add_argument("--ansatz", type=Path, default=Path("target/release/ansatz"))
    parser.add_argument("--engines", nargs="+", help="only these")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--profile", action="store_true", help="measure where our own time goes instead")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--key", default="median_ms", choices=("median_ms", "best_ms"),
                        help="the median step, or the quickest")
    parser.add_argument("--out", type=Path, help="append the lines to this file")
    parser.add_argument("--from", dest="source", type=Path, help="print the tables of such a file")
    parser.add_argument("--notes", type=Path, help="text that stands before the tables")
    options = parser.parse_args()
    if options.source:
        lines = [json.loads(text) for text in options.source.read_text().splitlines()]
    else:
        lines = (profile if options.profile else measure)(options)
    if options.notes:
        print(options.notes.read_text().rstrip())
    report(lines, options)


if __name__ == "__main__":
    main()
