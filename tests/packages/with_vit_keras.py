"""vit-keras: a small vision transformer, trained, its attention maps, and a file."""

import numpy as np
from vit_keras import visualize, vit

x = np.random.default_rng(0).random((8, 32, 32, 3)).astype("float32") * 255
model = vit.build_model((32, 32), 8, 2, 32, 4, "small", 64, 5, activation="softmax", representation_size=16)
model.compile("adam", "sparse_categorical_crossentropy")
losses = model.fit(vit.preprocess_inputs(x), np.arange(8) % 5, epochs=5, verbose=0).history["loss"]
assert losses[-1] < losses[0], losses
assert visualize.attention_map(model=model, image=x[0].astype("uint8")).shape == (32, 32, 3)
model.save_weights("vit.weights.h5")
again = vit.build_model((32, 32), 8, 2, 32, 4, "small", 64, 5, activation="softmax", representation_size=16)
again.load_weights("vit.weights.h5")
np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
assert vit.vit_b32(image_size=64, pretrained=False, include_top=False, pretrained_top=False).output_shape == (None, 768)
