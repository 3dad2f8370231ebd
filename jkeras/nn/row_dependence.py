"""Whether each row of a program's results depends on its own row of the inputs alone.

A batch may be padded only if no real row can tell. `rows_apart` proves that, or does not: it
follows the axis of rows through a traced program, operation by operation. A value is one of three:

| value             | its entries depend on                                                                     |
|-------------------|-------------------------------------------------------------------------------------------|
| `FREE`            | no row: weights, constants, positions                                                     |
| `Rows(axis, ...)` | one row each; the rows lie along an axis, which a reshape may have merged with its neighbours |
| `MIXED`           | several rows, or it is not known                                                          |

Each operation has a rule that says what its result is. One without a rule makes `MIXED` of anything but `FREE`, so an operation
that is new to JAX costs speed and never a number.

The number of rows may count too: `x / x.shape[0]`, a table as long as the batch. Such a program differs from one number of rows
to the next. So it may be compared with its *twin*, which was traced for one row more: a number that differs between the two is
`MIXED`, and an array that is made as long as the batch has rows itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import numpy as np

from jkeras._base.types import ArrayLike
from jkeras.nn.traced import programs

if TYPE_CHECKING:  # jax.extend loads Pallas, which `import jkeras` does not wait for
    from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Primitive

FREE, MIXED = "free", "mixed"


class Rows(NamedTuple):
    """Where the rows of a value lie: along an axis of size `outer * rows * inner`.

    Attributes:
        axis: of the value.
        outer, inner: sizes of what was merged with the rows, before and behind them.
    """

    axis: int
    outer: int = 1
    inner: int = 1


Kind: TypeAlias = str | Rows


class Twins(NamedTuple):
    """A program, and the same one traced for one row more.

    Attributes:
        program: a closed jaxpr.
        twin: the other; None where the program is known to make nothing of the number of rows.
    """

    program: ClosedJaxpr | _Closed
    twin: ClosedJaxpr | _Closed | None = None


class Equation(NamedTuple):
    """An operation of a program, and the same one of its twin."""

    primitive: Primitive
    params: Mapping[str, Any]
    invars: Sequence[Any]
    outvars: Sequence[Any]
    twin: JaxprEqn | None


Rule: TypeAlias = Callable[[Equation, list[Kind], int], list[Kind] | Kind]
_RULES: dict[str, Rule] = {}


def rows_apart(
    program: ClosedJaxpr, is_row: Sequence[bool], rows: int, outputs: int | None = None, twin: ClosedJaxpr | None = None
) -> bool:
    """Whether no row of a program's results depends on another one.

    Args:
        program: a closed jaxpr, as `jax.make_jaxpr` gives it.
        is_row: for each input, whether its first axis are the rows.
        rows: how many there are, 2 or more.
        outputs: how many results, from the first, must have the rows along their first axis. The others are kept, and must be
            of no row: a state for each row would be one of added rows too. Default all.
        twin: the program for one row more. Without it the results may depend on how many rows there are.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> x = jnp.ones((4, 3))
        >>> [rows_apart(jax.make_jaxpr(f)(x), [True], 4) for f in (jnp.sin, lambda x: x - x.mean(axis=0))]
        [True, False]
        >>> divide = lambda x: x / x.shape[0]
        >>> rows_apart(jax.make_jaxpr(divide)(x), [True], 4, twin=jax.make_jaxpr(divide)(jnp.ones((5, 3))))
        False
    """
    if program.effects:  # they see the rows
        return False
    kinds = _follow(Twins(program, twin), [Rows(0) if row else FREE for row in is_row], rows)
    shapes = [out.aval.shape for out in program.jaxpr.outvars[:outputs]]
    apart = all(kind in (FREE, Rows(0)) for kind in kinds[:outputs]) and all(shape[:1] == (rows,) for shape in shapes)
    return apart and all(kind == FREE for kind in (kinds[outputs:] if outputs is not None else ()))


def _programs(equation: Equation | JaxprEqn) -> list[ClosedJaxpr | _Closed]:
    """The programs in an equation's parameters, closed."""
    return [inner if hasattr(inner, "jaxpr") else _Closed(inner) for inner in programs(equation)]


