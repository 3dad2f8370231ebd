"""livelossplot: its callback collects every epoch's logs."""

import keras
import matplotlib
import numpy as np

matplotlib.use("Agg")
from livelossplot import PlotLossesKeras
from livelossplot.outputs import ExtremaPrinter

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
plot = PlotLossesKeras(outputs=[ExtremaPrinter()])
x = np.ones((16, 3))
model.fit(x, x[:, :1], validation_data=(x, x[:, :1]), epochs=3, verbose=0, callbacks=[plot])
history = plot.liveplot.logger.log_history
assert {len(values) for values in history.values()} == {3} and {"loss", "val_loss", "val_mae"} <= {*history}, history
