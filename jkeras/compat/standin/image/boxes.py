"""`tf.image` with boxes: which of many to keep, how they are drawn, and windows of an image that show enough of them.

A box is `(y of the top, x of the left, y of the bottom, x of the right)`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.image.random_changes import key_of_draw, stateless_key

__all__ = [
    "combined_non_max_suppression",
    "draw_bounding_boxes",
    "non_max_suppression",
    "sample_distorted_bounding_box",
    "stateless_sample_distorted_bounding_box",
]

_COLORS = (
    (1, 1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0), (0.5, 0, 0.5), (0.5, 0.5, 0), (0.5, 0, 0), (0, 0, 0.5), (0, 1, 1), (1, 0, 1),
)  # fmt: skip


class CombinedNonMaxSuppression(NamedTuple):
    """What `combined_non_max_suppression` gives.

    Attributes:
        nmsed_boxes: `(batch, n, 4)`.
        nmsed_scores: `(batch, n)`.
        nmsed_classes: `(batch, n)`, as floats.
        valid_detections: how many of the n there are, `(batch,)`; the others are 0.
    """

    nmsed_boxes: Any
    nmsed_scores: Any
    nmsed_classes: Any
    valid_detections: Any


def non_max_suppression(
    boxes: Tree,
    scores: Tree,
    max_output_size: int,
    iou_threshold: float = 0.5,
    score_threshold: float = -math.inf,
    name: object = None,
) -> Any:
    """The indices of the boxes to keep, the best first: each takes the place of those that cover much of it.

    How many there are follows from values, so compiled code cannot ask.

    Args:
        boxes: `(n, 4)`.
        scores: `(n,)`.
        max_output_size: how many to keep at most.
        iou_threshold: boxes go whose intersection with a better one, divided by the union, is above it.
        score_threshold: boxes go whose score is not above it.
        name: has no effect, here and below.

    Example:
        >>> boxes = [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]]
        >>> non_max_suppression(boxes, [0.8, 0.9, 0.5], 3).tolist()
        [1, 2]
    """
    boxes, scores = jnp.asarray(boxes, jnp.float32), jnp.asarray(scores, jnp.float32)
    if boxes.ndim != 2 or boxes.shape[-1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(f"Boxes have the shape (n, 4), scores (n,). Received {describe(boxes)} and {describe(scores)}.")
    chosen, there = _greedy(boxes, scores, int(max_output_size), iou_threshold, score_threshold)
    return chosen[: int(there.sum())]


def combined_non_max_suppression(
    boxes: Tree,
    scores: Tree,
    max_output_size_per_class: int,
    max_total_size: int,
    iou_threshold: float = 0.5,
    score_threshold: float = -math.inf,
    pad_per_class: bool = False,
    clip_boxes: bool = True,
    name: object = None,
) -> CombinedNonMaxSuppression:
    """`non_max_suppression` for each class of each image; the best of all classes are kept, padded with 0.

    Args:
        boxes: `(batch, n, classes, 4)`, or with 1 in place of the classes if all share them.
        scores: `(batch, n, classes)`.
        max_output_size_per_class: how many to keep of a class.
        max_total_size: how many to keep of an image, and the size of the result.
        iou_threshold, score_threshold: as in `non_max_suppression`.
        pad_per_class: whether the result is not larger than all classes together can be.
        clip_boxes: whether boxes end at 0 and 1.
    """
    boxes, scores = jnp.asarray(boxes, jnp.float32), jnp.asarray(scores, jnp.float32)
    if boxes.ndim != 4 or scores.ndim != 3 or boxes.shape[2] not in (1, scores.shape[2]):
        raise ValueError(
            f"Boxes have the shape (batch, n, 1 or classes, 4), scores (batch, n, classes). Received {describe(boxes)} and "
            f"{describe(scores)}."
        )
    classes, each = scores.shape[2], int(max_output_size_per_class)
    total = min(int(max_total_size), classes * each) if pad_per_class else int(max_total_size)

    def of_image(boxes: Any, scores: Any) -> CombinedNonMaxSuppression:
        by_class = jnp.broadcast_to(boxes, (boxes.shape[0], classes, 4)).swapaxes(0, 1)
        chosen, there = jax.vmap(lambda b, s: _greedy(b, s, each, iou_threshold, score_threshold))(by_class, scores.T)
        found = jnp.where(there, jnp.take_along_axis(scores.T, chosen, 1), -jnp.inf).ravel()
        best = jnp.argsort(-found, stable=True)[:total]
        kept = jnp.take_along_axis(by_class, chosen[..., None], 1).reshape(-1, 4)[best]
        valid = there.ravel()[best]
        kept = jnp.clip(kept, 0, 1) if clip_boxes else kept
        parts = (kept, found[best], (best // chosen.shape[1]).astype(jnp.float32))
        kept, points, numbers = (_padded(jnp.where(valid.reshape(-1, *(1,) * (part.ndim - 1)), part, 0), total) for part in parts)
        return CombinedNonMaxSuppression(kept, points, numbers, valid.sum().astype(jnp.int32))

    return jax.vmap(of_image)(boxes, scores)


@functools.partial(jax.jit, static_argnums=2)
def _greedy(boxes: Array, scores: Array, count: int, iou: Any, least: Any) -> tuple[Array, Array]:
    """The indices of the boxes to keep, and which of them there are."""
    if not len(scores):
        return jnp.zeros(0, int), jnp.zeros(0, bool)
    low, high = jnp.minimum(boxes[:, :2], boxes[:, 2:]), jnp.maximum(boxes[:, :2], boxes[:, 2:])
    areas = jnp.prod(high - low, -1)

    def step(live: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        best = jnp.argmax(live)
        common = jnp.prod(jnp.maximum(jnp.minimum(high, high[best]) - jnp.maximum(low, low[best]), 0), -1)
        whole = areas + areas[best] - common
        covers = jnp.where((areas > 0) & (areas[best] > 0), common / whole, 0) > iou
        gone = covers | (jnp.arange(len(live)) == best)
        return jnp.where(gone, -jnp.inf, live), (best, live[best] > -jnp.inf)

    live = jnp.where(scores > least, scores, -jnp.inf)
    _, found = jax.lax.scan(step, live, length=min(count, len(scores)))
    return found


def _padded(array: Array, size: int) -> Array:
    return jnp.pad(array, [(0, size - len(array)), *[(0, 0)] * (array.ndim - 1)])


def draw_bounding_boxes(images: Tree, boxes: Tree, colors: Tree = None, name: object = None) -> Any:
    """Images with the outlines of boxes, one pixel wide.

    Args:
        images: floats `(batch, height, width, channels)`, with 1, 3 or 4 channels.
        boxes: `(batch, n, 4)`, from 0 to 1.
        colors: `(m, channels)`, in turn; None for ten of TensorFlow's, and for grey images 1.
    """
    images, boxes = jnp.asarray(images), jnp.asarray(boxes, jnp.float32)
    if images.ndim != 4 or boxes.ndim != 3 or boxes.shape[-1] != 4:
        raise ValueError(
            f"Images have the shape (batch, height, width, channels), boxes (batch, n, 4). Received {describe(images)} and "
            f"{describe(boxes)}."
        )
    height, width, channels = images.shape[1:]
    table = jnp.asarray(_COLORS if colors is None else colors, jnp.float32)
    if colors is None:
        table = jnp.ones((1, 1)) if channels == 1 else jnp.concatenate([table, jnp.ones((len(table), 1))], 1)
    table = table[:, :channels].astype(images.dtype)
    scale = jnp.array([height - 1, width - 1] * 2, jnp.float32)
    top, left, bottom, right = jnp.moveaxis((boxes * scale).astype(jnp.int32), -1, 0)[..., None, None]
    y, x = jnp.arange(height)[:, None], jnp.arange(width)
    inside = (y >= top) & (y <= bottom) & (x >= left) & (x <= right)
    edges = inside & ((y == top) | (y == bottom) | (x == left) | (x == right))
    for number in range(boxes.shape[1]):
        images = jnp.where(edges[:, number, :, :, None], table[number % len(table)], images)
    return images


class Window(NamedTuple):
    """A window of an image.

    Attributes:
        begin: `(top, left, 0)`, for `tf.slice`.
        size: `(height, width, -1)`.
        bboxes: the window as a box from 0 to 1, `(1, 1, 4)`, for `draw_bounding_boxes`.
    """

    begin: Any
    size: Any
    bboxes: Any


def sample_distorted_bounding_box(
    image_size: Tree,
    bounding_boxes: Tree = None,
    seed: int | None = 0,
    min_object_covered: float = 0.1,
    aspect_ratio_range: Sequence[float] | None = None,
    area_range: Sequence[float] | None = None,
    max_attempts: int | None = None,
    use_image_if_no_bounding_boxes: bool | None = None,
    name: object = None,
) -> Window:
    """A random window of an image, of which `tf.slice(image, begin, size)` is the content.

    Its size is a random value, so compiled code cannot ask for one; `dataset.map` runs such a function element by element.

    Args:
        image_size: `(height, width, channels)`.
        bounding_boxes: `(..., n, 4)`, from 0 to 1; one that covers all stands for "anywhere".
        seed: None and 0 for the global stream.
        min_object_covered: the share of at least one box that the window shows.
        aspect_ratio_range: of width to height, from and to; by default 0.75 and 1.33.
        area_range: of the window, as a share of the image; by default 0.05 and 1.
        max_attempts: after so many the window is the image; by default 100.
        use_image_if_no_bounding_boxes: whether no boxes mean the whole image rather than an error.

    Raises:
        ValueError: no boxes.
    """
    ranges, whole = (aspect_ratio_range, area_range), use_image_if_no_bounding_boxes
    return _window(key_of_draw(seed or None), image_size, bounding_boxes, min_object_covered, ranges, max_attempts, whole)


def stateless_sample_distorted_bounding_box(
    image_size: Tree,
    bounding_boxes: Tree,
    seed: Tree,
    min_object_covered: float = 0.1,
    aspect_ratio_range: Sequence[float] | None = None,
    area_range: Sequence[float] | None = None,
    max_attempts: int | None = None,
    use_image_if_no_bounding_boxes: bool | None = None,
    name: object = None,
) -> Window:
    """`sample_distorted_bounding_box` with draws from a pair of integers alone."""
    ranges, whole = (aspect_ratio_range, area_range), use_image_if_no_bounding_boxes
    return _window(stateless_key(seed), image_size, bounding_boxes, min_object_covered, ranges, max_attempts, whole)


def _window(
    key: Array,
    image_size: Tree,
    boxes: Tree,
    least: Any,
    ranges: tuple[Sequence[float] | None, Sequence[float] | None],
    attempts: int | None,
    whole_without: bool | None,
) -> Window:
    height, width = (int(n) for n in np.asarray(image_size)[:2])
    boxes = np.zeros((0, 4)) if boxes is None else np.reshape(np.asarray(boxes, float), (-1, 4))
    if not len(boxes) and not whole_without:
        raise ValueError("No bounding boxes. Give one, or write use_image_if_no_bounding_boxes=True.")
    draws = np.random.default_rng(np.asarray(jax.random.bits(key, (4,))).tolist())
    boxes = boxes * [height, width, height, width] if len(boxes) else np.array([[0, 0, height, width]], float)
    aspects, areas = ranges[0] or (0.75, 1.33), ranges[1] or (0.05, 1.0)
    found = (_attempt(draws, height, width, aspects, areas) for _ in range(100 if attempts is None else int(attempts)))
    top, left, tall, wide = next(
        (one for one in found if one and _shows(one, boxes, float(np.asarray(least)))), (0, 0, height, width)
    )
    ends = np.array([top / height, left / width, (top + tall) / height, (left + wide) / width], np.float32)
    return Window(np.array([top, left, 0], np.int32), np.array([tall, wide, -1], np.int32), ends[None, None])


def _attempt(
    draws: np.random.Generator, height: int, width: int, aspects: Sequence[float], areas: Sequence[float]
) -> tuple[int, int, int, int] | None:
    """A window whose aspect ratio and height are drawn; None if there is none with this ratio."""
    aspect = float(draws.uniform(aspects[0], aspects[1]))
    smallest, largest = (math.sqrt(share * height * width / aspect) for share in areas)
    largest = min(largest, height, width / aspect)
    if smallest > largest:
        return None
    tall = round(draws.uniform(smallest, largest))
    wide = round(tall * aspect)
    if not (0 < tall <= height and 0 < wide <= width):
        return None
    return int(draws.integers(height - tall + 1)), int(draws.integers(width - wide + 1)), tall, wide


def _shows(window: tuple[int, int, int, int], boxes: np.ndarray, least: float) -> bool:
    top, left, tall, wide = window
    seen = np.minimum(boxes[:, 2:], [top + tall, left + wide]) - np.maximum(boxes[:, :2], [top, left])
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], -1)
    return bool(np.any((areas > 0) & (np.prod(np.maximum(seen, 0), -1) >= least * areas)))