class _Closed:
    """A program without constants, as a closed one."""

    consts: Sequence[ArrayLike] = ()

    def __init__(self, jaxpr: Jaxpr):
        self.jaxpr = jaxpr


def _follow(twins: Twins, kinds: Sequence[Kind], rows: int) -> list[Kind]:
    """What the results of a program are, for what its inputs are."""
    jaxpr, twin = twins.program.jaxpr, None if twins.twin is None else twins.twin.jaxpr
    if twin is not None and len(twin.eqns) != len(jaxpr.eqns):
        return [MIXED] * len(jaxpr.outvars)
    constants = _constants(twins)
    known: dict[object, Kind] = dict(zip(jaxpr.constvars, constants, strict=True))
    known.update(zip(jaxpr.invars, kinds, strict=True))

    def of(var: object) -> Kind:
        return FREE if hasattr(var, "val") else known[var]

    others = [None] * len(jaxpr.eqns) if twin is None else twin.eqns
    for plain, other in zip(jaxpr.eqns, others):
        equation = Equation(plain.primitive, plain.params, plain.invars, plain.outvars, other)
        given = [of(var) for var in equation.invars]
        free = all(kind == FREE for kind in given)
        rule = _RULES.get(equation.primitive.name)
        if other is not None and not _same_numbers(equation, other):
            result: list[Kind] | Kind = MIXED
        elif free and (other is None or equation.primitive.name not in _WITH_PROGRAMS):
            result = FREE
        elif MIXED in given or rule is None:
            result = MIXED
        else:
            result = rule(equation, given, rows)
        results = result if isinstance(result, list) else [result] * len(equation.outvars)
        if other is not None:
            results = [_as_twins(kind, a.aval, b.aval, rows) for kind, a, b in zip(results, plain.outvars, other.outvars)]
        known.update(zip(equation.outvars, results, strict=True))
    return [of(var) for var in jaxpr.outvars]


# twins ----------------------------------------------------------------------------------------------------------------

# Parameters that say how large a result is, which the result's shape says too.
_SIZES = frozenset({"shape", "new_sizes", "sizes", "limit_indices", "slice_sizes"})


def _constants(twins: Twins) -> list[Kind]:
    """What the constants of a program are."""
    count = len(twins.program.jaxpr.constvars)
    if twins.twin is None:
        return [FREE] * count
    if len(twins.twin.consts) != len(twins.program.consts):
        return [MIXED] * count
    return [FREE if _equal(a, b) else MIXED for a, b in zip(twins.program.consts, twins.twin.consts)]


def _equal(a: ArrayLike, b: ArrayLike) -> bool:
    if a is b:
        return True
    if np.shape(a) != np.shape(b):
        return False
    return bool(np.array_equal(np.asarray(_numbers(a)), np.asarray(_numbers(b)), equal_nan=True))


def _numbers(value: ArrayLike) -> ArrayLike:
    """A constant as an array of numbers."""
    is_key = hasattr(value, "dtype") and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(value) if is_key else value


def _same_numbers(a: Equation, b: JaxprEqn) -> bool:
    """Whether two operations are the same, with the same numbers in them."""
    if a.primitive is not b.primitive or len(a.invars) != len(b.invars) or a.params.keys() != b.params.keys():
        return False
    for x, y in zip(a.invars, b.invars):
        m, n = getattr(x, "val", None), getattr(y, "val", None)
        if (m is None) != (n is None) or (m is not None and n is not None and not _equal(m, n)):
            return False
    plain = [(a.params[name], b.params[name]) for name in a.params if name not in _SIZES and _is_plain(a.params[name])]
    return all(m == n or (m != m and n != n) for m, n in plain)  # a value for what is not there may be NaN


