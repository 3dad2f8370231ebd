"""Which row of a layered picture each vertex stands in.

First the graph is made acyclic: edges that lead back are set apart. Then each vertex stands one row below the lowest of those
that lead to it, and moves down towards those it leads to if that makes its edges shorter.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from graphlib import TopologicalSorter

Edge = tuple[int, int]


def backward_edges(count: int, edges: Sequence[Edge]) -> set[int]:
    """The positions of the edges that close a cycle in a depth-first walk from the first vertex.

    Args:
        count: vertices are 0 to count - 1.
        edges: pairs of vertices.

    Example:
        >>> backward_edges(3, [(0, 1), (1, 2), (2, 1), (2, 2)])
        {2, 3}
    """
    outgoing: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for i, (source, target) in enumerate(edges):
        outgoing[source].append((target, i))
    found: set[int] = set()
    state = [0] * count  # 0 not visited, 1 on the current path, 2 finished
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(outgoing[root]))]
        while stack:
            vertex, rest = stack[-1]
            for target, i in rest:
                if state[target] == 1:
                    found.add(i)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(outgoing[target])))
                    break
            else:
                state[vertex] = 2
                stack.pop()
    return found


def rows_of(count: int, edges: Sequence[Edge], first: AbstractSet[int], last: AbstractSet[int]) -> list[int]:
    """The row of each vertex, from 0; each edge leads down at least one row.

    Args:
        count: vertices are 0 to count - 1.
        edges: without cycles.
        first: vertices that have row 0 to themselves.
        last: vertices that have the last row to themselves.

    Example:
        >>> rows_of(4, [(0, 1), (1, 2), (3, 2)], set(), set())
        [0, 1, 2, 1]
    """
    into: list[list[int]] = [[] for _ in range(count)]
    out: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        into[target].append(source)
        out[source].append(target)
    order = list(TopologicalSorter(dict(enumerate(into))).static_order())
    top = 1 if first else 0
    rows = [0] * count
    for v in order:
        rows[v] = 0 if v in first else max([top, *(rows[u] + 1 for u in into[v])])
    for v in reversed(order):
        if v not in first and len(out[v]) >= len(into[v]):
            rows[v] = max(rows[v], min((rows[w] - 1 for w in out[v] if w not in last), default=0))
    if last:
        bottom = 1 + max([0, *(rows[v] for v in range(count) if v not in last)])
        for v in last:
            rows[v] = bottom
    used = {row: i for i, row in enumerate(sorted(set(rows)))}
    return [used[row] for row in rows]
