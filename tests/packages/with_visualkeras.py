"""visualkeras: pictures of a chain and of a model with a branch."""

import keras
import visualkeras
from keras import layers
from PIL import ImageFont

chain = keras.Sequential([
    layers.Input((32, 32, 3)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(16, 3), layers.Flatten(), layers.Dropout(0.5), layers.Dense(10),
])  # fmt: skip
font = ImageFont.load_default()
for options in ({}, {"legend": True, "font": font}, {"draw_volume": False}, {"scale_xy": 2, "type_ignore": [layers.Flatten]}):
    assert visualkeras.layered_view(chain, **options).size > (10, 10)
x = layers.Input((8,))
a = layers.Dense(4)(x)
b = layers.Dense(4)(x)
branched = keras.Model(x, layers.Dense(2)(layers.Concatenate()([a, b])))
assert visualkeras.graph_view(chain).size > (100, 100)
picture = visualkeras.graph_view(branched, to_file="graph.png")
assert picture.size > (100, 100)
