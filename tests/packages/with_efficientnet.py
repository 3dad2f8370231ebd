"""efficientnet: EfficientNetB0 without weights, trained and reloaded, under keras and under tensorflow.keras."""

import efficientnet.keras
import efficientnet.tfkeras
import keras
import numpy as np

x = np.random.default_rng(0).random((4, 32, 32, 3)).astype("float32")
for face in (efficientnet.keras, efficientnet.tfkeras):
    model = face.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=3)
    assert model.count_params() == 4_053_407, model.count_params()
    assert face.preprocess_input(x * 255).shape == x.shape
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, np.array([0, 1, 2, 0]), epochs=1, verbose=0)
model.save("b0.h5")
again = keras.models.load_model("b0.h5")
np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
