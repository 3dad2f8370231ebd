"""Every form of a convolution compared with XLA's own, per layer shape, inside and outside a loop.

    python -m bench.convolutions --rounds 7 --markdown bench/results/convolutions.md

For each shape and each of the three operations (output, input gradient, kernel gradient) the table shows milliseconds in the
body of a `fori_loop` with run-time bounds and, after the slash, as a separate program: the fastest of several alternating
rounds. `lax` is `lax.conv_general_dilated` and what JAX makes of its transpose, `rule` is what `jkeras.nn.cpu.conv_rule`
chooses; the rest are the forms it chooses from. `--only PART` selects the shapes whose names contain PART.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras._base.compiling import compiler_options
from jkeras.nn.conv_geometry import Geometry, margins
from jkeras.nn.conv_primitive import lax_conv
from jkeras.nn.cpu import conv_forms, conv_onednn, conv_rule

# name: batch, size, channels, filters, window, stride, groups, padding, number of spatial axes
SHAPES = {
    "CIFAR CNN 3>32 at 32": (64, 32, 3, 32, 3, 1, 1, "same", 2),
    "CIFAR CNN 32>32 at 32": (64, 32, 32, 32, 3, 1, 1, "same", 2),
    "CIFAR CNN 32>64 at 16": (64, 16, 32, 64, 3, 1, 1, "same", 2),
    "CIFAR CNN 64>64 at 16": (64, 16, 64, 64, 3, 1, 1, "same", 2),
    "CIFAR CNN 64>64 at 6, valid": (64, 6, 64, 64, 3, 1, 1, "valid", 2),
    "5x5 CNN 1>32 at 28": (128, 28, 1, 32, 5, 1, 1, "same", 2),
    "5x5 CNN 32>64 at 14": (128, 14, 32, 64, 5, 1, 1, "same", 2),
    "ResNet-20 3>16 at 32": (128, 32, 3, 16, 3, 1, 1, "same", 2),
    "ResNet-20 16>16 at 32": (128, 32, 16, 16, 3, 1, 1, "same", 2),
    "ResNet-20 16>32 at 32, stride 2": (128, 32, 16, 32, 3, 2, 1, "same", 2),
    "ResNet-20 32>32 at 16": (128, 16, 32, 32, 3, 1, 1, "same", 2),
    "ResNet-20 64>64 at 8": (128, 8, 64, 64, 3, 1, 1, "same", 2),
    "ResNet-20 16>32 1x1, stride 2": (128, 32, 16, 32, 1, 2, 1, "same", 2),
    "GAN 128>1 7x7 at 28": (64, 28, 128, 1, 7, 1, 1, "same", 2),
    "GAN 128>128 4x4 at 28, stride 2": (64, 28, 128, 128, 4, 2, 1, "same", 2),
    "image head 64>3 at 28": (64, 28, 64, 3, 3, 1, 1, "same", 2),
    "stem 3>64 7x7 at 96, stride 2": (16, 96, 3, 64, 7, 2, 1, "same", 2),
    "depthwise 32 at 16": (64, 16, 32, 32, 3, 1, 32, "same", 2),
    "4 groups 64>64 at 16": (32, 16, 64, 64, 3, 1, 4, "same", 2),
    "1-D 64>64 of 5 at 128": (64, 128, 64, 64, 5, 1, 1, "same", 1),
    "3-D 16>16 at 8": (16, 8, 16, 16, 3, 1, 1, "same", 3),
}
Form = Callable[[Any, Any], Any]


def problem(name: str) -> tuple[Geometry, Any, Any, Any]:
    """Geometry, images, kernel and output gradient of a shape."""
    batch, size, channels, filters, window, stride, groups, padding, rank = SHAPES[name]
    axes = [(v,) * rank for v in (size, window, stride, 1)]
    g = Geometry(*axes, margins(padding, *axes), groups)
    rng = np.random.default_rng(0)
    shapes = ((batch, *axes[0], channels), (*axes[1], channels // groups, filters), (batch, *g.out, filters))
    return g, *(jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes)


def forms(name: str) -> dict[str, tuple[dict[str, Form], Any, Any]]:
    """For each operation, its forms by name and its operands."""
    g, x, kernel, dy = problem(name)
    output: dict[str, Form] = {
        "lax": lambda x, k: lax_conv(x, k, g),
        "rule": lambda x, k: conv_rule.output(x, k, g),
    }
    input_gradient: dict[str, Form] = {
        "lax": lambda dy, k: jax.linear_transpose(lambda x: lax_conv(x, k, g), x)(dy)[0],
        "rule": lambda dy, k: conv_rule.input_gradient(dy, k, g),
    }
    kernel_gradient: dict[str, Form] = {
        "lax": lambda x, dy: jax.linear_transpose(lambda k: lax_conv(x, k, g), kernel)(dy)[0],
        "rule": lambda x, dy: conv_rule.kernel_gradient(x, dy, g),
    }
    if conv_onednn.suits(x, kernel.shape[-2], kernel.shape[-1], g):
        output["oneDNN"] = lambda x, k: conv_onednn.output(x, k, g)
    if "oneDNN" in output and max(g.strides) == 1:
        kernel_gradient["oneDNN"] = lambda x, dy: conv_onednn.kernel_gradient(x, dy, g)
    if g.groups == 1:
        for form in (conv_forms.canonical, conv_forms.product):
            output[form.__name__] = lambda x, k, f=form: f(x, k, g)
        if g.rank == 2 and max(g.strides) == 1 and g.out[1] % 2 == 0:
            output["pairs"] = lambda x, k: conv_forms.pairs(x, k, g)
        gradients = [conv_forms.canonical_kernel_gradient, conv_forms.product_kernel_gradient]
        if g.rank == 2:
            gradients.append(conv_forms.entry_kernel_gradient)
        if g.rank == 2 and max(g.strides) == 1:
            gradients.append(conv_forms.row_kernel_gradient)
        if kernel.shape[-1] <= 4:
            output["shifted"] = lambda x, k: conv_forms.shifted_sums(x, k, g)
            gradients.append(conv_forms.shifted_kernel_gradient)
        for gradient in gradients:
            kernel_gradient[gradient.__name__.removesuffix("_kernel_gradient")] = lambda x, dy, f=gradient: f(x, dy, g)
    return {
        "output": (output, x, kernel),
        "input gradient": (input_gradient, dy, kernel),
        "kernel gradient": (kernel_gradient, x, dy),
    }


def looped(form: Form) -> Callable[..., Any]:
    """A form as the body of a loop; each iteration depends on the previous one, so XLA cannot drop any."""

    def run(rounds: Any, a: Any, b: Any, out: Any) -> Any:
        return lax.fori_loop(0, rounds, lambda i, last: form(a + 1e-30 * last.ravel()[0], b + 1e-30 * last.ravel()[0]), out)

    return jax.jit(run, compiler_options=compiler_options())


def milliseconds(program: Callable[..., Any], *args: Any) -> float:
    """Wall-clock time until the result is ready."""
    start = time.perf_counter()
    jax.block_until_ready(program(*args))
    return 1e3 * (time.perf_counter() - start)


def measure(candidates: dict[str, Form], a: Any, b: Any, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each form inside and outside a loop, measured in turns; the first round compiles."""
    programs = {name: (jax.jit(form, compiler_options=compiler_options()), looped(form)) for name, form in candidates.items()}
    results = {name: alone(a, b) for name, (alone, _) in programs.items()}
    times: dict[str, dict[str, float]] = {}
    for turn in range(rounds + 1):
        for name, (alone, loop) in programs.items():
            best = times.setdefault(name, {"loop": float("inf"), "alone": float("inf")})
            # More rounds of a form this slow tell nothing new.
            if turn > 1 and best["loop"] > 200:
                continue
            inside = milliseconds(loop, 1, a, b, results[name]) if turn < 2 else milliseconds(loop, 3, a, b, results[name]) / 3
            outside = milliseconds(alone, a, b)
            if turn:
                times[name] = {"loop": min(best["loop"], inside), "alone": min(best["alone"], outside)}
    return times


