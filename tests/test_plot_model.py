"""`plot_model` and `model_to_dot`: the contents of a picture, that nothing in it covers anything else, and the files."""

import itertools
import re
import stat
import sys
import warnings
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import matplotlib
import pytest
from geometry import holds, meet, points, within
from matplotlib.backends.backend_agg import FigureCanvasAgg
from model_gallery import LONG, MODELS, model

import jkeras
from jkeras._layered import Area
from jkeras.utils import model_to_dot, plot_model
from jkeras.visualization import canvas
from jkeras.visualization.box_content import Shown
from jkeras.visualization.canvas import drawing_figure
from jkeras.visualization.model_drawing import _title_size, model_drawing, model_layout
from jkeras.visualization.model_graph import model_graph
from jkeras.visualization.shapes import Polygon, Text

ALL = Shown(shapes=True, dtype=True, names=True, activations=True, trainable=True)


@pytest.fixture(autouse=True)
def _without_graphviz(monkeypatch, tmp_path):
    """Pictures are jkeras' own unless a test puts a program there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def edges(name, **options):
    return {(edge.source, edge.target) for edge in model_graph(model(name), **options).edges}


def box(name, key, shown=ALL, **options):
    return next(b for b in model_graph(model(name), shown, **options).root.boxes() if b.key == key).content


def rows(*args, **options):
    return dict(box(*args, **options).rows)


# What is in a picture -----------------------------------------------------------------------------------------------------


def test_edges_follow_the_tensors():
    assert edges("stack") == {("in", "hidden"), ("hidden", "drop"), ("drop", "out")}
    assert {("in", "wide0"), ("in", "add0"), ("narrow0", "add0"), ("add2", "out")} <= edges("residual")
    assert len(edges("residual")) == 13
    assert {("t2", "join"), ("b1", "join"), ("tags", "join"), ("join", "urgent"), ("join", "desk")} <= edges("several")


def test_calls_of_a_shared_layer_are_edges_at_one_box():
    assert edges("shared") == {("in", "again"), ("again", "again"), ("again", "between"), ("between", "again"), ("again", "out")}


def test_an_inner_model_is_a_box_or_a_group():
    assert edges("siamese") == {
        *(("left", "encoder"), ("right", "encoder"), ("encoder", "difference")),
        *(("difference", "abs"), ("abs", "same")),
    }
    inside = {("encoder/x", "encoder/hidden"), ("encoder/hidden", "encoder/code")}
    assert edges("siamese", expand_nested=True) == {
        *inside,
        *(("left", "encoder/x"), ("right", "encoder/x"), ("encoder/code", "difference")),
        *(("difference", "abs"), ("abs", "same")),
    }


def test_edges_find_the_right_output_of_an_inner_model():
    outer = "an_encoder_with_a_name_that_takes_two_lines"
    found = edges("nested", expand_nested=True)
    assert {(f"{outer}/deep/d2", "up"), (f"{outer}/e1", "sum"), (f"{outer}/e1", f"{outer}/deep/d_in")} <= found


def test_a_model_with_its_own_call_is_one_box_or_its_layers():
    alone = model_graph(model("subclassed"))
    assert [b.key for b in alone.root.boxes()] == ["net"] and not alone.edges
    expanded = model_graph(model("subclassed"), expand_nested=True)
    assert [b.key for b in expanded.root.boxes()] == ["first", "second"]
    assert expanded.edges and all(edge.hidden for edge in expanded.edges)
    assert not any(isinstance(shape, Polygon) for shape in model_drawing(expanded).shapes)  # no arrow
    found = model_graph(model("wrapping"), expand_nested=True).root
    assert [g.key for g in found.groups()] == ["each", "own"]
    assert [g.kind for g in found.groups()] == ["TimeDistributed", "Net"]


def test_a_model_on_inner_tensors_has_boxes_for_its_inputs():
    whole = model("stack")
    part = jkeras.Model(whole.get_layer("hidden").output, whole.output)
    graph = model_graph(part)
    assert len(list(graph.root.boxes())) == 3 and len(graph.edges) == 2


def test_a_layer_alone_is_one_box():
    assert [b.key for b in model_graph(model("stack").get_layer("out")).root.boxes()] == ["out"]


def test_boxes_say_what_is_asked_for():
    assert box("stack", "hidden", Shown()).rows == ()
    assert box("stack", "hidden", Shown(names=False)).name == ""
    assert rows("stack", "hidden") == {
        "activation": ("relu",),
        "input": ("(None, 4)",),
        "output": ("(None, 8)",),
        "dtype": ("float32",),
        "trainable": ("yes",),
    }
    assert "trainable" not in rows("stack", "drop") and "input" not in rows("stack", "in")
    assert rows("several", "join")["input"] == ("(None, 4)", "(None, 3)")


def test_frozen_layers_say_no():
    frozen = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(2, trainable=False, name="frozen")])
    content = next(b for b in model_graph(frozen, ALL).root.boxes() if b.key == "frozen").content
    assert dict(content.rows)["trainable"] == ("no",)


def test_layer_range_takes_a_part():
    graph = model_graph(model("deep"), layer_range=("dense_10", "dense_19"))
    assert [b.key for b in graph.root.boxes()] == [f"dense_{i}" for i in range(10, 20)]
    assert len(graph.edges) == 9
    with pytest.raises(ValueError, match="No layer's name begins"):
        model_graph(model("deep"), layer_range=("conv", "dense_19"))


# Geometry -----------------------------------------------------------------------------------------------------------------

CASES = [(name, direction) for name in MODELS for direction in ("TB", "LR")] + [
    ("siamese", "BT"),
    ("nested", "BT"),
    ("wrapping", "BT"),
    ("nested", "RL"),
]


@pytest.mark.parametrize("expand", [False, True], ids=["boxes", "groups"])
@pytest.mark.parametrize(("name", "rankdir"), CASES, ids=str)
def test_nothing_hides_anything(name, rankdir, expand):
    graph = model_graph(model(name), ALL, expand)
    layout = model_layout(graph, rankdir)
    boxes, groups = layout.nodes, layout.groups
    assert boxes.keys() == {b.key for b in graph.root.boxes()}
    sizes = {group.key: _title_size(group) for group in graph.root.groups()}
    titles = {key: Area(area.x + 8, area.y + 3, sizes[key][0], sizes[key][1] - 6) for key, area in groups.items()}
    for a, b in itertools.combinations([*boxes.values(), *titles.values()], 2):
        assert not meet(a, b)
    for key, area in boxes.items():
        assert area.x >= 0 and area.y >= 0
        assert area.x + area.width <= layout.width and area.y + area.height <= layout.height
        for outer, frame in groups.items():
            assert within(area, frame) if key.startswith(f"{outer}/") else not meet(area, frame)
    for source, target in ((e.source, e.target) for e in graph.edges if not e.hidden):
        along = points(layout.routes[source, target])
        for key, area in boxes.items():
            assert not any(holds(area, p, 0.5) for p in along), f"{source} -> {target} crosses {key}"
        for key, frame in groups.items():
            assert not any(holds(titles[key], p, 0) for p in along), f"{source} -> {target} crosses the title of {key}"
            if not any(end.startswith(f"{key}/") for end in (source, target)):
                assert not any(holds(frame, p, 0.5) for p in along), f"{source} -> {target} crosses {key}"
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in along)
        for end, key in ((along[0], source), (along[-1], target)):
            assert holds(boxes[key], end, -0.1), f"{source} -> {target} does not touch {key}"


@pytest.mark.parametrize(("rankdir", "axis", "sign"), [("TB", 1, 1), ("BT", 1, -1), ("LR", 0, 1), ("RL", 0, -1)])
def test_arrows_lead_where_rankdir_says(rankdir, axis, sign):
    for route in model_layout(model_graph(model("residual")), rankdir).routes.values():
        assert sign * (route.end[axis] - route.start[axis]) > 0


def test_the_main_way_is_straight():
    layout = model_layout(model_graph(model("residual"), ALL))
    middles = {round(area.x + area.width / 2, 3) for area in layout.nodes.values()}
    assert len(middles) == 1


def test_a_hundred_layers_fit_a_page_and_fold_can_be_forbidden():
    graph = model_graph(model("deep"), ALL)
    folded, whole = model_layout(graph), model_layout(graph, fold=1)
    assert max(folded.width, folded.height) < 1700 and folded.width / folded.height < 3
    assert whole.height > 6000
    assert folded.nodes["dense_99"].width == pytest.approx(whole.nodes["dense_99"].width)  # the text keeps its size
    three = model_layout(graph, fold=3)
    assert len({round(area.x + area.width / 2) for area in three.nodes.values()}) == 3


@pytest.mark.parametrize("name", ["several", "nested", "long_names"])
def test_texts_stay_inside_their_boxes_and_apart(name):
    graph = model_graph(model(name), ALL, expand_nested=True)
    layout, drawing = model_layout(graph), model_drawing(graph)
    figure = drawing_figure(drawing)
    figure.set_dpi(72)  # one pixel is one point
    with matplotlib.rc_context(canvas.UNHINTED):
        renderer = FigureCanvasAgg(figure).get_renderer()
        extents = [t.get_window_extent(renderer) for t in figure.axes[0].texts]
    areas = [*layout.nodes.values(), *layout.groups.values()]
    for e in extents:
        left, top, right, bottom = e.x0, drawing.height - e.y1, e.x1, drawing.height - e.y0
        corners = ((left, top), (right, bottom))
        assert any(all(holds(area, corner, -1) for corner in corners) for area in areas)
    for a, b in itertools.combinations(extents, 2):
        assert not (min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 3)


def test_long_names_are_there_whole():
    texts = [shape.text for shape in model_drawing(model_graph(model("long_names"))).shapes if isinstance(shape, Text)]
    assert LONG in "".join(texts)


# Files --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [(".png", b"\x89PNG"), (".pdf", b"%PDF-"), (".svg", b"<svg"), (".dot", b"digraph"), ("", b"\x89PNG"), (".JPG", b"\xff\xd8")],
)
def test_the_suffix_tells_the_kind(tmp_path, suffix, magic):
    path = tmp_path / "new" / f"picture{suffix}"
    picture = plot_model(model("stack"), path, show_shapes=True, dpi=30)
    assert path.read_bytes().startswith(magic)
    assert picture.data == path.read_bytes() and picture.filename == str(path)


def test_pictures_are_the_same_each_time(tmp_path):
    for suffix in ("png", "pdf", "svg"):
        first, second = (plot_model(model("stack"), tmp_path / f"{i}.{suffix}", dpi=30).data for i in range(2))
        assert first == second


def test_svg_is_xml_and_says_every_text():
    picture = plot_model(model("long_names"), None, show_shapes=True)
    texts = [e.text for e in ET.fromstring(picture.data).iter("{http://www.w3.org/2000/svg}text")]
    assert '<b>&"quoted"<b>' in texts and "(None, 4)" in texts
    assert picture._repr_svg_().startswith("<svg") and picture._repr_png_() is None


def test_characters_that_xml_forbids_are_replaced():
    odd = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1, name="bell\x07")])
    ET.fromstring(plot_model(odd, None).data)
    parse(model_to_dot(odd).to_string())


def test_letters_that_the_first_font_lacks_come_from_an_installed_one(monkeypatch):
    fonts = [SimpleNamespace(name=name) for name in ("Other", "NanumGothic")]
    monkeypatch.setattr(matplotlib.font_manager.fontManager, "ttflist", fonts)
    families = canvas.font_families(matplotlib)
    assert families[0] == "DejaVu Sans" and families[-1] == "NanumGothic" and "Malgun Gothic" not in families


def test_dpi_is_pixels_per_inch(tmp_path):
    sizes = []
    for dpi in (40, 80):
        picture = plot_model(model("stack"), tmp_path / "m.png", dpi=dpi)
        sizes.append(int.from_bytes(picture.data[16:20], "big"))
        shown = picture._repr_png_()[1]
        assert shown["width"] == pytest.approx(sizes[-1] * 96 / dpi, abs=1)
    assert sizes[1] == pytest.approx(2 * sizes[0], abs=1)


def test_a_picture_too_long_for_png_has_fewer_pixels_and_says_so(monkeypatch):
    monkeypatch.setattr(canvas, "_MOST_PIXELS", 300)
    with pytest.warns(UserWarning, match="layer_range="):
        data = model_to_dot(model("stack"), dpi=200).create(format="png")
    assert 290 <= int.from_bytes(data[20:24], "big") <= 300


# DOT ----------------------------------------------------------------------------------------------------------------------


def parse(text):
    """Node ids and edges of a DOT text, with labels read as the XML that they are."""
    assert text.count("{") == text.count("}")
    nodes = {}
    for name, label in re.findall(r"^\s*(\w+) \[label=<(<table.*</table>)>\];$", text, re.MULTILINE):
        nodes[name] = "".join(ET.fromstring(label).itertext())
    found = re.findall(r"^\s*(\w+) -> (\w+)", text, re.MULTILINE)
    assert {end for edge in found for end in edge} <= nodes.keys()
    for line in text.splitlines():
        assert re.sub(r'"(\\.|[^"\\])*"', "", line).count('"') == 0, line
    return nodes, found


@pytest.mark.parametrize("name", MODELS)
def test_dot_has_every_box_and_edge(name):
    graph = model_graph(model(name), expand_nested=True)
    nodes, found = parse(model_to_dot(model(name), show_shapes=True, expand_nested=True).to_string())
    assert len(nodes) == len(list(graph.root.boxes()))
    assert len(found) == len(graph.edges)
    assert all(b.content.name in text for b, text in zip(graph.root.boxes(), nodes.values()))


def test_dot_is_an_object_like_pydots(tmp_path):
    dot = model_to_dot(model("stack"), rankdir="LR", dpi=50)
    assert str(dot) == dot.to_string() and "rankdir=LR" in str(dot)
    assert dot.create(prog="dot", format="svg").startswith(b"<svg")  # SVG(model_to_dot(model).create(prog="dot", format="svg"))
    assert dot.create_png().startswith(b"\x89PNG")
    dot.write(tmp_path / "m.dot")
    dot.write_svg(tmp_path / "m.svg")
    assert (tmp_path / "m.dot").read_text() == str(dot) and (tmp_path / "m.svg").read_bytes().startswith(b"<svg")
    assert model_to_dot(model("stack"), subgraph=True).to_string().startswith("subgraph cluster_0 {")


def install_dot(tmp_path, script):
    path = tmp_path / "bin" / "dot"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nimport sys\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_graphviz_is_used_where_it_is_installed(tmp_path):
    install_dot(tmp_path, "sys.stdout.write(f'{sys.argv[1:]} {sys.stdin.read()[:15]}')")
    assert plot_model(model("stack"), tmp_path / "m.png").data == b"['-Tpng'] digraph \"stack\""
    assert plot_model(model("stack"), tmp_path / "m.svg", engine="jkeras").data.startswith(b"<svg")
    assert plot_model(model("stack"), tmp_path / "m.dot").data.startswith(b"digraph")
    with pytest.raises(ValueError, match="a word such as 'png'"):
        plot_model(model("stack"), tmp_path / "m.png:cairo -o x")
    with pytest.raises(ValueError, match="prog must be a program of Graphviz"):
        model_to_dot(model("stack")).create(prog="rm -rf")


def test_where_graphviz_fails_the_picture_is_jkeras_own(tmp_path):
    install_dot(tmp_path, "sys.exit('no such format')")
    with pytest.warns(UserWarning, match="no such format"):
        assert plot_model(model("stack"), tmp_path / "m.svg").data.startswith(b"<svg")
    with pytest.raises(RuntimeError, match="no such format"):
        plot_model(model("stack"), tmp_path / "m.svg", engine="graphviz")


# Errors -------------------------------------------------------------------------------------------------------------------


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="the shape of the input is not known"):
        plot_model(jkeras.Sequential([jkeras.layers.Dense(1)]), tmp_path / "m.png")
    with pytest.raises(TypeError, match=r"does not take the argument 'show_shape'. Did you mean 'show_shapes'"):
        plot_model(model("stack"), tmp_path / "m.png", show_shape=True)
    with pytest.raises(TypeError, match="Only a model or a layer"):
        plot_model([1], tmp_path / "m.png")
    with pytest.raises(ValueError, match="rankdir must be one of 'TB'"):
        plot_model(model("stack"), tmp_path / "m.png", rankdir="UP")
    with pytest.raises(ValueError, match="No picture can be written as 'xyz'"):
        plot_model(model("stack"), tmp_path / "m.xyz")
    with pytest.raises(ValueError, match="fold must be a number of strips"):
        plot_model(model("stack"), tmp_path / "m.png", fold=0)
    with pytest.raises(RuntimeError, match="not on the PATH"):
        plot_model(model("stack"), tmp_path / "m.png", engine="graphviz")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_svg_and_dot_work_and_the_rest_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_model(model("siamese"), tmp_path / "m.svg", show_shapes=True, expand_nested=True)
        plot_model(model("siamese"), tmp_path / "m.dot")
    with pytest.raises(ImportError, match=r'pip install "jkeras\[plots\]"'):
        plot_model(model("stack"), tmp_path / "m.png")
    assert not (tmp_path / "m.png").exists()


def test_keras_2_module():
    from jkeras.utils import vis_utils

    assert vis_utils.plot_model is plot_model and vis_utils.model_to_dot is model_to_dot
