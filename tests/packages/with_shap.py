"""shap: gradients by the tape, and explainers that only call the model; and DeepExplainer,
which replaces the rules for the gradients of TensorFlow's operations; the values add up to the output."""

import keras
import numpy as np
import shap

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 4)).astype("float32")
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(2)])
model.compile(keras.optimizers.Adam(0.02), "mse")
model.fit(x, np.stack([x[:, 0] - x[:, 2], x[:, 1]], 1), epochs=20, verbose=0)

explainer = shap.GradientExplainer(model, x[:100])
values = explainer.shap_values(x[100:105], nsamples=2000, rseed=0)
values = np.stack(values, -1) if isinstance(values, list) else values
assert values.shape == (5, 4, 2)
outputs = model.predict(x, verbose=0)
np.testing.assert_allclose(values.sum(1), outputs[100:105] - outputs[:100].mean(0), atol=0.15)

kernel = shap.KernelExplainer(lambda rows: model.predict(rows, verbose=0), x[:20])
explained = kernel.shap_values(x[100:102], nsamples=50, silent=True)
np.testing.assert_allclose(explained.sum(1), outputs[100:102] - outputs[:20].mean(0), atol=1e-4)


def completes(model, x, **options):
    """DeepLIFT's law: the values add up to the output, less its mean over the background."""
    deep = shap.DeepExplainer(model, x[:10])
    values = deep.shap_values(x[10:12], **options)
    outputs = model.predict(x, verbose=0)
    np.testing.assert_allclose(values.sum(tuple(range(1, x.ndim))), outputs[10:12] - outputs[:10].mean(0), atol=1e-4)
    return values


layers = keras.layers
images = rng.normal(size=(12, 8, 8, 1)).astype("float32")
# TensorFlow's own values of the same network and data: rescaled at each nonlinear operation, and not the gradient.
small = keras.Sequential([layers.Input((2,)), layers.Dense(2, activation="relu"), layers.Dense(2, activation="softmax")])
small.set_weights([np.array(w, "float32") for w in ([[1, -1], [2, 0.5]], [0.1, -0.2], [[1, -1], [0.5, 2]], [0, 0])])
grid = np.array([[i / 3 - 1, (i % 4) / 2 - 0.5] for i in range(12)], "float32")
np.testing.assert_allclose(completes(small, grid)[0, :, 0], [0.17536847, 0.07851826], atol=1e-5)
completes(
    keras.Sequential(
        [
            *(layers.Input((8, 8, 1)), layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization()),
            *(layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(3, activation="elu"), layers.Dense(2)),
        ]
    ),
    images,
)
completes(keras.Sequential([layers.Input((8, 8)), layers.LSTM(4), layers.Dense(2)]), images[..., 0])
