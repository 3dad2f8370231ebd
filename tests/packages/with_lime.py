"""lime: explanations of a classifier of rows and of one of images."""

import keras
import numpy as np
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4)).astype("float32")
y = (x[:, 2] > 0).astype("int32")
model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")])
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
model.fit(x, y, epochs=10, verbose=0)
explainer = LimeTabularExplainer(x, feature_names=list("abcd"), class_names=["low", "high"], random_state=0)
explained = explainer.explain_instance(x[0], lambda rows: model.predict(rows, verbose=0), num_features=4, num_samples=500)
assert explained.as_list()[0][0].strip("<>=. 0123456789-") == "c", explained.as_list()

images = keras.Sequential([
    keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax"),
])  # fmt: skip
found = LimeImageExplainer(random_state=0).explain_instance(
    rng.random((24, 24, 3)), lambda batch: images.predict(batch, verbose=0), num_samples=20
)
assert found.get_image_and_mask(found.top_labels[0])[1].shape == (24, 24)
