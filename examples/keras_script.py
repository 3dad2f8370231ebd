"""A Keras 2 script that jkeras runs unchanged: it imports `keras` and `tensorflow` and never mentions jkeras.

    python -m jkeras examples/keras_script.py

Neither Keras nor TensorFlow needs to be installed. The script uses old names on purpose: `lr=`, `input_dim=`,
`metrics=["acc"]`, `np_utils`, `predict_classes`, the backend `K`. `python -m jkeras --check examples/keras_script.py` lists
what a script uses that jkeras does not have, without running it. With `--quick` it trains for two epochs. Prints the epochs,
the results and predictions for the 30 flowers that it has not seen, and writes `out/iris.h5`. Under half a minute on two cores.
"""

import os
import sys

import keras.backend as K
import numpy as np
import tensorflow as tf
from keras.callbacks import EarlyStopping
from keras.layers import Dense, Dropout
from keras.models import Sequential, load_model
from keras.optimizers import Adam
from keras.utils import np_utils
from sklearn.datasets import load_iris

tf.set_random_seed(0)
np.random.seed(0)


def mean_confidence(y_true, y_pred):
    return K.mean(K.max(y_pred, axis=-1))


iris = load_iris()
order = np.random.permutation(len(iris.data))
x, labels = iris.data[order].astype(K.floatx()), iris.target[order]
x = (x - x.mean(axis=0)) / x.std(axis=0)
y = np_utils.to_categorical(labels)

model = Sequential()
model.add(Dense(16, input_dim=4, activation="relu"))
model.add(Dropout(0.1))
model.add(Dense(3, activation="softmax"))
model.summary()
model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.01), metrics=["acc", mean_confidence])
history = model.fit(
    x[:120],
    y[:120],
    validation_split=0.2,
    epochs=2 if "--quick" in sys.argv else 60,
    batch_size=8,
    verbose=2,
    callbacks=[EarlyStopping(monitor="val_loss", patience=10)],
)
print("history:", sorted(history.history), "epochs:", len(history.history["acc"]))
print("test:", model.evaluate(x[120:], y[120:], verbose=0))
print("predicted:", model.predict_classes(x[120:]), "\ntrue:     ", labels[120:])

os.makedirs("out", exist_ok=True)
model.save("out/iris.h5")
print("reloaded: ", load_model("out/iris.h5", custom_objects={"mean_confidence": mean_confidence}).predict_classes(x[120:]))
