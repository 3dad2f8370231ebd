"""Where the lines and rectangles of a picture are, for tests that nothing covers anything else."""


def points(route):
    """Points along a route, close together."""
    at, found = route.start, [route.start]
    for part in route.parts:
        steps = 24
        for k in range(1, steps + 1):
            t = k / steps
            if len(part) == 1:
                found.append(tuple(a + (b - a) * t for a, b in zip(at, part[0])))
            else:
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                found.append(tuple(sum(w * p[i] for w, p in zip(weights, (at, *part))) for i in (0, 1)))
        at = part[-1]
    return found


def meet(a, b, margin=0.0):
    apart = a.x + a.width <= b.x + margin or b.x + b.width <= a.x + margin
    return not (apart or a.y + a.height <= b.y + margin or b.y + b.height <= a.y + margin)


def holds(area, point, inset):
    x, y = point
    return area.x + inset < x < area.x + area.width - inset and area.y + inset < y < area.y + area.height - inset


def within(inner, outer, by=0.0):
    right, bottom = outer.x + outer.width + by, outer.y + outer.height + by
    beyond = inner.x + inner.width > right or inner.y + inner.height > bottom
    return outer.x - by <= inner.x and outer.y - by <= inner.y and not beyond
