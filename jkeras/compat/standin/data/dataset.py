"""`tf.data.Dataset`: the methods of scripts, each of which puts a node on top of another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.compat.standin.data.batching import Batch, GroupByWindow, PaddedBatch, Unbatch, Window
from jkeras.compat.standin.data.combining import Choose, Concatenate, Interleave, Zip
from jkeras.compat.standin.data.function import RowFunction
from jkeras.compat.standin.data.mapping import Filter, IgnoreErrors, Map, Scan, TakeWhile, reduced
from jkeras.compat.standin.data.node import INFINITE, UNKNOWN, Node, Run
from jkeras.compat.standin.data.options import Options
from jkeras.compat.standin.data.ordering import Cache, Counted, Repeat, Shard, Shuffle, Skip, Take, Unique
from jkeras.compat.standin.data.source import source_of
from jkeras.compat.standin.data.sources import Generated, Numbers, RandomNumbers, Rows, checked_signature, signature_of
from jkeras.compat.standin.data.structure import as_element, as_number, as_tensor, mapped
from jkeras.compat.standin.data.windows import batched_windows
from jkeras.compat.standin.files import matching_files
from jkeras.compat.standin.tensor_spec import TensorSpec
from jkeras.data.batch_reader import BatchReader
from jkeras.data.source import Source
from jkeras.state.random import stream_position

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset"]

AUTOTUNE = -1
INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = INFINITE, UNKNOWN
_AHEAD = 64  # elements made at once where nobody can tell
_CYCLE = 16  # datasets that `interleave` keeps open by default


class _Passes:
    """How many passes there were over the datasets of one source."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> int:
        """The number of a new pass."""
        self.count += 1
        return self.count - 1


class _ElementIterator:
    """The elements of one pass, as tensors.

    Args:
        dataset: of the elements.
    """

    def __init__(self, dataset: Dataset):
        self._dataset = dataset
        self._items = dataset._tensors()

    @property
    def element_spec(self) -> Tree:
        """The specs of an element."""
        return self._dataset.element_spec

    def __iter__(self) -> _ElementIterator:
        return self

    def __next__(self) -> Tree:
        return next(self._items)

    def get_next(self) -> Tree:
        """The next element.

        Raises:
            StopIteration: there is none.
        """
        return next(self._items)