def _is_plain(value: object) -> bool:
    """Whether a parameter is made of numbers and names alone."""
    return all(map(_is_plain, value)) if isinstance(value, (tuple, list)) else isinstance(value, (int, float, str))


def _as_twins(kind: Kind, here: object, there: object, rows: int) -> Kind:
    """A value's kind, where the shapes of the value and of its twin have a say.

    Only the axis of the rows may have another size. Where a value of no row has one, it was made as long as the batch.
    """
    a, b = tuple(getattr(here, "shape", ())), tuple(getattr(there, "shape", ()))
    if kind == MIXED or len(a) != len(b):
        return MIXED
    differ = [axis for axis, (m, n) in enumerate(zip(a, b)) if m != n]
    if isinstance(kind, Rows):
        size = kind.outer * (rows + 1) * kind.inner
        return kind if differ == [kind.axis] and b[kind.axis] == size else MIXED
    if not differ:
        return FREE
    (axis, *more) = differ
    return Rows(axis) if not more and (a[axis], b[axis]) == (rows, rows + 1) else MIXED


def _join(kinds: Sequence[Kind]) -> Kind:
    """What is computed entry by entry from values of these kinds."""
    found = {kind for kind in kinds if kind != FREE}
    return FREE if not found else found.pop() if len(found) == 1 else MIXED


def _rule(names: str) -> Callable[[Rule], Rule]:
    """Add a rule for the operations of these names."""

    def add(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(names.split(), rule))
        return rule

    return add


def _shape(equation: Equation, index: int = 0) -> tuple[int, ...]:
    return tuple(equation.invars[index].aval.shape)


def _only_rows(given: list[Kind]) -> Rows | None:
    """The rows of the first operand, where all others are free; else None."""
    first, *others = given
    return first if isinstance(first, Rows) and all(other == FREE for other in others) else None


# entry by entry -------------------------------------------------------------------------------------------------------


@_rule(
    """
    abs acos acosh add and asin asinh atan atan2 atanh bessel_i0e bessel_i1e bitcast_convert_type cbrt ceil clamp clz
    complex conj convert_element_type copy copy_p cos cosh digamma div eq eq_to erf erf_inv erfc exp exp2 expm1 floor
    ge gt igamma igamma_grad_a igammac imag integer_pow is_finite le le_to lgamma log log1p log2 logistic lt lt_to max
    min mul mulhi ne neg nextafter not one_minus_square or polygamma population_count pow real reduce_precision
    regularized_incomplete_beta rem round rsqrt select_n sharding_constraint shift_left shift_right_arithmetic
    shift_right_logical sign sin sinh sqrt square stop_gradient sub tan tanh xor zeta
    """
)
def _elementwise(equation: Equation, given: list[Kind], rows: int) -> Kind:
    return _join(given) if equation.outvars[0].aval.ndim else MIXED


@_rule("optimization_barrier device_put copy_to_memory_space")
def _each_as_it_is(equation: Equation, given: list[Kind], rows: int) -> list[Kind]:
    return list(given)


# shapes ---------------------------------------------------------------------------------------------------------------


