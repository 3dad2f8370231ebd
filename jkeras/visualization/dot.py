"""A model's graph in DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from jkeras._base.atomic import atomic_file
from jkeras._base.figures import FilePath
from jkeras.visualization.box_content import BoxContent
from jkeras.visualization.box_table import FROZEN, INK, LINE, QUIET, head_colour
from jkeras.visualization.canvas import drawing_bytes
from jkeras.visualization.graphviz import graphviz_bytes
from jkeras.visualization.model_drawing import model_drawing
from jkeras.visualization.model_graph import Box, Group, ModelGraph
from jkeras.visualization.svg import FORBIDDEN, svg_text

DIRECTIONS = ("TB", "LR", "BT", "RL")
SPLINES = ("spline", "curved", "ortho", "polyline", "line")
ENGINES = (None, "graphviz", "jkeras")


class Dot:
    """The DOT text of a model, which can also draw itself; `utils.model_to_dot` makes one.

    It has the methods of a pydot graph that scripts use: `to_string`, `create`, `write` and their kin. Graphviz' program `dot`
    makes the pictures if it is installed; otherwise jkeras draws them.

    Args:
        graph: boxes and edges.
        rankdir: `TB`, `LR`, `BT` or `RL`.
        dpi: pixels per inch of pictures.
        splines: how edges are drawn; `line` and `polyline` are straight.
        engine: `"graphviz"`, `"jkeras"`, or None for Graphviz if it is installed and jkeras if not.
        subgraph: whether the text is a cluster, to be placed in another graph.
        fold: how many strips to cut jkeras' own picture into; None for as many as a long one needs.
    """

    def __init__(
        self,
        graph: ModelGraph,
        rankdir: str = "TB",
        dpi: float = 200,
        splines: str = "spline",
        engine: str | None = None,
        subgraph: bool = False,
        fold: int | None = None,
    ):
        self.graph, self.rankdir, self.dpi, self.splines, self.engine = graph, rankdir, dpi, splines, engine
        self.subgraph, self.fold = subgraph, fold

    def to_string(self) -> str:
        """The text."""
        return "\n".join(_lines(self)) + "\n"

    __str__ = to_string

    def create(self, prog: str = "dot", format: str = "png") -> bytes:
        """The content of a picture file.

        Args:
            prog: the Graphviz program that lays out the picture, if Graphviz is installed: `dot`, `neato`, ...
            format: `png`, `svg`, `pdf`, or another; `dot` and `raw` are the text itself.

        Raises:
            ImportError: neither Graphviz nor matplotlib is installed, and the format is not SVG.
            RuntimeError: `engine="graphviz"`, and its program is missing or fails.
            ValueError: the format cannot be written.
        """
        kind = format.lower()
        if kind in ("dot", "gv", "raw"):
            return self.to_string().encode()
        if self.engine != "jkeras":
            whole = Dot(self.graph, self.rankdir, self.dpi, self.splines).to_string()
            data = graphviz_bytes(whole, kind, prog, required=self.engine == "graphviz")
            if data is not None:
                return data
        drawing = model_drawing(self.graph, self.rankdir, self.splines not in ("line", "polyline"), self.fold)
        return svg_text(drawing).encode() if kind == "svg" else drawing_bytes(drawing, kind, self.dpi)

    def write(self, path: FilePath, prog: str = "dot", format: str = "raw") -> bool:
        """Write the text, or a picture, to a file.

        Args:
            path: of the file; its suffix does not matter, as in pydot.
            prog, format: as for `create`.
        """
        data = self.create(prog, format)
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
        return True

    def create_png(self, prog: str = "dot") -> bytes:
        """`create(format="png")`."""
        return self.create(prog, "png")

    def create_svg(self, prog: str = "dot") -> bytes:
        """`create(format="svg")`."""
        return self.create(prog, "svg")

    def create_pdf(self, prog: str = "dot") -> bytes:
        """`create(format="pdf")`."""
        return self.create(prog, "pdf")

    def write_png(self, path: FilePath, prog: str = "dot") -> bool:
        """`write(path, format="png")`."""
        return self.write(path, prog, "png")

    def write_svg(self, path: FilePath, prog: str = "dot") -> bool:
        """`write(path, format="svg")`."""
        return self.write(path, prog, "svg")

    def write_pdf(self, path: FilePath, prog: str = "dot") -> bool:
        """`write(path, format="pdf")`."""
        return self.write(path, prog, "pdf")

    def write_raw(self, path: FilePath) -> bool:
        """`write(path)`: the text."""
        return self.write(path)

    write_dot = write_raw

    def _repr_svg_(self) -> str:
        return self.create(format="svg").decode()

    def __repr__(self) -> str:
        boxes = sum(1 for _ in self.graph.root.boxes())
        return f"<Dot {self.graph.root.name}: {boxes} boxes, {len(self.graph.edges)} edges>"


def _lines(dot: Dot) -> Iterator[str]:
    graph = dot.graph
    ids = {box.key: f"n{i}" for i, box in enumerate(graph.root.boxes())}
    clusters = {group.key: f"cluster_{i}" for i, group in enumerate(graph.root.groups(), start=1)}
    if dot.subgraph:
        yield "subgraph cluster_0 {"
        yield from _title(graph.root)
    else:
        yield f"digraph {_quoted(graph.root.name)} {{"
        yield f"  graph [rankdir={dot.rankdir}, dpi={dot.dpi:g}, splines={dot.splines}, nodesep=0.3, ranksep=0.35];"
    yield '  node [shape=plain, fontname="Helvetica"];'
    yield f'  edge [color="{QUIET}", arrowsize=0.7];'
    yield from _members(graph.root, ids, clusters, "  ")
    for edge in graph.edges:
        yield f"  {ids[edge.source]} -> {ids[edge.target]}{' [style=invis]' if edge.hidden else ''};"
    yield "}"


def _members(group: Group, ids: dict[str, str], clusters: dict[str, str], indent: str) -> Iterator[str]:
    for member in group.members:
        if isinstance(member, Box):
            yield f"{indent}{ids[member.key]} [label=<{_table(member.content)}>];"
            continue
        yield f"{indent}subgraph {clusters[member.key]} {{"
        yield from (indent + line for line in _title(member))
        yield from _members(member, ids, clusters, indent + "  ")
        yield f"{indent}}}"


def _title(group: Group) -> Iterator[str]:
    title = f"{group.name} ({group.kind})"
    yield f'  graph [label={_quoted(title)}, labeljust=l, style="dashed,rounded", color="{LINE}", fontname="Helvetica"];'


def _table(content: BoxContent) -> str:
    """A box as an HTML-like label."""
    kind = f'<font color="{QUIET if content.name else INK}">{_text(content.kind)}</font>'
    head = f"<b>{_text(content.name)}</b>  {kind}" if content.name else f"<b>{kind}</b>"
    rows = [f'<tr><td colspan="2" bgcolor="{head_colour(content)}">{head}</td></tr>']
    for label, values in content.rows:
        frozen = label == "trainable" and values == ("no",)
        value = "".join(f'{_text(line)}<br align="left"/>' for line in values) if len(values) > 1 else _text(values[0])
        value = f'<font color="{FROZEN}">{value}</font>' if frozen else value
        rows.append(f'<tr><td align="left"><font color="{QUIET}">{_text(label)}</font></td><td align="left">{value}</td></tr>')
    style = f'border="0" cellborder="1" cellspacing="0" cellpadding="4" color="{LINE}"'
    return f"<table {style}>{''.join(rows)}</table>"


def _text(text: str) -> str:
    return escape(FORBIDDEN.sub("\ufffd", text))


def _quoted(text: str) -> str:
    cleaned = FORBIDDEN.sub("\ufffd", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{cleaned}"'
