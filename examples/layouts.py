"""A transformer block on eight devices: what lies where, as a table and a picture, before anything runs.

XLA_FLAGS=--xla_force_host_platform_device_count=8 python examples/layouts.py --picture layouts.svg
"""

import argparse
import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")  # before JAX starts

import jkeras
from jkeras import layers, visualization
from jkeras.distribution import DeviceMesh, LayoutMap, ModelParallel


def block() -> jkeras.Model:
    """Attention and two dense layers, each with a way around it."""
    x = layers.Input((32, 256))
    normal = layers.LayerNormalization(name="norm_1")(x)
    attended = x + layers.MultiHeadAttention(8, 32, name="attention")(normal, normal)
    normal = layers.LayerNormalization(name="norm_2")(attended)
    wide = layers.Dense(1024, activation="gelu", name="up")(normal)
    return jkeras.Model(x, attended + layers.Dense(256, name="down")(wide), name="block")


def main(given: list[str] | None = None) -> None:
    """Print the table, and draw the picture if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", help="a file for the picture, .svg or .png")
    arguments = parser.parse_args(given)
    rules = LayoutMap(DeviceMesh((2, 4), ["data", "model"]))
    rules[".*/(query|key|value)/kernel"] = (None, "model", None)  # each device has two of the eight heads
    rules[".*/(query|key|value)/bias"] = ("model", None)
    rules[".*/attention_output/kernel"] = ("model", None, None)
    rules[".*up/kernel"], rules[".*up/bias"] = (None, "model"), ("model",)
    rules[".*down/kernel"] = ("model", None)
    model = block()
    model.compile("adam", "mse", distribution=ModelParallel(layout_map=rules))
    found = model.layouts()
    print(found)
    if arguments.picture:
        visualization.plot_layouts(found, path=arguments.picture)


if __name__ == "__main__":
    main()