@_rule("broadcast_in_dim")
def _broadcast(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _only_rows(given)
    return MIXED if kind is None else kind._replace(axis=equation.params["broadcast_dimensions"][kind.axis])


@_rule("reshape")
def _reshape(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _only_rows(given)
    if kind is None or equation.params.get("dimensions") is not None:
        return MIXED
    stride = math.prod(_shape(equation)[kind.axis + 1 :]) * kind.inner  # from a row to the next one
    new = equation.outvars[0].aval.shape
    behind = 1
    for axis in reversed(range(len(new))):
        size = behind * new[axis]
        if stride % behind == 0 and size % (stride * rows) == 0:
            return Rows(axis, size // (stride * rows), stride // behind)
        behind = size
    return MIXED


@_rule("transpose")
def _transpose(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _only_rows(given)
    return MIXED if kind is None else kind._replace(axis=equation.params["permutation"].index(kind.axis))


def _without(kind: Kind, axes: Sequence[int]) -> Kind:
    """The same kind, for an operation that removes these axes by mixing what lies along them."""
    if not isinstance(kind, Rows):
        return kind
    return MIXED if kind.axis in axes else kind._replace(axis=kind.axis - sum(axis < kind.axis for axis in axes))


@_rule("stack")
def _stack(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind, axis = _join(given), equation.params["axis"]
    return kind._replace(axis=kind.axis + (axis <= kind.axis)) if isinstance(kind, Rows) else MIXED


def _not_along(kind: Kind, axes: Sequence[int]) -> Kind:
    """The same kind, for an operation that mixes what lies along these axes."""
    return MIXED if isinstance(kind, Rows) and kind.axis in axes else kind


# The axes along which operations mix, by operation: those of the first kind keep the axes, those of the second remove them.
_MIXED_AXES: dict[str, Callable[[Equation], Sequence[int]]] = {
    "concatenate sort": lambda e: [e.params["dimension"]],
    "split cumsum cumprod cummax cummin cumlogsumexp": lambda e: [e.params["axis"]],
    "rev": lambda e: e.params["dimensions"],
    "tile": lambda e: [axis for axis, times in enumerate(e.params["reps"]) if times != 1],
    "top_k": lambda e: [e.params.get("axis", -1) % len(_shape(e))],
    "fft": lambda e: _last_axes(e, len(e.params["fft_lengths"])),
    "cholesky eigh lu qr svd triangular_solve": lambda e: _last_axes(e, 2),
}
_REMOVED_AXES: dict[str, Callable[[Equation], Sequence[int]]] = {
    "unstack": lambda e: [e.params["axis"]],
    "squeeze reduce": lambda e: e.params["dimensions"],
    "reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or reduce_xor argmax argmin": lambda e: e.params["axes"],
}


def _last_axes(equation: Equation, count: int) -> range:
    ndim = len(_shape(equation))
    return range(ndim - count, ndim)


def _rule_for(after: Callable[[Kind, Sequence[int]], Kind], axes: Callable[[Equation], Sequence[int]]) -> Rule:
    return lambda equation, given, rows: after(_join(given), axes(equation))


for _after, _table in ((_not_along, _MIXED_AXES), (_without, _REMOVED_AXES)):
    for _names, _axes in _table.items():
        _rule(_names)(_rule_for(_after, _axes))


@_rule("slice")
def _slice(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind, params = given[0], equation.params
    assert isinstance(kind, Rows)
    size, strides = _shape(equation)[kind.axis], params["strides"]
    whole = params["start_indices"][kind.axis] == 0 and params["limit_indices"][kind.axis] == size
    return kind if whole and (strides is None or strides[kind.axis] == 1) else MIXED


@_rule("pad")
def _pad(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _only_rows(given)
    return kind if kind is not None and tuple(equation.params["padding_config"][kind.axis]) == (0, 0, 0) else MIXED


@_rule("dynamic_slice")
def _dynamic_slice(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _only_rows(given)
    return kind if kind is not None and equation.params["slice_sizes"][kind.axis] == _shape(equation)[kind.axis] else MIXED


@_rule("dynamic_update_slice")
def _dynamic_update_slice(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _join(given[:2])
    if not isinstance(kind, Rows) or any(k != FREE for k in given[2:]):
        return MIXED
    return kind if _shape(equation, 1)[kind.axis] == _shape(equation)[kind.axis] else MIXED


# sums, products, windows ----------------------------------------------------------------------------------------------


@_rule("dot_general")
def _dot(equation: Equation, given: list[Kind], rows: int) -> Kind:
    (contracted, batched) = equation.params["dimension_numbers"]
    ndims = [len(_shape(equation, i)) for i in (0, 1)]
    free = [[a for a in range(ndims[i]) if a not in contracted[i] and a not in batched[i]] for i in (0, 1)]
    places: list[Kind] = []
    for i, kind in enumerate(given):
        if not isinstance(kind, Rows):
            continue
        if kind.axis in contracted[i]:
            return MIXED
        if kind.axis in batched[i]:
            place = list(batched[i]).index(kind.axis)
        else:
            place = len(batched[i]) + (len(free[0]) if i else 0) + free[i].index(kind.axis)
        places.append(kind._replace(axis=place))
    return _join(places)  # rows of both sides that are not paired lie along two axes


@_rule("conv_general_dilated")
def _convolution(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind, numbers = _only_rows(given), equation.params["dimension_numbers"]
    if kind is None or kind.axis != numbers.lhs_spec[0] or equation.params["batch_group_count"] != 1:
        return MIXED
    return kind._replace(axis=numbers.out_spec[0])


@_rule("conv conv_input_gradient")  # of `conv_primitive`: images come first, batch axis first
def _images_and_kernel(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind = _only_rows(given)
    return kind if kind is not None and kind.axis == 0 else MIXED


@_rule("reduce_window reduce_window_sum reduce_window_max reduce_window_min")
def _window(equation: Equation, given: list[Kind], rows: int) -> Kind:
    kind, params = _join(given), equation.params
    if not isinstance(kind, Rows):
        return MIXED
    ones = ("window_dimensions", "window_strides", "base_dilation", "window_dilation")
    plain = all(params.get(name) is None or params[name][kind.axis] == 1 for name in ones)
    return kind if plain and tuple(params["padding"][kind.axis]) == (0, 0) else MIXED


# looking up -----------------------------------------------------------------------------------------------------------


@_rule("gather")
def _gather(equation: Equation, given: list[Kind], rows: int) -> Kind:
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    shape, out = _shape(equation), equation.outvars[0].aval.ndim
    by_index = [axis for axis in range(out) if axis not in numbers.offset_dims]
    places: list[Kind] = []
    operand, indices = given
    if isinstance(indices, Rows):
        if indices.axis == len(_shape(equation, 1)) - 1:
            return MIXED
        places.append(indices._replace(axis=by_index[indices.axis]))
    if isinstance(operand, Rows):
        axis = operand.axis
        if axis in numbers.operand_batching_dims:
            paired = numbers.start_indices_batching_dims[numbers.operand_batching_dims.index(axis)]
            places.append(operand._replace(axis=by_index[paired]))
        elif axis in numbers.collapsed_slice_dims or sizes[axis] != shape[axis]:
            return MIXED
        else:
            gone = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
            kept = [a for a in range(len(shape)) if a not in gone]
            places.append(operand._replace(axis=numbers.offset_dims[kept.index(axis)]))
    return _join(places)


@_rule("scatter scatter-add scatter-mul scatter-min scatter-max scatter-sub")
def _scatter(equation: Equation, given: list[Kind], rows: int) -> Kind:
    numbers = equation.params["dimension_numbers"]
    shape, updated = _shape(equation), _shape(equation, 2)
    gone = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    kept = [a for a in range(len(shape)) if a not in gone]
    by_index = [axis for axis in range(len(updated)) if axis not in numbers.update_window_dims]
    operand, indices, updates = given
    places: list[Kind] = [operand]
    if isinstance(indices, Rows):
        if indices.axis not in numbers.scatter_indices_batching_dims:
            return MIXED
        places.append(indices._replace(axis=_paired(numbers, indices.axis)))
    if isinstance(updates, Rows):
        if updates.axis in numbers.update_window_dims:
            places.append(updates._replace(axis=kept[list(numbers.update_window_dims).index(updates.axis)]))
        else:
            index = by_index.index(updates.axis)
            if index not in numbers.scatter_indices_batching_dims:
                return MIXED
            places.append(updates._replace(axis=_paired(numbers, index)))
    kind = _join(places)
    if isinstance(kind, Rows) and kind.axis in kept:
        window = numbers.update_window_dims[kept.index(kind.axis)]
        return kind if updated[window] == shape[kind.axis] else MIXED
    return kind if isinstance(kind, Rows) and kind.axis in numbers.operand_batching_dims else MIXED


def _paired(numbers: Any, axis: int) -> int:
    """The operand's axis that goes with a batch axis of the indices."""
    found: int = numbers.operand_batching_dims[numbers.scatter_indices_batching_dims.index(axis)]
    return found


# programs in programs -------------------------------------------------------------------------------------------------


_ONCE = "jit pjit closed_call core_call checkpoint remat remat2 custom_jvp_call custom_vjp_call custom_vjp_call_jaxpr"
CALLS = frozenset(_ONCE.split())
"""Primitives that run a program once."""
_WITH_PROGRAMS = CALLS | {"scan", "while", "cond"}


@_rule(_ONCE)
def _inner(equation: Equation, given: list[Kind], rows: int) -> list[Kind] | Kind:
    programs = [twins for twins in _twin_programs(equation) if len(twins.program.jaxpr.invars) == len(given)]
    return _follow(programs[0], given, rows) if len(programs) == 1 else MIXED


def _twin_programs(equation: Equation) -> list[Twins]:
    programs = _programs(equation)
    others = [None] * len(programs) if equation.twin is None else _programs(equation.twin)
    return [Twins(*pair) for pair in zip(programs, others)]


def _inside(equation: Equation, name: str) -> Twins:
    """The program in a parameter."""
    return Twins(equation.params[name], None if equation.twin is None else equation.twin.params[name])


@_rule("scan")
def _scan(equation: Equation, given: list[Kind], rows: int) -> list[Kind]:
    twins = _inside(equation, "jaxpr")
    body = twins.program
    # What the body sees one step of has an axis less there; how versions of JAX count the rest is not asked.
    stepped = [_rank(outer) > _rank(inner) for outer, inner in zip(equation.invars, body.jaxpr.invars)]
    carried = [_rank(outer) == _rank(inner) for outer, inner in zip(equation.outvars, body.jaxpr.outvars)]
    end = len(given) - sum(stepped)
    first = end - sum(carried)
    steps = [_without(kind, [0]) for kind in given[end:]]
    if MIXED in steps:
        return [MIXED] * len(equation.outvars)
    carry, results = _settle(given[first:end], lambda carry: _follow(twins, [*given[:first], *carry, *steps], rows))
    return [*carry, *(k._replace(axis=k.axis + 1) if isinstance(k, Rows) else k for k in results)]


def _rank(var: Any) -> int:
    return len(var.aval.shape)


@_rule("while")
def _while(equation: Equation, given: list[Kind], rows: int) -> list[Kind]:
    params = equation.params
    n, m = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    carry, _ = _settle(given[m:], lambda carry: _follow(_inside(equation, "body_jaxpr"), [*given[n:m], *carry], rows))
    goes_on = _follow(_inside(equation, "cond_jaxpr"), [*given[:n], *carry], rows)
    return carry if goes_on == [FREE] else [MIXED] * len(carry)  # else the rows say together how long the loop runs


def _settle(carry: Sequence[Kind], body: Callable[[list[Kind]], list[Kind]]) -> tuple[list[Kind], list[Kind]]:
    """What a loop's carry is at every turn, and what its body gives besides."""
    now = list(carry)
    while True:
        results = body(now)
        new = [_join([before, after]) for before, after in zip(now, results)]
        if new == now:
            return now, results[len(now) :]
        now = new


@_rule("cond")
def _cond(equation: Equation, given: list[Kind], rows: int) -> list[Kind] | Kind:
    if given[0] != FREE:
        return MIXED
    branches = [_follow(branch, given[1:], rows) for branch in _twin_programs(equation)]
    return [_join(kinds) for kinds in zip(*branches)]
