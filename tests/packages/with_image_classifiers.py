"""image-classifiers: three networks without weights, one of them trained."""

import numpy as np
from classification_models.tfkeras import Classifiers

x = np.random.default_rng(0).random((8, 64, 64, 3)).astype("float32")
for name in ("seresnet18", "mobilenetv2"):
    network, preprocess = Classifiers.get(name)
    model = network(input_shape=(64, 64, 3), classes=5, weights=None)
    assert model.predict(preprocess(x * 255), verbose=0).shape == (8, 5)

ResNet18, preprocess = Classifiers.get("resnet18")
model = ResNet18(input_shape=(64, 64, 3), classes=5, weights=None)
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
logs = model.fit(preprocess(x), np.arange(8) % 5, epochs=1, verbose=0).history
assert np.isfinite(logs["loss"][0]) and "resnet18" in Classifiers.models_names()
