"""Distillation: losses, gradients and training equal Keras' own; configs and files; wrong models and settings."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation
from jkeras.models import load_model

RNG = np.random.default_rng(3)
TEACHER, STUDENT = RNG.normal(size=(2, 4, 3)).astype("float32")
X, Y = RNG.normal(size=(8, 4)).astype("float32"), RNG.normal(size=(8, 3)).astype("float32")
LOSSES = {
    "divergence": lambda k: k.distillation.LogitsDistillation(2.0, loss=k.losses.KLDivergence()),
    "logits": lambda k: k.distillation.LogitsDistillation(4.0, loss=k.losses.CategoricalCrossentropy(from_logits=True)),
    "mse": lambda k: k.distillation.LogitsDistillation(1, loss="mse"),
    "features": lambda k: k.distillation.FeatureDistillation(),
    "cosine": lambda k: k.distillation.FeatureDistillation("cosine_similarity"),
}


def network(library, size, seed, layer="hidden"):
    x = library.Input((4,))
    hidden = library.layers.Dense(size, activation="tanh", name=layer)(x)
    model = library.Model(x, library.layers.Dense(3)(library.layers.BatchNormalization()(hidden)))
    rng = np.random.default_rng(seed)
    model.set_weights([np.abs(rng.normal(size=w.shape)) for w in model.get_weights()])
    return model


def distiller(library, losses, weights=None, size=5, **settings):
    made = library.distillation.Distiller(network(library, 5, 1), network(library, size, 2), losses, weights, **settings)
    made.compile(library.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return made


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_gradients_are_those_of_keras(name):
    ours, theirs = LOSSES[name](jkeras).compute_loss, LOSSES[name](keras).compute_loss
    np.testing.assert_allclose(ours(TEACHER, STUDENT), theirs(TEACHER, STUDENT), rtol=1e-5)
    np.testing.assert_allclose(
        jax.grad(ours, 1)(TEACHER, STUDENT), jax.grad(lambda t, s: jnp.asarray(theirs(t, s)), 1)(TEACHER, STUDENT), atol=1e-6
    )


def test_the_divergence_is_one_of_probabilities_by_any_name():
    given = ("kl_divergence", jkeras.losses.KLDivergence(), jkeras.losses.kl_divergence)
    found = [float(LogitsDistillation(3.0, loss=loss).compute_loss(TEACHER, STUDENT)) for loss in given]
    teacher, student = (np.exp(logits / 3) / np.exp(logits / 3).sum(-1, keepdims=True) for logits in (TEACHER, STUDENT))
    np.testing.assert_allclose(found, 9 * (teacher * np.log(teacher / student)).sum(-1).mean(), rtol=1e-5)


def test_nested_losses_leave_outputs_out():
    loss = FeatureDistillation({"a": "mse", "b": None})
    outputs = {"a": jnp.ones(3), "b": jnp.ones(2)}, {"a": jnp.zeros(3), "b": jnp.zeros(2)}
    loss.validate_outputs(*outputs)
    assert loss.compute_loss(*outputs) == 1
    with pytest.raises(ValueError, match="nested differently"):
        loss.validate_outputs([jnp.ones(3)], [jnp.ones(3)])


def test_training_is_that_of_keras():
    made = []
    for library in (jkeras, keras):
        features = library.distillation.FeatureDistillation("mse", "hidden", "hidden")
        losses = [LOSSES["divergence"](library), features]
        one = distiller(library, losses, [1.0, 0.5], student_loss_weight=0.3)
        made.append((one.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history, one))
    (ours, one), (theirs, other) = made
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=2e-5, err_msg=name)
    for a, b in zip(one.student.get_weights(), other.student.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for a, b in zip(one.teacher.get_weights(), network(jkeras, 5, 1).get_weights()):
        np.testing.assert_array_equal(a, b)
    assert not one.teacher.trainable


def test_an_evaluation_runs_the_student_as_in_inference():
    one = distiller(jkeras, FeatureDistillation("mse", "hidden", "hidden"))
    one.build((8, 4))
    before = one.get_weights()
    found = one.evaluate(X, Y, verbose=0, return_dict=True)
    features = [m.layers[1](X) for m in (one.teacher, one.student)]
    assert found["distillation_loss"] == pytest.approx(float(jnp.mean((features[0] - features[1]) ** 2)), rel=1e-5)
    for a, b in zip(before, one.get_weights()):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("weight", "silent"), [(0.0, "student_loss"), (1.0, "distillation_loss")])
def test_either_loss_alone(weight, silent):
    one = distiller(jkeras, LOSSES["mse"](jkeras), student_loss_weight=weight)
    assert one.evaluate(X, Y, verbose=0, return_dict=True)[silent] == 0


def test_weights_of_samples_count():
    one = distiller(jkeras, LOSSES["mse"](jkeras), student_loss_weight=1.0)
    weighted = one.evaluate(X, Y, sample_weight=np.eye(8)[0], verbose=0, return_dict=True)["student_loss"]
    assert weighted == pytest.approx(np.mean((one.predict(X, verbose=0)[0] - Y[0]) ** 2) / 8, rel=1e-5)


def test_several_outputs():
    def two(size):
        x = jkeras.Input((4,))
        hidden = jkeras.layers.Dense(size)(x)
        return jkeras.Model(x, [jkeras.layers.Dense(3)(hidden), jkeras.layers.Dense(2)(hidden)])

    one = Distiller(two(6), two(2), LogitsDistillation(loss=["mse", None]))
    one.compile("sgd", ["mse", "mae"])
    assert np.isfinite(one.fit(X, [Y, Y[:, :2]], verbose=0).history["loss"][0])


def test_files_and_configs(tmp_path):
    losses = [LogitsDistillation(2.0, "categorical_crossentropy"), FeatureDistillation("mae", "hidden", "hidden")]
    one = distiller(jkeras, losses, [1.0, 0.5])
    one.fit(X, Y, verbose=0)
    one.save(tmp_path / "d.keras")
    again = load_model(tmp_path / "d.keras")
    assert [loss.get_config() for loss in again.distillation_losses] == [loss.get_config() for loss in losses]
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(one.evaluate(X, Y, verbose=0))
    theirs = keras.models.load_model(tmp_path / "d.keras", compile=False)
    np.testing.assert_allclose(theirs(X), one.predict(X, verbose=0), atol=1e-6)


def test_files_of_keras(tmp_path):
    theirs = distiller(keras, LOSSES["divergence"](keras))
    theirs.save(tmp_path / "d.keras")
    with pytest.warns(UserWarning, match="not compiled"):  # Keras writes that there is no loss
        ours = load_model(tmp_path / "d.keras")
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs(X), atol=1e-6)


class Vector(DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs):
        return jnp.mean(teacher_outputs - student_outputs, axis=-1)


def trained(loss):
    distiller(jkeras, loss).fit(X, Y, verbose=0)


def other_input():
    x = jkeras.Input((5,))
    return jkeras.Model(x, jkeras.layers.Dense(3)(x))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: LogitsDistillation(0), "positive number"),
        (lambda: LogitsDistillation("warm"), "positive number"),
        (lambda: LogitsDistillation(loss=[None, None]), "at least one output"),
        (lambda: LogitsDistillation(loss="kl_div"), "kl_div"),
        (lambda: distiller(jkeras, None), "Received: None"),
        (lambda: distiller(jkeras, [LOSSES["mse"](jkeras)], [1.0, 2.0]), "2 distillation_loss_weights for 1"),
        (lambda: distiller(jkeras, LOSSES["mse"](jkeras), student_loss_weight=2), "between 0 and 1"),
        (lambda: distiller(jkeras, LOSSES["mse"](jkeras), student_loss_weight="half"), "is a number"),
        (lambda: distiller(jkeras, FeatureDistillation("mse", "hiden", "hidden")), "hiden"),
        (lambda: Distiller(jkeras.layers.Dense(3), other_input(), LOSSES["mse"](jkeras)), "teacher is a model"),
        (lambda: Distiller(network(jkeras, 5, 1), other_input(), LOSSES["mse"](jkeras)), "inputs of the same shape"),
        (lambda: distiller(jkeras, LOSSES["mse"](jkeras)).compile("sgd"), "loss=None"),
        (lambda: distiller(jkeras, LOSSES["mse"](jkeras)).compile("sgd", "mse", {"a": "mae"}), "metrics is a list"),
        (lambda: trained(Vector()), "must return a scalar"),
    ],
)  # fmt: skip
def test_wrong_models_and_settings(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_a_loss_says_what_it_computes():
    with pytest.raises(NotImplementedError, match="compute_loss"):
        DistillationLoss().compute_loss(TEACHER, STUDENT)


def test_a_single_loss_has_its_weight():
    loss = LOSSES["mse"](jkeras)
    assert distiller(jkeras, loss, [0.25]).distillation_loss_weights == [0.25]
    for wrong in (0.25, [0.5, 0.5]):
        with pytest.raises(ValueError, match="distillation_loss_weights"):
            distiller(jkeras, loss, wrong)


@pytest.mark.parametrize("name", ["mse", "features"])
def test_what_the_student_adds_counts_once(name):
    class Penalty(jkeras.layers.Layer):
        def call(self, x):
            self.add_loss(3.0)
            return x

    def made(extra):
        x = jkeras.Input((4,))
        hidden = Penalty()(x) if extra else x
        loss = FeatureDistillation("mse", "out", "out") if name == "features" else LOSSES[name](jkeras)
        student = jkeras.Model(
            x, jkeras.layers.Dense(3, name="out", kernel_initializer="ones", kernel_regularizer="l2" if extra else None)(hidden)
        )
        teacher = jkeras.Model(t := jkeras.Input((4,)), jkeras.layers.Dense(3, name="out", kernel_initializer="zeros")(t))
        both = Distiller(teacher, student, loss)
        both.compile("sgd", "mse")
        return both.evaluate(X, Y, verbose=0, return_dict=True)["loss"]

    np.testing.assert_allclose(made(True) - made(False), 3.0 + 0.01 * 12, rtol=1e-5)
