"""tf-keras-vis: saliency, GradCAM, GradCAM++, Score-CAM, Layer-CAM and activation maximization of a small network."""

import numpy as np
import tensorflow as tf
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.activation_maximization.callbacks import Progress
from tf_keras_vis.activation_maximization.input_modifiers import Jitter, Rotate2D
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer, ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

tf.keras.utils.set_random_seed(0)
# Two classes: a bright square on the left, or on the right.
rng = np.random.default_rng(0)
x = rng.normal(0, 0.1, (128, 8, 8, 1)).astype("float32")
y = rng.integers(0, 2, 128)
for image, label in zip(x, y):
    image[3:6, 5 * label : 5 * label + 3] += 1
keras = tf.keras
model = keras.Sequential(
    [
        keras.layers.Input((8, 8, 1)),
        keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="conv"),
        keras.layers.Flatten(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=8, verbose=0)
assert model.evaluate(x, y, verbose=0)[1] == 1

images, labels = x[:4], [int(label) for label in y[:4]]
score, softmax_off = CategoricalScore(labels), ReplaceToLinear()


# By hand: the size of the score's slope at each pixel, by central differences.
linear = keras.models.clone_model(model)
linear.set_weights(model.get_weights())
softmax_off(linear)
saliency = Saliency(model, model_modifier=softmax_off)
steps = 1e-2 * np.eye(64, dtype="float32").reshape(64, 8, 8, 1)
for image, label, found in zip(images, labels, np.asarray(saliency(score, images, normalize_map=False))):
    up, down = (linear.predict(image + step, verbose=0)[:, label] for step in (steps, -steps))
    assert np.median(np.abs(np.abs(up - down) / 2e-2 - found.reshape(64))) < 1e-3  # a few steps cross a kink of relu
assert np.asarray(saliency(score, images, smooth_samples=3)).shape == (4, 8, 8)

for method in (Gradcam, GradcamPlusPlus, Layercam):
    maps = np.asarray(method(model, model_modifier=softmax_off)(score, images, penultimate_layer=-1))
    assert maps.shape == (4, 8, 8) and maps.min() >= 0 and 0.9 < maps.max() <= 1 + 1e-6, method
assert np.asarray(Scorecam(model)(score, images, penultimate_layer=-1)).shape == (4, 8, 8)

# By hand: the gradient of the score at the convolution, averaged, weighs its channels.
cut = keras.Model(model.inputs, [model.layers[0].output])
cam = np.asarray(Gradcam(model, model_modifier=softmax_off)(score, images, normalize_cam=False, expand_cam=False))
kernel, features = model.layers[-1].get_weights()[0], cut.predict(images, verbose=0)
weights = kernel.T[labels].reshape(4, 8, 8, 8).mean((1, 2))
np.testing.assert_allclose(cam, np.maximum(np.einsum("bhwc,bc->bhw", features, weights), 0), rtol=1e-4, atol=1e-6)

maximize = ActivationMaximization(model, model_modifier=softmax_off)
found = maximize(
    CategoricalScore(1), steps=20, seed_input=np.full((1, 8, 8, 1), 0.1, "float32"), input_range=(0.0, 1.0),
    callbacks=[Progress()], input_modifiers=[Jitter(1), Rotate2D(1)], regularizers=[TotalVariation2D(0.1), Norm(0.1)],
)  # fmt: skip
assert model.predict(found, verbose=0)[0, 1] > 0.9
filters = ActivationMaximization(model, model_modifier=[ExtractIntermediateLayer("conv"), softmax_off], clone=True)
assert np.isfinite(np.asarray(filters(CategoricalScore(2), steps=3))).all()
