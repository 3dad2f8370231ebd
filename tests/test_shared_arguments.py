"""Shared arguments are declared once, and constructors behave as if each declared them itself."""

import inspect
import pickle
from typing import Annotated, Any, TypedDict, Unpack

import numpy as np
import pytest

from jkeras import layers, losses, optimizers
from jkeras._base.shared_arguments import expand_kwargs


class Open(TypedDict, total=False):
    rate: Annotated[float, 0.5]
    name: Annotated[str | None, None]
    lr: float


class Closed(TypedDict, total=False):
    rate: Annotated[float, 0.5]
    name: Annotated[str | None, None]


class Taker:
    @expand_kwargs(after={"late": "rate"}, name="taker")
    def __init__(self, size: int, *, late: bool = False, last: int = 3, **kwargs: Unpack[Closed]):
        self.given = (size, late, last, kwargs)


class OpenTaker:
    @expand_kwargs()
    def __init__(self, **kwargs: Unpack[Open]):
        self.given = kwargs


def test_the_signature_has_own_first_then_shared_then_own_last():
    shown = [(p.name, p.default) for p in inspect.signature(Taker).parameters.values()]
    missing = inspect.Parameter.empty
    assert shown == [("size", missing), ("rate", 0.5), ("late", False), ("name", "taker"), ("last", 3)]
    assert str(inspect.signature(OpenTaker)) == "(rate: 'float' = 0.5, name: 'str | None' = None, **kwargs: 'Any')"


def test_every_argument_goes_by_position_and_by_name():
    expected = (1, True, 4, {"rate": 0.1, "name": "n"})
    assert Taker(1, 0.1, True, "n", 4).given == expected
    assert Taker(last=4, name="n", late=True, rate=0.1, size=1).given == expected
    assert Taker(1).given == (1, False, 3, {"rate": 0.5, "name": "taker"})
    assert OpenTaker(lr=0.2).given == {"rate": 0.5, "name": None, "lr": 0.2}


@pytest.mark.parametrize(
    "arguments,named,text",
    [
        ((), {}, r"Taker.__init__\(\) missing 1 required positional argument: 'size'"),
        ((1,), {"size": 2}, r"Taker.__init__\(\) got multiple values for argument 'size'"),
        ((1, 0.5), {"rate": 2}, r"Taker.__init__\(\) got multiple values for argument 'rate'"),
        ((1,), {"lr": 2}, r"Taker.__init__\(\) got an unexpected keyword argument 'lr'"),
        ((1,) * 7, {}, r"Taker.__init__\(\) takes from 2 to 6 positional arguments but 8 were given"),
    ],
)
def test_a_wrong_call_gets_the_error_of_python(arguments, named, text):
    with pytest.raises(TypeError, match=text):
        Taker(*arguments, **named)


def test_a_declaration_that_cannot_be_meant_is_an_error():
    with pytest.raises(TypeError, match="no arguments \\['nmae'\\]"):

        @expand_kwargs(nmae="x")
        def one(self: Any, **kwargs: Unpack[Closed]) -> None: ...

    with pytest.raises(TypeError, match="Unpack"):

        @expand_kwargs()
        def two(self: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize("cls", [optimizers.SGD, optimizers.Adam, optimizers.AdamW, optimizers.RMSprop])
def test_shared_arguments_of_an_optimizer_are_attributes_and_in_the_config(cls):
    values = {
        "weight_decay": 0.1,
        "clipvalue": 0.2,
        "use_ema": True,
        "ema_momentum": 0.3,
        "ema_overwrite_frequency": 4,
        "loss_scale_factor": 5.0,
        "gradient_accumulation_steps": 6,
        "name": "mine",
    }
    for made in (cls(**values), cls.from_config(cls(**values).get_config())):
        assert {name: getattr(made, name) for name in values} == values
        assert {name: made.get_config()[name] for name in values} == values


def test_numpy_scalars_become_numbers_in_shared_arguments_too():
    assert type(optimizers.SGD(0.1, clipnorm=np.float64(0.5)).clipnorm) is float


@pytest.mark.parametrize(
    "make,name",
    [
        (lambda **more: layers.Dense(3, **more), "recurrent_initializer"),
        (lambda **more: layers.DepthwiseConv2D(3, **more), "pointwise_initializer"),
        (layers.RMSNormalization, "gamma_initializer"),
        (layers.RMSNormalization, "scale"),
        (layers.BatchNormalization, "moving_mean_regularizer"),
    ],
)
def test_an_argument_for_a_weight_that_a_layer_does_not_have_is_an_error(make, name):
    with pytest.raises(TypeError, match=name):
        make(**{name: None})


def test_objects_with_shared_arguments_can_be_pickled():
    again = pickle.loads(pickle.dumps(losses.Huber(2.0)))
    assert again.get_config() == losses.Huber(2.0).get_config()
