"""Small models of every shape that a picture must handle."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jkeras
from jkeras import Input, Model, Sequential
from jkeras.layers import Add, Concatenate, Dense, Dropout, Subtract, TimeDistributed

LONG = "a_layer_whose_name_says_everything_about_it_" * 4


def stack() -> Any:
    layers = [Input((4,), name="in"), Dense(8, activation="relu", name="hidden"), Dropout(0.5, name="drop"), Dense(2, name="out")]
    return Sequential(layers, name="stack")


def residual() -> Any:
    x = inputs = Input((8,), name="in")
    for i in range(3):
        y = Dense(8, name=f"wide{i}", activation="relu")(x)
        x = Add(name=f"add{i}")([x, Dense(8, name=f"narrow{i}")(y)])
    return Model(inputs, Dense(1, name="out")(x), name="residual")


def several() -> Any:
    title, body, tags = Input((9,), name="title"), Input((7,), name="body"), Input((3,), name="tags")
    parts = [Dense(4, name="t2")(Dense(4, name="t1")(title)), Dense(4, name="b1")(body), tags]
    x = Concatenate(name="join")(parts)
    return Model([title, body, tags], [Dense(1, name="urgent")(x), Dense(4, name="desk")(x)], name="several")


def shared() -> Any:
    x = inputs = Input((4,), name="in")
    again, between = Dense(4, name="again"), Dense(4, name="between")
    return Model(inputs, Dense(1, name="out")(again(between(again(again(x))))), name="shared")


def encoder() -> Any:
    x = Input((6,), name="x")
    return Model(x, Dense(3, name="code")(Dense(5, name="hidden")(x)), name="encoder")


def siamese() -> Any:
    left, right = Input((6,), name="left"), Input((6,), name="right")
    inner = encoder()
    difference = jkeras.ops.abs(Subtract(name="difference")([inner(left), inner(right)]))
    return Model([left, right], Dense(1, name="same")(difference), name="siamese")


def nested() -> Any:
    inputs = Input((6,), name="pixels")
    deep = Sequential([Input((3,), name="d_in"), Dense(3, name="d1"), Dense(2, name="d2")], name="deep")
    outer_in = Input((6,), name="e_in")
    h = Dense(3, name="e1")(outer_in)
    outer = Model(outer_in, [deep(h), h], name="an_encoder_with_a_name_that_takes_two_lines")
    z, skip = outer(inputs)
    return Model(inputs, Add(name="sum")([Dense(3, name="up")(z), skip]), name="nested")


def dense_blocks() -> Any:
    x = inputs = Input((4,), name="in")
    outputs = [x]
    for i in range(5):
        x = Dense(4, name=f"d{i}")(Concatenate(name=f"c{i}")(outputs) if i else x)
        outputs.append(x)
    return Model(inputs, x, name="dense_blocks")


def branches() -> Any:
    x = inputs = Input((4,), name="in")
    for k in range(2):
        ways = [Dense(2, name=f"{k}_{n}_2")(Dense(2, name=f"{k}_{n}_1")(x)) for n in range(3)]
        x = Concatenate(name=f"join{k}")([Dense(2, name=f"{k}_short")(x), *ways])
    return Model(inputs, x, name="branches")


def long_names() -> Any:
    x = Input((4,), name="in")
    return Model(x, Dense(1, name=LONG)(Dense(2, name='<b>&"quoted"<b>')(x)), name='m<"">')


class Net(Model):
    """A model with a `call` of its own."""

    def __init__(self, name: str = "net"):
        super().__init__(name=name)
        self.first, self.second = Dense(4, name="first"), Dense(2, name="second")

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))


def subclassed() -> Any:
    net = Net()
    net.build((None, 3))
    return net


def wrapping() -> Any:
    x = Input((5, 6), name="in")
    return Model(x, Dense(1, name="out")(Net("own")(TimeDistributed(encoder(), name="each")(x))), name="wrapping")


def deep() -> Any:
    return Sequential([Input((4,), name="in"), *(Dense(4, name=f"dense_{i}") for i in range(100))], name="deep")


MODELS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (
        *(stack, residual, several, shared, siamese, nested, dense_blocks, branches, long_names, subclassed, wrapping, deep),
    )
}


@cache
def model(name: str) -> Any:
    """One of the models, made once; its automatic names are those of a fresh process."""
    jkeras.utils.clear_session()
    return MODELS[name]()
