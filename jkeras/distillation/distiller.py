"""`Distiller`: trains a student on targets and on what a teacher says.

It is a model whose outputs are the student's and whose `compute_loss` runs the teacher too, so `fit` compiles both into one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras._base.configurable import serialize
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import Array, Tree
from jkeras.distillation.losses import DistillationLoss, is_none
from jkeras.layer.base import Layer
from jkeras.layer.intercept import intercepted
from jkeras.losses.lookup import resolve
from jkeras.metrics import Mean
from jkeras.models import Model

_DIFFERENT = """Teacher and student must have {what} of the same {property}. Teacher {teacher!r}: {of_teacher}. Student
{student!r}: {of_student}."""


@export("keras.distillation.Distiller")
class Distiller(Model):
    """A model that trains `student` to minimise

        weight * loss(y, student(x)) + (1 - weight) * sum_i w_i distillation_loss_i(teacher(x), student(x))

    with `weight = student_loss_weight`, plus what the student adds itself: regularization, and losses from `add_loss`. Keras
    leaves these out. The teacher runs as in inference, and is frozen from then on.

    Args:
        teacher: a trained model.
        student: a model with inputs and outputs of the same shapes and dtypes.
        distillation_losses: a distillation loss, or a list of them.
        distillation_loss_weights: the `w_i`, a list; all 1 by default. Keras ignores it for a lone loss.
        student_loss_weight: between 0 and 1. Default 0.5.
        name: of the model.
        kwargs: as `Model`.

    Attributes:
        student: use it alone after the training.

    Raises:
        ValueError: models that do not go together, no distillation loss, or weights of another number or out of range.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> from jkeras.distillation import LogitsDistillation
        >>> def network(size):
        ...     x = Input((4,))
        ...     return Model(x, Dense(3)(Dense(size, activation="relu")(x)))
        >>> distiller = Distiller(network(64), network(2), LogitsDistillation(temperature=2.0))
        >>> distiller.compile("adam", "mse")
        >>> history = distiller.fit(jnp.ones((8, 4)), jnp.ones((8, 3)), verbose=0)
        >>> sorted(history.history)
        ['distillation_loss', 'loss', 'student_loss', 'total_loss']

    Source: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        check_models(teacher, student)
        if isinstance(student_loss_weight, bool) or not isinstance(student_loss_weight, (int, float)):
            raise ValueError(f"Distiller: student_loss_weight is a number. Received: {describe(student_loss_weight)}.")
        if not 0 <= student_loss_weight <= 1:
            raise ValueError(f"Distiller: student_loss_weight is between 0 and 1. Received: {student_loss_weight}.")
        if distillation_losses is None:
            raise ValueError("Distiller: distillation_losses is a distillation loss or a list of them. Received: None.")
        if not isinstance(distillation_losses, (list, tuple)):
            distillation_losses = [distillation_losses]  # type: ignore[list-item]
        if distillation_loss_weights is None:
            distillation_loss_weights = [1.0] * len(distillation_losses)
        if not isinstance(distillation_loss_weights, (list, tuple)):
            raise ValueError(f"Distiller: distillation_loss_weights is a list. Received: {describe(distillation_loss_weights)}.")
        if len(distillation_loss_weights) != len(distillation_losses):
            raise ValueError(
                f"Distiller: there is one weight for each distillation loss. Received: {len(distillation_loss_weights)} "
                f"distillation_loss_weights for {len(distillation_losses)} distillation_losses."
            )
        for loss in distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self.teacher, self.student = teacher, student
        self.distillation_losses = distillation_losses
        self.distillation_loss_weights = distillation_loss_weights
        self.student_loss_weight = student_loss_weight
        self.teacher.trainable = False
        self._student_loss: Tree = None
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")

    def compile(self, optimizer: Any = "adam", loss: Tree = None, metrics: Tree = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Set how the student is trained.

        Args:
            optimizer: of the student's weights.
            loss: of targets and the student's outputs; nested like the outputs where there are several.
            metrics: a list.
            kwargs: as `Model.compile`.

        Raises:
            ValueError: no loss, or metrics in another form.
        """
        if loss is None:
            raise ValueError("Distiller.compile: loss compares targets with the student's outputs. Received: loss=None.")
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise ValueError(f"Distiller.compile: metrics is a list. Received: {describe(metrics)}.")
        self._student_loss = loss
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, in JSON-ready form; None before it was called."""
        config = super().get_compile_config()
        return None if config is None else {**config, "loss": serialize(self._student_loss)}

    def call(self, inputs: Tree, training: bool | None = None, **kwargs: Any) -> Tree:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self, x: Tree = None, y: Tree = None, y_pred: Tree = None, sample_weight: Tree = None, training: bool = True
    ) -> Array:
        """The scalar that training minimises.

        Args:
            x, y, y_pred, sample_weight: inputs, targets, the student's outputs and weights of a batch; the weights count for the
                loss with targets.
            training: whether this is a training step.

        Raises:
            ValueError: a distillation loss is not a scalar, or its outputs do not fit.
        """
        if y_pred is None:
            y_pred = self(x, training=training)
        zero, share = jnp.zeros(()), self.student_loss_weight
        added = self.student.losses  # before a second pass for features adds the same again
        student_loss = zero if share == 0 or y is None else self._loss_with_targets(y, y_pred, sample_weight)
        distillation_loss = zero if share == 1 else self._loss_with_teacher(x, y_pred, training)
        total = sum(map(jnp.sum, added), share * student_loss + (1 - share) * distillation_loss)
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total

    def _loss_with_targets(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> Array:
        def one(loss: Any, true: Array, pred: Array, weight: Array | None) -> Array:
            found = resolve(loss, true, pred)
            return jnp.zeros(()) if found is None else jnp.mean(found(true, pred, weight))

        nested = isinstance(sample_weight, (list, tuple, dict))
        weights = sample_weight if nested else jax.tree.map(lambda _: sample_weight, y_pred)
        return jnp.asarray(sum(jax.tree.leaves(jax.tree.map(one, self._student_loss, y, y_pred, weights, is_leaf=is_none))))

    def _loss_with_teacher(self, x: Tree, y_pred: Tree, training: bool) -> Array:
        losses = self.distillation_losses
        of_teacher, taught = outputs_and_features(self.teacher, x, {loss.teacher_layer_name for loss in losses}, training=False)
        names = {loss.student_layer_name for loss in losses} - {None}
        of_student = outputs_and_features(self.student, x, names, training=training)[1] if names else {}
        total = jnp.zeros(())
        for loss, weight in zip(losses, self.distillation_loss_weights):
            teacher = taught.get(loss.teacher_layer_name, of_teacher)
            student = of_student.get(loss.student_layer_name, y_pred)
            loss.validate_outputs(teacher, student)
            value = loss.compute_loss(teacher, student)
            if jnp.ndim(value):
                raise ValueError(
                    f"{type(loss).__name__}.compute_loss must return a scalar. It returned an array of shape {jnp.shape(value)}."
                )
            total = total + weight * value
        return total


def outputs_and_features(
    model: Model, x: Tree, names: Iterable[str | None], training: bool
) -> tuple[Tree, dict[str | None, Tree]]:
    """The outputs of a model, and those of some of its layers, in one forward pass."""
    wanted = {id(model.get_layer(name=name)): name for name in names if name is not None}
    found: dict[str | None, Tree] = {}

    def note(layer: Layer, maths: Any, *args: Tree, **kwargs: Tree) -> Tree:
        y = maths(*args, **kwargs)
        if id(layer) in wanted:
            found[wanted[id(layer)]] = y
        return y

    with intercepted(note):
        return model(x, training=training), found


def check_models(teacher: object, student: object) -> None:
    """Raise ValueError unless both are models, with inputs and outputs that go together as far as they are known."""
    for which, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"Distiller: {which} is a model. Received: {describe(model)}.")
    for what in ("inputs", "outputs"):
        ours, theirs = (jax.tree.leaves(getattr(model, what, None)) for model in (teacher, student))
        if not ours or not theirs:
            continue
        for key, fit in (("shape", _shapes_fit), ("dtype", lambda a, b: a == b)):
            first, second = ([getattr(tensor, key) for tensor in tensors] for tensors in (ours, theirs))
            if len(first) != len(second) or not all(map(fit, first, second)):
                raise ValueError(
                    _DIFFERENT.format(
                        what=what, property=key, teacher=teacher.name, of_teacher=first, student=student.name, of_student=second  # type: ignore[attr-defined]
                    )
                )  # fmt: skip


def _shapes_fit(first: Sequence[int | None], second: Sequence[int | None]) -> bool:
    return len(first) == len(second) and all(a is None or b is None or a == b for a, b in zip(first, second))
