"""Floor 0: layered drawings of directed graphs, with groups inside groups. Sizes and edges go in, coordinates come out.

The package imports nothing of jkeras, and `visualization/model_drawing.py` alone imports it: it needs no more than `layout`.
"""

from jkeras._layered.geometry import Area as Area
from jkeras._layered.geometry import Route as Route
from jkeras._layered.nested import Group as Group
from jkeras._layered.nested import Layout as Layout
from jkeras._layered.nested import Node as Node
from jkeras._layered.nested import layout as layout