def page(figures: dict[str, Any]) -> str:
    """The figures inside a loop as a table in Markdown."""
    forms = ("lax", "rule", "oneDNN", "canonical", "product", "pairs", "row", "shifted", "entry")
    lines = ["# Convolutions on this CPU, in the body of a loop", ""]
    lines += [
        "Milliseconds; `rule` is what jkeras does, `lax` what it would take without the rule. "
        "Written by `python -m bench.convolutions`.",
        "",
    ]
    lines += [f"| layer | operation | {' | '.join(forms)} |", "|---|---|" + "---|" * len(forms)]
    for name, operations in figures.items():
        for operation, taken in operations.items():
            times = (f"{taken[form]['loop']:.2f}" if form in taken else "" for form in forms)
            lines.append(f"| {name} | {operation} | {' | '.join(times)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=Path, help="write the table there, for `python -m bench --report`")
    parser.add_argument("--json", type=Path, help="write all figures there")
    args = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in (n for n in SHAPES if args.only in n):
        for operation, (candidates, a, b) in forms(name).items():
            taken = figures.setdefault(name, {})[operation] = measure(candidates, a, b, args.rounds)
            shown = "  ".join(f"{form} {t['loop']:.2f}/{t['alone']:.2f}" for form, t in taken.items())
            print(f"{name:32s} {operation:16s} {shown}", flush=True)
    if args.markdown:
        args.markdown.write_text(page(figures))
    if args.json:
        about = {"jax": version("jax"), "cores": os.cpu_count(), "machine": platform.machine(), "load": os.getloadavg()[0]}
        args.json.write_text(json.dumps({"about": about, "milliseconds": figures}, indent=1))


if __name__ == "__main__":
    main()
