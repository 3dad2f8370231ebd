"""shap: gradients by the tape, and explainers that only call the model; the values add up to the output. DeepExplainer, which
replaces the rules for the gradients of TensorFlow's operations, says what to write instead."""

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

try:
    shap.DeepExplainer(model, x[:20])
except ImportError as error:
    assert "shap.GradientExplainer(model, background)" in str(error)
else:
    raise AssertionError("DeepExplainer runs: test its values")