class Dataset:
    """A stream of elements: tensors, or tuples and dicts of them.

    Nothing is computed before the dataset is read, and each pass computes it again. A pass is a function of the seeds: of
    `shuffle(seed=...)`, else of `tf.random.set_seed` (in `fit`, of the training run), and of how many passes there were.

    Example:
        >>> data = Dataset.from_tensor_slices(([1, 2, 3], [0, 1, 0])).map(lambda x, y: (10 * x, y)).batch(2)
        >>> [x.tolist() for x, y in data]
        [[10, 20], [30]]
        >>> data.element_spec
        (TensorSpec(shape=(None,), dtype=tf.int32, name=None), TensorSpec(shape=(None,), dtype=tf.int32, name=None))
    """

    def __init__(self, node: Node, passes: _Passes | None = None, options: Options | None = None):
        self._node = node
        self._passes = passes or _Passes()
        self._options = options or Options()

    def _with(self, node: Node) -> Dataset:
        return Dataset(node, self._passes, self._options)

    # sources ----------------------------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Tree, name: object = None) -> Dataset:
        """The rows of arrays; lists are arrays, tuples and dicts hold components. `name`, here and below, is for graphs."""
        return Dataset(Rows.of(tensors))

    @staticmethod
    def from_tensors(tensors: Tree, name: object = None) -> Dataset:
        """One element."""
        return Dataset(Rows(jax.tree.map(lambda a: a[None], as_element(tensors)), 1))

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[object]],
        output_types: Tree = None,
        output_shapes: Tree = None,
        args: Sequence[Tree] | None = None,
        output_signature: Tree = None,
        name: object = None,
    ) -> Dataset:
        """What a function yields.

        Args:
            generator: a function, called for each pass; returns an iterable of elements.
            output_types, output_shapes: the dtypes and shapes of an element.
            args: arguments of the function.
            output_signature: the same as `tf.TensorSpec` objects.
        """
        if not callable(generator):
            raise TypeError(f"from_generator takes a function that returns an iterable. Received: {describe(generator)}.")
        signature = None
        if output_signature is not None:
            signature = checked_signature(output_signature)
        elif output_types is not None:
            signature = signature_of(output_types, output_shapes)
        return Dataset(Generated(generator, tuple(args or ()), signature))

    @staticmethod
    def range(*args: int, output_type: DTypeLike = "int64", name: object = None) -> Dataset:
        """The numbers of Python's `range(*args)`.

        Example:
            >>> list(Dataset.range(2, 8, 3).as_numpy_iterator())
            [np.int32(2), np.int32(5)]
        """
        numbers = range(*(int(n) for n in args))
        dtype = TensorSpec((), output_type).dtype
        return Dataset(Numbers(numbers.start, numbers.step, len(numbers), dtype))

    @staticmethod
    def counter(start: int = 0, step: int = 1, dtype: DTypeLike = "int64", name: object = None) -> Dataset:
        """Numbers without end."""
        return Dataset(Numbers(start, step, INFINITE, TensorSpec((), dtype).dtype))

    @staticmethod
    def random(seed: int | None = None, rerandomize_each_iteration: bool | None = None, name: object = None) -> Dataset:
        """Random integers without end, from 0 up to 2**31 - 1; with a seed, by default the same in each pass."""
        renew = seed is None if rerandomize_each_iteration is None else rerandomize_each_iteration
        return Dataset(RandomNumbers(seed, bool(renew)))

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: int | None = None, name: object = None) -> Dataset:
        """The paths that match a pattern, or several.

        Args:
            file_pattern: such as `"images/*/*.png"`.
            shuffle: whether each pass has its own order, as by default; else they are sorted.
            seed: of the orders.
        """
        paths = matching_files(file_pattern)
        if not len(paths):
            raise FileNotFoundError(f"No files match {file_pattern!r}. The current folder is {os.getcwd()}.")
        dataset = Dataset(Rows.of(paths))
        return dataset if shuffle is False else dataset.shuffle(len(paths), seed)

    @staticmethod
    def zip(*args: Tree, datasets: Tree = None, name: object = None) -> Dataset:
        """Elements of several datasets side by side, until the first one ends.

        Args:
            args: datasets, or one tuple or dict of datasets.
            datasets: the same as one tuple or dict.
        """
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else args
        structure = tuple(structure) if isinstance(structure, list) else structure
        return Dataset(Zip(mapped(structure, _node_of)))

    @staticmethod
    def sample_from_datasets(
        datasets: Sequence[Dataset],
        weights: Any = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> Dataset:
        """Elements of datasets that are drawn at random.

        Args:
            datasets: the datasets.
            weights: how often each is drawn; by default equally.
            seed: of the draws.
            stop_on_empty_dataset: whether to stop where a drawn dataset has ended, instead of leaving it out.
            rerandomize_each_iteration: whether each pass draws anew, as by default.
        """
        shares = np.ones(len(datasets)) if weights is None else np.asarray(weights, float)
        if shares.shape != (len(datasets),) or (shares < 0).any() or not shares.sum():
            raise ValueError(f"sample_from_datasets takes a weight for each of {len(datasets)} datasets. Received: {weights!r}.")
        streams = tuple(_node_of(dataset) for dataset in datasets)
        renew = rerandomize_each_iteration is not False
        return Dataset(Choose(None, streams, tuple((shares / shares.sum()).tolist()), seed, renew, stop_on_empty_dataset))

    @staticmethod
    def choose_from_datasets(datasets: Sequence[Dataset], choice_dataset: Dataset, stop_on_empty_dataset: bool = True) -> Dataset:
        """Elements of datasets whose numbers another dataset says."""
        streams = tuple(_node_of(dataset) for dataset in datasets)
        return Dataset(Choose(_node_of(choice_dataset), streams, (), None, False, stop_on_empty_dataset))

    # a function of each element ---------------------------------------------------------------------------------------

    def map(
        self,
        map_func: Callable[..., Tree],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        synchronous: object = None,
        use_unbounded_threadpool: object = None,
        name: object = None,
    ) -> Dataset:
        """A function of each element.

        Where JAX can trace the function, it runs over many elements as one compiled call; else (strings, `py_function`,
        `.numpy()`, an `if` on values) it runs element by element and gives the same. Random draws differ for each element and
        each pass.

        Args:
            map_func: the components of a tuple become its arguments. It is called once per shape where it can be traced.
            num_parallel_calls: how many elements to compute at once where it cannot, in threads; AUTOTUNE: one per core.
            deterministic: has no effect; the order is always kept.
        """
        return self._with(Map(self._node, RowFunction(map_func, _workers(num_parallel_calls))))

    def filter(self, predicate: Callable[..., Tree], name: object = None) -> Dataset:
        """The elements for which a function is true.

        Example:
            >>> [int(x) for x in Dataset.range(6).filter(lambda x: x % 2 == 0)]
            [0, 2, 4]
        """
        return self._with(Filter(self._node, RowFunction(predicate)))

    def take_while(self, predicate: Callable[..., Tree], name: object = None) -> Dataset:
        """The elements before the first for which a function is false."""
        return self._with(TakeWhile(self._node, RowFunction(predicate)))

    def scan(self, initial_state: Tree, scan_func: Callable[[Tree, Tree], Tree], name: object = None) -> Dataset:
        """The outputs of `state, output = scan_func(state, element)`."""
        return self._with(Scan(self._node, initial_state, scan_func))

    def reduce(self, initial_state: Tree, reduce_func: Callable[[Tree, Tree], Tree], name: object = None) -> Tree:
        """The state after `state = reduce_func(state, element)` for each element.

        Example:
            >>> int(Dataset.range(5).reduce(0, lambda total, x: total + x))
            10
        """
        return reduced(self._elements(), initial_state, reduce_func)

    def flat_map(self, map_func: Callable[..., Dataset], name: object = None) -> Dataset:
        """The elements of the datasets that a function makes of elements, one dataset after the other."""
        windows = batched_windows(self._node, map_func)
        return self._with(windows or Interleave(self._node, RowFunction(map_func), 1, 1))

    def interleave(
        self,
        map_func: Callable[..., Dataset],
        cycle_length: int | None = None,
        block_length: int | None = None,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: object = None,
    ) -> Dataset:
        """The same with several datasets open at a time.

        Args:
            map_func: makes a dataset of an element.
            cycle_length: how many are open, by default 16.
            block_length: consecutive elements of one of them, by default 1.
            num_parallel_calls, deterministic: have no effect; the order is always kept.
        """
        cycle = _CYCLE if cycle_length in (None, AUTOTUNE) else int(cycle_length or 1)
        return self._with(Interleave(self._node, RowFunction(map_func), cycle, int(block_length or 1)))

    def ignore_errors(self, log_warning: bool = False, name: object = None) -> Dataset:
        """The dataset without the elements for which the function of the `map` before raised an error."""
        return self._with(IgnoreErrors(self._node, log_warning))

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """A function of the dataset."""
        return transformation_func(self)

    # order and choice -------------------------------------------------------------------------------------------------

    def shuffle(
        self,
        buffer_size: int | None,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: object = None,
    ) -> Dataset:
        """The elements in a random order.

        A buffer holds `buffer_size` elements, and a random one of them comes next. With room for all elements, the order is a
        random permutation. The orders are not those of TensorFlow for the same seed.

        Args:
            buffer_size: elements in the buffer; None for all.
            seed: of the order; by default that of the run.
            reshuffle_each_iteration: whether each pass has its own order, as by default.
        """
        size = 2**62 if buffer_size is None else int(buffer_size)
        if size < 1:
            raise ValueError(f"shuffle(buffer_size) must be 1 or more. Received: {buffer_size!r}.")
        renew = reshuffle_each_iteration is not False
        if seed is None and not renew:  # one order, whoever reads it: `take` and `skip` of it must not overlap
            seed = stream_position()[0]
        return self._with(Shuffle(self._node, size, None if seed is None else int(seed), renew))

    def repeat(self, count: int | None = None, name: object = None) -> Dataset:
        """The dataset several times; without a count, without end. Each time shuffles and draws anew."""
        return self._with(Repeat(self._node, INFINITE if count is None or int(count) < 0 else int(count)))

    def take(self, count: int, name: object = None) -> Dataset:
        """The first elements."""
        return self._with(Take(self._node, int(count)))

    def skip(self, count: int, name: object = None) -> Dataset:
        """All but the first elements."""
        return self._with(Skip(self._node, int(count)))

    def shard(self, num_shards: int, index: int, name: object = None) -> Dataset:
        """Every `num_shards`-th element, from number `index` on."""
        if not 0 <= int(index) < int(num_shards):
            raise ValueError(f"shard: index must be from 0 to num_shards - 1. Received: {num_shards=}, {index=}.")
        return self._with(Shard(self._node, int(num_shards), int(index)))

    def concatenate(self, dataset: Dataset, name: object = None) -> Dataset:
        """This dataset, then another one.

        Raises:
            TypeError: their elements differ in structure or dtypes.
        """
        node = _node_of(dataset)
        mine, other = (jax.tree.map(lambda leaf: str(leaf.dtype), n.spec) for n in (self._node, node))
        if mine != other:
            raise TypeError(f"concatenate takes a dataset of the same elements. Received {node.spec} behind {self._node.spec}.")
        return self._with(Concatenate(self._node, node))

    def enumerate(self, start: int = 0, name: object = None) -> Dataset:
        """Pairs of number and element."""
        numbers = Numbers(int(start), 1, INFINITE, TensorSpec((), "int64").dtype)
        return self._with(Zip((numbers, self._node)))

    def unique(self, name: object = None) -> Dataset:
        """Each element once, in the order of its first occurrence."""
        return self._with(Unique(self._node))

    def cache(self, filename: object = "", name: object = None) -> Dataset:
        """The elements of the first pass that comes to its end, kept in memory for later passes.

        Args:
            filename: must be omitted.
        """
        if filename not in ("", None):
            raise ValueError(
                f"cache(filename) writes files of TensorFlow. Received: {filename!r}. Write cache() to keep the elements in "
                "memory, or save them as arrays: np.savez(file, x=np.stack([x for x, y in dataset.as_numpy_iterator()]), ...)."
            )
        return self._with(Cache(self._node))

    def prefetch(self, buffer_size: int | None = None, name: object = None) -> Dataset:
        """The dataset itself: `fit` makes batches ahead, in a thread of its own."""
        return self._with(self._node)

    # batches ----------------------------------------------------------------------------------------------------------

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: object = None,
    ) -> Dataset:
        """Consecutive elements, stacked.

        Args:
            batch_size: elements of a batch.
            drop_remainder: whether to leave out a last batch of fewer.
            num_parallel_calls, deterministic: have no effect.
        """
        return self._with(Batch(self._node, _size("batch", batch_size), bool(drop_remainder)))

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Tree = None,
        padding_values: Tree = None,
        drop_remainder: bool = False,
        name: object = None,
    ) -> Dataset:
        """Consecutive elements, padded at the ends of their axes to one shape and stacked.

        Args:
            batch_size: elements of a batch.
            padded_shapes: per component a shape, None (or -1) for an axis as long as the longest; by default all axes.
            padding_values: per component, by default 0 or the empty string.
            drop_remainder: whether to leave out a last batch of fewer.

        Example:
            >>> data = Dataset.range(1, 4).map(lambda n: np.full(int(n), 7))
            >>> [x.tolist() for x in data.padded_batch(2)]
            [[[7, 0], [7, 7]], [[7, 7, 7]]]
        """
        size = _size("padded_batch", batch_size)
        return self._with(PaddedBatch(self._node, size, bool(drop_remainder), padded_shapes, padding_values))

    def unbatch(self, name: object = None) -> Dataset:
        """The rows of each element."""
        return self._with(Unbatch(self._node))

    def rebatch(self, batch_size: int, drop_remainder: bool = False, name: object = None) -> Dataset:
        """Batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(
        self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False, name: object = None
    ) -> Dataset:
        """Windows of consecutive elements, each a dataset; of a tuple or dict, a dataset for each component.

        Args:
            size: elements of a window.
            shift: from the begin of a window to that of the next; by default the size.
            stride: from an element of a window to its next.
            drop_remainder: whether to leave out windows of fewer elements.

        Example:
            >>> windows = Dataset.range(5).window(3, shift=1, drop_remainder=True)
            >>> [x.tolist() for x in windows.flat_map(lambda window: window.batch(3))]
            [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        """
        size = _size("window", size)
        return self._with(Window(self._node, size, int(shift or size), int(stride), bool(drop_remainder), Dataset))

    def group_by_window(
        self,
        key_func: Callable[..., Tree],
        reduce_func: Callable[[Tree, Dataset], Dataset],
        window_size: int | None = None,
        window_size_func: Callable[[Tree], Tree] | None = None,
        name: object = None,
    ) -> Dataset:
        """Elements grouped by a key; a function makes a dataset of each full group, and at the end of what is left.

        Args:
            key_func: an integer for an element.
            reduce_func: of a key and a dataset; returns a dataset.
            window_size: how many elements make a group.
            window_size_func: the same as a function of the key.
        """
        if (window_size is None) == (window_size_func is None):
            raise ValueError("group_by_window takes either window_size or window_size_func.")
        size = window_size_func or (lambda key: window_size)
        return self._with(GroupByWindow(self._node, key_func, reduce_func, size, Dataset))

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Tree],
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Tree = None,
        padding_values: Tree = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: object = None,
    ) -> Dataset:
        """Padded batches of elements of similar lengths.

        Args:
            element_length_func: the length of an element.
            bucket_boundaries: bucket `i` holds lengths from boundary `i - 1` up to, not including, boundary `i`.
            bucket_batch_sizes: elements of a batch of each bucket, one more than boundaries.
            padded_shapes, padding_values, drop_remainder: as for `padded_batch`.
            pad_to_bucket_boundary: whether to pad open axes to the boundary of the bucket less 1.
            no_padding: whether the elements of a bucket have one shape already.
        """
        bounds, sizes = [int(n) for n in bucket_boundaries], [int(n) for n in bucket_batch_sizes]
        if len(sizes) != len(bounds) + 1:
            raise ValueError(f"There is one bucket more than boundaries. Received {len(bounds)} and {len(sizes)} batch sizes.")

        def bucket(*element: Tree) -> int:
            return int(np.searchsorted(bounds, int(element_length_func(*element)), side="right"))

        def batched(key: Tree, group: Dataset) -> Dataset:
            size = sizes[int(key)]
            if no_padding:
                return group.batch(size, drop_remainder)
            shapes = padded_shapes
            if pad_to_bucket_boundary:
                if int(key) == len(bounds):
                    raise ValueError(f"An element is longer than all bucket_boundaries={bounds}: there is none to pad to.")
                shapes = _closed(group.element_spec if shapes is None else shapes, bounds[int(key)] - 1)
            return group.padded_batch(size, shapes, padding_values, drop_remainder)

        return self.group_by_window(bucket, batched, window_size_func=lambda key: sizes[int(key)])

    # reading ----------------------------------------------------------------------------------------------------------

    def _run(self) -> Run:
        number = self._passes.next()
        return Run(stream_position()[0], (number,))

    def _elements(self) -> Iterator[Tree]:
        return self._node.elements(self._run(), _AHEAD if self._node.ahead else 1)

    def _tensors(self) -> Iterator[Tree]:
        return (jax.tree.map(as_tensor, element) for element in self._elements())

    def __iter__(self) -> _ElementIterator:
        return _ElementIterator(self)

    def as_numpy_iterator(self) -> Iterator[Tree]:
        """The elements as NumPy arrays and numbers; strings are `bytes`."""
        return (jax.tree.map(as_number, element) for element in self._elements())

    def get_single_element(self, name: object = None) -> Tree:
        """The only element.

        Raises:
            ValueError: there is none, or more than one.
        """
        found = [element for element, _ in zip(self._tensors(), range(2))]
        if len(found) != 1:
            raise ValueError(f"get_single_element needs exactly one element; this dataset has {'more' if found else 'none'}.")
        return found[0]

    def cardinality(self, name: object = None) -> Array:
        """The number of elements, `INFINITE_CARDINALITY` (-1) or `UNKNOWN_CARDINALITY` (-2)."""
        return jnp.asarray(self._node.cardinality, jnp.int32)

    def __len__(self) -> int:
        count = self._node.cardinality
        if count < 0:
            kind = "never ends" if count == INFINITE else "does not know its length before it is read"
            raise TypeError(f"The dataset {kind}. Write dataset.cardinality(), or dataset.take(n).")
        return count

    def __bool__(self) -> bool:
        return True

    @property
    def element_spec(self) -> Tree:
        """`tf.TensorSpec` of each component; None for an axis that may have other sizes.

        After a function that runs element by element the shapes are those of the first element.
        """
        return self._node.spec

    def assert_cardinality(self, cardinality: int) -> Dataset:
        """The dataset, with a length that it may not know itself."""
        return self._with(Counted(self._node, int(cardinality)))

    def with_options(self, options: Options, name: object = None) -> Dataset:
        """The dataset with options, which have no effect: see `Options`."""
        return Dataset(self._node, self._passes, self._options.merge(options))

    def options(self) -> Options:
        """The options that were set."""
        return self._options

    def __repr__(self) -> str:
        return f"<{type(self._node).__name__}Dataset element_spec={self.element_spec}>"

    # jkeras -----------------------------------------------------------------------------------------------------------

    def __jkeras_node__(self) -> Node:
        return self._node

    def __jkeras_source__(self, steps: int | None, read: BatchReader) -> Source:
        """What `fit`, `evaluate` and `predict` read."""
        return source_of(self._node, steps, read, self._passes.next())


def _node_of(dataset: object) -> Node:
    if not isinstance(dataset, Dataset):
        raise TypeError(f"Expected a tf.data.Dataset. Received: {describe(dataset)}.")
    return dataset._node


def _size(method: str, size: Any) -> int:
    if int(size) < 1:
        raise ValueError(f"{method}: the size must be 1 or more. Received: {size!r}.")
    return int(size)


def _workers(parallel: int | None) -> int:
    count = 1 if parallel is None else int(parallel)
    return (os.cpu_count() or 1) if count < 1 else count


def _closed(shapes: Tree, size: int) -> Tree:
    """Shapes with a size in place of each open axis."""
    if isinstance(shapes, TensorSpec):
        return tuple(size if axis is None or i == 0 else axis for i, axis in enumerate(shapes.shape or ()))
    if isinstance(shapes, dict):
        return {key: _closed(part, size) for key, part in shapes.items()}
    if isinstance(shapes, (tuple, list)) and all(n is None or isinstance(n, int) for n in shapes):
        return tuple(size if n in (None, -1) else n for n in shapes)
    return tuple(_closed(part, size) for part in shapes)
