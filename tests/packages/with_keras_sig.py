"""keras-sig: signatures of paths in a model, alone and as a stream."""

import keras
import numpy as np
from keras_sig import SigLayer, signature

path = np.random.default_rng(0).normal(size=(16, 10, 2)).astype("float32")
first = np.asarray(signature(path, depth=3))[:, :2]
np.testing.assert_allclose(first, path[:, -1] - path[:, 0], rtol=1e-4, atol=1e-5)  # the first level is the displacement

model = keras.Sequential([keras.layers.Input((10, 2)), SigLayer(depth=3), keras.layers.Dense(1)])
model.compile("adam", "mse")
losses = model.fit(path, (path[:, -1] - path[:, 0]).sum(-1), epochs=20, verbose=0).history["loss"]
assert losses[-1] < losses[0], losses
assert SigLayer(depth=2, stream=True)(path).shape == (16, 9, 6)
model.save("sig.keras")
again = keras.models.load_model("sig.keras")
np.testing.assert_allclose(again.predict(path, verbose=0), model.predict(path, verbose=0), rtol=1e-5, atol=1e-6)
