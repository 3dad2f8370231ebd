"""What to write instead of names that jkeras does not have; a row covers the name and everything below it."""

from __future__ import annotations

_DATA = """Write tf.data.Dataset.from_tensor_slices(arrays), or from_generator(function) with Python that reads the files; or pass
arrays, generators and keras.utils.Sequence objects to fit()."""
_DATASETS = """It downloads data and needs TensorFlow itself. Write keras.datasets.mnist.load_data(), or load the files with
NumPy, pandas or the package `datasets`; then tf.data.Dataset.from_tensor_slices((x_train, y_train)) for a pipeline."""
_ADDONS = """It needs TensorFlow's runtime. Most of it is in Keras: keras.optimizers.AdamW, Lamb, Lion,
keras.layers.GroupNormalization(groups=-1) for InstanceNormalization, SpectralNormalization, keras.metrics.F1Score, R2Score,
keras.losses.CategoricalFocalCrossentropy, keras.ops.image."""
_COLUMNS = """Feature columns need TensorFlow. Write one keras.Input per column with StringLookup, Discretization or
CategoryEncoding, or keras.utils.FeatureSpace for all of them."""
_TRACE = "Write with jax.profiler.trace(folder): ..., and open the folder with TensorBoard or Perfetto."
_ONE_GRAPH = """There are no graphs with placeholders and sessions that run them. Write the model with keras.layers, or the
computation as a function of arrays with jax.numpy."""
_LSTM = "jkeras compiles its own recurrent layers for every device. Write keras.layers.{} with the same arguments."
_SIZES = """It gives images of another size in each batch, and a compiled step has one. Keras 3 does not have it either. Write
keras.layers.RandomZoom({})."""
_YAML = "Reading YAML can run code. Write model.to_json() and keras.models.model_from_json(text)."
_DEVICES = "A run uses JAX's first device. To choose another: with jax.default_device(jax.devices()[1]): ..."
_FILES = "Write model.save('model.keras') and keras.models.load_model('model.keras'), or model.export('folder') to serve a model."
_EAGER = "Write the operation with keras.ops or jax.numpy; both take the arrays that layers take and return."
_OPTIMIZER = "Write keras.optimizers.{} and pass it to model.compile(optimizer=...)."

_RUNTIME = "TensorFlow's own runtime is not here. Write tf.GradientTape, or jax.grad of a function of arrays."

HINTS = {
    "tensorflow.eager": _RUNTIME,
    "tensorflow.data": _DATA,
    "tensorflow_datasets": _DATASETS,
    "tensorflow_addons": _ADDONS,
    "tensorflow_hub": "It loads programs of TensorFlow. Write a network of keras.applications, or of the package keras_hub.",
    "tensorflow_text": "It is part of TensorFlow's runtime. Write keras.layers.TextVectorization, or the package `tokenizers`.",
    "tensorflow.feature_column": _COLUMNS,
    "tensorflow.lookup": "Write tf.lookup.StaticHashTable, or keras.layers.StringLookup or IntegerLookup with vocabulary=[...].",
    "tensorflow.summary.trace_on": _TRACE,
    "tensorflow.summary.trace_export": _TRACE,
    "tensorflow.profiler": _TRACE,
    "tensorflow.config.experimental.VirtualDeviceConfiguration": _DEVICES,
    "tensorflow.config.experimental.set_virtual_device_configuration": _DEVICES,
    "tensorflow.placeholder": _ONE_GRAPH,
    "tensorflow.Graph": _ONE_GRAPH,
    "tensorflow.get_variable": _ONE_GRAPH,
    "tensorflow.layers": "These are TensorFlow 1's layers. Write keras.layers instead.",
    "tensorflow.estimator": "Estimators ended with TensorFlow 1. Write a keras.Model with compile() and fit().",
    "tensorflow.contrib": "tf.contrib ended with TensorFlow 1. Its layers, losses and optimizers are in keras.",
    "tensorflow.examples": "TensorFlow 2 does not have this package either. Write keras.datasets.mnist.load_data().",
    "tensorflow.distribute": _DEVICES,
    "tensorflow.tpu": _DEVICES,
    "tensorflow.saved_model": "Write keras.models.load_model(folder), which reads SavedModels of Keras. " + _FILES,
    "tensorflow.lite": _FILES,
    "tensorflow.train.Saver": _FILES,
    "tensorflow.train.AdamOptimizer": _OPTIMIZER.format("Adam(learning_rate)"),
    "tensorflow.train.GradientDescentOptimizer": _OPTIMIZER.format("SGD(learning_rate)"),
    "tensorflow.train.RMSPropOptimizer": _OPTIMIZER.format("RMSprop(learning_rate)"),
    "tensorflow.train.MomentumOptimizer": _OPTIMIZER.format("SGD(learning_rate, momentum=...)"),
    "tensorflow.image": "Write it with the other functions of tf.image, with jax.numpy, or as a layer: Resizing, Random...",
    "tensorflow.io": "Read files with Python: pathlib.Path(name).read_bytes(), numpy.load(name), PIL.Image.open(name).",
    "tensorflow.autograph": "Functions are traced by JAX. Write tf.cond and tf.while_loop for an `if` or a loop on values.",
    "tensorflow.raw_ops": _EAGER,
    "tensorflow.ragged": "Rows have one length here: keras.preprocessing.sequence.pad_sequences(rows) and Masking().",
    "tensorflow.RaggedTensor": "Rows have one length here: keras.preprocessing.sequence.pad_sequences(rows).",
    "tensorflow.sparse": "Arrays are dense here: matrix.toarray().",
    "tensorflow.SparseTensor": "Arrays are dense here: matrix.toarray().",
    "tensorflow.IndexedSlices": "Gradients are arrays here.",
    "tensorflow.strings": "Write it with Python inside tf.py_function(function, [text], tf.string).",
    "layers.CuDNNLSTM": _LSTM.format("LSTM"),
    "layers.CuDNNGRU": _LSTM.format("GRU"),
    "layers.RandomHeight": _SIZES.format("height_factor, 0.0"),
    "layers.RandomWidth": _SIZES.format("0.0, width_factor"),
    "layers.merge": "Write keras.layers.add, concatenate, multiply, average, maximum or dot.",
    "layers.Merge": "Write keras.layers.Add, Concatenate, Multiply, Average, Maximum or Dot in a functional model.",
    "layers.Highway": "It ended with Keras 1. Write a subclass of Layer, or Dense layers and Multiply().",
    "layers.MaxoutDense": "It ended with Keras 1. Write Dense(units * n), Reshape((n, units)) and a Lambda that takes the max.",
    "layers.DenseFeatures": _COLUMNS,
    "models.model_from_yaml": _YAML,
    "models.Graph": "It ended with Keras 1. Write keras.Model(inputs, outputs).",
    "utils.multi_gpu_model": _DEVICES,
    "estimator": "Estimators ended with TensorFlow 1. Call the model's compile() and fit().",
    "dtensor": _DEVICES,
}


def hint_for(name: str) -> str | None:
    """The row for a full name, for a module above it, or for its place in Keras.

    Example:
        >>> hint_for("tensorflow.train.AdamOptimizer")
        'Write keras.optimizers.Adam(learning_rate) and pass it to model.compile(optimizer=...).'
        >>> hint_for("keras.layers.Dense") is None
        True
    """
    parts = [part for part in name.split(".") if part not in ("compat", "v1", "v2", "python", "_api", "src", "api")]
    if "keras" in parts:
        parts = parts[parts.index("keras") + 1 :]
    while parts:
        row = HINTS.get(".".join(parts))
        if row is not None:
            return row
        parts.pop()
    return None
