"""The layout of layered graphs: nothing covers anything else, whatever the graph."""

import itertools
import random

import pytest
from geometry import holds, meet, points, within

from jkeras._layered import Area, Group, Node, layout


def random_graph(r, depth):
    """Members and keys: nodes of many sizes, in groups inside groups up to a depth."""
    numbers = itertools.count()
    keys = []

    def members(depth, most):
        found = []
        for _ in range(r.randint(1, most)):
            key = f"n{next(numbers)}"
            if depth and r.random() < 0.3:
                found.append(Group(key, members(depth - 1, 6), (r.uniform(20, 150), r.uniform(10, 30))))
            else:
                keys.append(key)
                found.append(Node(key, r.uniform(20, 200), r.uniform(15, 120)))
        return tuple(found)

    return members(depth, 20), keys


def groups_of(members):
    """Each group's key -> the keys of all nodes and groups inside."""
    found = {}
    for member in members:
        if isinstance(member, Group):
            inner = groups_of(member.members)
            found |= {member.key: {m.key for m in member.members}.union(*inner.values()), **inner}
    return found


@pytest.mark.parametrize("depth", [0, 2], ids=["flat", "groups"])
def test_nothing_hides_anything_in_random_graphs(depth):
    for seed in range(60):
        r = random.Random(seed)
        members, keys = random_graph(r, depth)
        pairs = [sorted(r.choices(range(len(keys)), k=2), reverse=r.random() < 0.1) for _ in range(r.randint(0, 35))]
        edges = list(dict.fromkeys((keys[a], keys[b]) for a, b in pairs))  # cycles and loops too
        direction = ("TB", "LR", "BT", "RL")[seed % 4]
        page = layout(members, edges, direction, curved=seed % 5 > 0, fold=(1, 3, None)[seed % 3])
        whole, groups = Area(-1, -1, page.width + 2, page.height + 2), groups_of(members)
        assert page.nodes.keys() == set(keys) and page.groups.keys() == groups.keys()
        assert page.routes.keys() == set(edges), seed
        assert not any(meet(a, b) for a, b in itertools.combinations(page.nodes.values(), 2)), seed
        assert all(within(area, whole) for area in (*page.nodes.values(), *page.groups.values())), seed
        for group, inside in groups.items():
            for key, area in (page.nodes | page.groups).items():
                frame = page.groups[group]
                apart = key == group or group in groups.get(key, ()) or not meet(area, frame, 1e-6)
                assert within(area, frame, 1e-6) if key in inside else apart, (seed, group, key)
        for (source, target), route in page.routes.items():
            along = points(route)
            assert all(holds(whole, p, 0) for p in along), (seed, source, target)
            assert not any(holds(area, p, 0.5) for area in page.nodes.values() for p in along), (seed, source, target)
            for group, inside in groups.items():
                if not inside & {source, target}:
                    assert not any(holds(page.groups[group], p, 0.5) for p in along), (seed, source, target, group)
            for end, key in ((along[0], source), (along[-1], target)):
                assert holds(page.nodes[key], end, -0.1), (seed, source, target)


@pytest.mark.parametrize(("direction", "axis", "sign"), [("TB", 1, 1), ("BT", 1, -1), ("LR", 0, 1), ("RL", 0, -1)])
def test_edges_lead_in_the_direction_and_sizes_stay(direction, axis, sign):
    page = layout([Node("a", 40, 20), Group("g", (Node("b", 60, 30),), (50, 10))], [("a", "b")], direction)
    route = page.routes["a", "b"]
    assert sign * (route.end[axis] - route.start[axis]) > 0
    sizes = {key: (area.width, area.height) for key, area in page.nodes.items()}
    assert sizes == {"a": pytest.approx((40, 20)), "b": pytest.approx((60, 30))}


def test_a_graph_without_nodes_is_an_empty_page():
    page = layout([], [])
    assert not page.nodes and not page.routes and page.width == page.height
