"""keras-tcn: the adding problem in small, `compiled_tcn`, and a file."""

import numpy as np
from tcn import TCN, compiled_tcn, tcn_full_summary
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential, load_model

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 20, 2)).astype("float32")
y = x[:, -1, :1] + x[:, -2, 1:]

layer = TCN(input_shape=(20, 2), nb_filters=8, kernel_size=3, dilations=[1, 2, 4], use_skip_connections=True, dropout_rate=0.0)
assert layer.receptive_field == 29
model = Sequential([layer, Dense(1)])
model.compile(optimizer="adam", loss="mse")
tcn_full_summary(model, expand_residual_blocks=False)
losses = model.fit(x, y, epochs=15, verbose=0).history["loss"]
assert losses[-1] < 0.5 * losses[0], losses

model.save("tcn.keras")
again = load_model("tcn.keras", custom_objects={"TCN": TCN})
np.testing.assert_allclose(again.predict(x[:8], verbose=0), model.predict(x[:8], verbose=0), rtol=1e-5, atol=1e-6)

labels = (y[:, 0] > 0).astype("int32")
classifier = compiled_tcn(
    num_feat=2, num_classes=2, nb_filters=8, kernel_size=3, dilations=[1, 2], nb_stacks=1, max_len=20,
    return_sequences=False, use_batch_norm=True, output_len=1,
)  # fmt: skip
classifier.fit(x, labels, epochs=1, verbose=0)
assert classifier.predict(x[:4], verbose=0).shape == (4, 2)
