"""mlflow: autolog under keras and tensorflow, models logged and loaded, the callback."""

import os

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import keras
import mlflow
import numpy as np

mlflow.set_tracking_uri(f"file://{os.getcwd()}/mlruns")
x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")


def trained(**options):
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(x, x[:, :1], epochs=2, batch_size=8, verbose=0, **options)
    return model


# Under TensorFlow's name mlflow writes SavedModel unless told otherwise, which only TensorFlow can.
for flavour, options in ((mlflow.tensorflow, {"keras_model_kwargs": {"save_format": "h5"}}), (mlflow.keras, {})):
    flavour.autolog(log_datasets=False, log_models=False)
    with mlflow.start_run() as run:
        model = trained(validation_split=0.25)
    data = mlflow.get_run(run.info.run_id).data
    assert {"loss", "mae", "val_loss", "val_mae"} <= data.metrics.keys(), (flavour.__name__, data.metrics)
    assert data.params["epochs"] == "2" and data.params["batch_size"] == "8", data.params
    flavour.autolog(disable=True)
    with mlflow.start_run():
        signature = mlflow.models.infer_signature(x, model.predict(x, verbose=0))
        logged = flavour.log_model(model, name="model", signature=signature, **options)
    again = flavour.load_model(logged.model_uri)
    served = mlflow.pyfunc.load_model(logged.model_uri)
    for outputs in (again.predict(x, verbose=0), served.predict(x)):
        np.testing.assert_allclose(outputs, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)

with mlflow.start_run() as run:
    trained(callbacks=[mlflow.keras.MlflowCallback(run)])
assert "loss" in mlflow.get_run(run.info.run_id).data.metrics
