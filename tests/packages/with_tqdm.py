"""tqdm's callback: bars over epochs and batches, with the logs."""

import io
import sys

import keras
import numpy as np
from tqdm import tqdm
from tqdm.keras import TqdmCallback

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.ones((64, 3))
shown = sys.stderr = io.StringIO()
callback = TqdmCallback(verbose=2, tqdm_class=tqdm)
model.fit(x, x[:, :1], epochs=2, batch_size=16, verbose=0, callbacks=[callback])
sys.stderr = sys.__stderr__
assert "2/2" in shown.getvalue() and "loss=" in shown.getvalue(), shown.getvalue()
assert (callback.epoch_bar.n, callback.batch_bar.n) == (2, 4), (callback.epoch_bar.n, callback.batch_bar.n)
