"""What the student's outputs are compared with: the teacher's logits, or the outputs of one of its layers.

A distillation loss compares nested structures of arrays of one form, with one loss for each array, or None for those that do
not count; its value is the sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import losses
from jkeras._base.configurable import Configurable
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.models import Model

_NO_LAYERS = """FeatureDistillation names a layer of the {which}, {model!r}, which is not a graph: only of a functional or
sequential model the outputs of layers are known. Leave the layer's name out to compare the outputs of the models."""


_DIFFERENT = """{loss}: the {first} and the {second} are nested differently: {of_first} and {of_second}."""


@export("keras.distillation.DistillationLoss")
class DistillationLoss(Configurable):
    """Base of distillation losses. A subclass overrides `compute_loss`."""

    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Array:
        """The loss, a scalar.

        Args:
            teacher_outputs, student_outputs: an array, or nested ones.
            kwargs: for subclasses.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define compute_loss(self, teacher_outputs, student_outputs).")

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raise ValueError if the outputs cannot be compared."""
        self._check_nested(**{"teacher's outputs": teacher_outputs, "student's outputs": student_outputs})

    def _check_nested(self, **parts: Tree) -> None:
        found: list[tuple[str, Any]] = [(name, jax.tree.structure(part, is_leaf=is_none)) for name, part in parts.items()]
        (first, one), (second, other) = found
        if one != other:
            text = _DIFFERENT.format(loss=type(self).__name__, first=first, second=second, of_first=one, of_second=other)
            raise ValueError(text)

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Raise ValueError if the models cannot be used with this loss."""


def is_none(part: object) -> bool:
    """Whether an entry of a structure of losses stands for no loss."""
    return part is None


class _Compared(DistillationLoss):
    """A sum of losses of pairs of arrays."""

    def __init__(self, loss: Tree):
        self.loss = jax.tree.map(losses.get, loss, is_leaf=is_none)
        if not jax.tree.leaves(self.loss):
            raise ValueError(f"{type(self).__name__} needs a loss for at least one output. Received: loss={loss!r}.")

    def _total(self, pair: Callable[[Any, Array, Array], Array], teacher_outputs: Tree, student_outputs: Tree) -> Array:
        def one(loss: Any, teacher: Array, student: Array) -> Array:
            return jnp.zeros(()) if loss is None else pair(loss, teacher, student)

        return jnp.sum(
            jnp.stack(jax.tree.leaves(jax.tree.map(one, self.loss, teacher_outputs, student_outputs, is_leaf=is_none)))
        )


@export("keras.distillation.LogitsDistillation")
class LogitsDistillation(_Compared):
    """`mean loss(t / T, s / T)` for logits `t` of the teacher and `s` of the student at a temperature `T`.

    For the Kullback-Leibler divergence, however it is given, `T^2 mean KL(softmax(t / T), softmax(s / T))`: the factor keeps the
    size of the gradients.

    Args:
        temperature: positive; the higher, the softer the teacher's probabilities. Default 3.
        loss: a name, an object or a function; or a nested structure of them, with None for outputs that do not count.

    Raises:
        ValueError: no loss at all, or a temperature that is not a positive number.

    Example:
        >>> loss = LogitsDistillation(temperature=2.0)
        >>> round(float(loss.compute_loss(jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 0.0]]))), 4)
        0.4438

    Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
    """

    def __init__(self, temperature: float = 3.0, loss: Tree = "kl_divergence"):
        super().__init__(loss)
        if not isinstance(temperature, (int, float)) or temperature <= 0:
            raise ValueError(f"LogitsDistillation: temperature is a positive number. Received: {describe(temperature)}.")
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Array:
        """The loss for logits."""
        return self._total(self._of_logits, teacher_outputs, student_outputs)

    def _of_logits(self, loss: Any, teacher: Array, student: Array) -> Array:
        teacher, student = teacher / self.temperature, student / self.temperature
        if not (isinstance(loss, losses.KLDivergence) or loss is losses.kl_divergence):
            return jnp.mean(loss(teacher, student))
        return jnp.mean(loss(jax.nn.softmax(teacher), jax.nn.softmax(student))) * self.temperature**2


@export("keras.distillation.FeatureDistillation")
class FeatureDistillation(_Compared):
    """`mean loss(t, s)` for the outputs `t` of a layer of the teacher and `s` of a layer of the student.

    Args:
        loss: a name, an object or a function; or a nested structure of them, with None for arrays that do not count.
        teacher_layer_name, student_layer_name: of the layers; None for the outputs of the models.

    Raises:
        ValueError: no loss at all; with models that have no such layer, or are not graphs.

    Example:
        >>> float(FeatureDistillation("mae").compute_loss(jnp.array([[1.0, 2.0]]), jnp.array([[1.0, 3.0]])))
        0.5

    Source: Romero and others, "FitNets: Hints for thin deep nets", 2015.
    """

    def __init__(self, loss: Tree = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None):
        super().__init__(loss)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Raise ValueError if one of the models has no layer of the name."""
        if self.teacher_layer_name is None and self.student_layer_name is None:
            return
        for which, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if getattr(model, "inputs", None) is None:
                raise ValueError(_NO_LAYERS.format(which=which, model=model.name))
            if name is not None:
                model.get_layer(name=name)

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raise ValueError if the outputs, or the losses, have different structures."""
        super().validate_outputs(teacher_outputs, student_outputs)
        self._check_nested(**{"losses": self.loss, "teacher's outputs": teacher_outputs})

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Array:
        """The loss for the outputs of the layers."""
        return self._total(lambda loss, teacher, student: jnp.mean(loss(teacher, student)), teacher_outputs, student_outputs)
