"""The modules of the stand-in for `tensorflow`, and which modules of `standin/` serve them."""

from __future__ import annotations

VERSIONED = ("tensorflow", "tensorflow.compat.v1", "tensorflow.compat.v2")

_IN = "jkeras.compat.standin"
EMPTY = _IN  # a package that has only submodules
_TOP = " ".join(
    f"{_IN}.{name}"
    for name in (
        "top",
        "functions",
        "tapes",
        "arrays",
        "renamed",
        "creation",
        "dtypes",
        "randomness",
        "variables",
        "version_one",
        "absent_kinds",
        "mathematics",
        "tensor_spec",
        "python_calls",
        "control",
        "indexing",
        "modules",
        "protos",
    )
)

PLACES = {
    "tensorflow": _TOP,
    "tensorflow.audio": f"{_IN}.audio",
    "tensorflow.compat": f"{_IN}.texts",
    "tensorflow.config": f"{_IN}.devices",
    "tensorflow.config.experimental": f"{_IN}.devices",
    "tensorflow.config.optimizer": f"{_IN}.graph_options",
    "tensorflow.config.threading": f"{_IN}.threads",
    "tensorflow.data": f"{_IN}.data.dataset {_IN}.data.options {_IN}.data.text_lines {_IN}.records.datasets",
    "tensorflow.data.experimental": f"{_IN}.data.experimental {_IN}.data.csv_files",
    "tensorflow.debugging": f"{_IN}.debugging",
    "tensorflow.distribute": f"{_IN}.distribution",
    "tensorflow.distribute.experimental": f"{_IN}.distribution",
    "tensorflow.dtypes": f"{_IN}.dtypes {_IN}.arrays",
    "tensorflow.errors": f"{_IN}.errors",
    "tensorflow.experimental": EMPTY,
    "tensorflow.experimental.numpy": "jkeras.ops",
    "tensorflow.experimental.numpy.random": f"{_IN}.numpy_draws",
    "tensorflow.gfile": f"{_IN}.gfile",
    "tensorflow.image": f"{_IN}.image.geometry {_IN}.image.color {_IN}.image.random_changes {_IN}.image.arrays"
    f" {_IN}.image.patches {_IN}.image.filters {_IN}.image.boxes {_IN}.files",
    "tensorflow.io": f"{_IN}.files {_IN}.records.files {_IN}.records.parsing",
    "tensorflow.io.gfile": f"{_IN}.gfile",
    "tensorflow.linalg": f"{_IN}.linalg",
    "tensorflow.logging": f"{_IN}.messages",
    "tensorflow.lookup": f"{_IN}.tables",
    "tensorflow.math": f"{_IN}.mathematics {_IN}.renamed {_IN}.arrays {_IN}.indexing",
    "tensorflow.nest": f"{_IN}.nests",
    "tensorflow.nn": f"{_IN}.networks",
    "tensorflow.python": EMPTY,
    "tensorflow.python.client": EMPTY,
    "tensorflow.python.client.device_lib": f"{_IN}.devices",
    "tensorflow.python.eager": EMPTY,
    "tensorflow.python.eager.backprop": f"{_IN}.tapes {_IN}.gradient_rules",
    "tensorflow.python.eager.execute": f"{_IN}.gradient_rules",
    "tensorflow.python.framework": EMPTY,
    "tensorflow.python.framework.ops": f"{_IN}.version_one {_IN}.gradient_rules",
    "tensorflow.python.ops": EMPTY,
    "tensorflow.python.ops.gradients_impl": f"{_IN}.gradient_rules",
    "tensorflow.python.ops.gradients_util": f"{_IN}.gradient_rules",
    "tensorflow.python_io": f"{_IN}.records.files",
    "tensorflow.random": f"{_IN}.randomness {_IN}.generators",
    "tensorflow.random.experimental": f"{_IN}.generators",
    "tensorflow.raw_ops": f"{_IN}.raw_ops",
    "tensorflow.signal": f"{_IN}.signals",
    "tensorflow.sparse": f"{_IN}.records.sparse",
    "tensorflow.strings": f"{_IN}.strings",
    "tensorflow.summary": f"{_IN}.summaries",
    "tensorflow.summary.experimental": f"{_IN}.raw_summaries",
    "tensorflow.sysconfig": f"{_IN}.testing",
    "tensorflow.test": f"{_IN}.testing",
    "tensorflow.train": f"{_IN}.checkpoints {_IN}.records.messages",
    "tensorflow.version": f"{_IN}.version",
}

# The same under other names.
ALIASES = {
    f"tensorflow.{above}{place.removeprefix('tensorflow')}".rstrip("."): place
    for above in ("compat.v1", "compat.v2", "_api.v1", "_api.v2")
    for place in PLACES
    if not place.startswith(("tensorflow.compat", "tensorflow.python"))
}
ALIASES["tensorflow._api"] = "tensorflow.compat"

# Modules of TensorFlow that are other names for places of Keras.
KERAS_PLACES = {
    "tensorflow.initializers": "initializers",
    "tensorflow.losses": "losses",
    "tensorflow.metrics": "metrics",
    "tensorflow.optimizers": "optimizers",
    "tensorflow.optimizers.schedules": "optimizers.schedules",
}

# Name -> where jkeras has it, for names that no module of the stand-in defines.
NAMES = {
    "tensorflow.Assert": f"{_IN}.debugging.Assert",
    "tensorflow.gradients": f"{_IN}.gradient_rules.gradients",
    "tensorflow.get_static_value": f"{_IN}.debugging.get_static_value",
    "tensorflow.assert_equal": f"{_IN}.debugging.assert_equal",
    "tensorflow.assert_none_equal": f"{_IN}.debugging.assert_none_equal",
    "tensorflow.assert_less": f"{_IN}.debugging.assert_less",
    "tensorflow.assert_less_equal": f"{_IN}.debugging.assert_less_equal",
    "tensorflow.assert_greater": f"{_IN}.debugging.assert_greater",
    "tensorflow.assert_greater_equal": f"{_IN}.debugging.assert_greater_equal",
    "tensorflow.assert_positive": f"{_IN}.debugging.assert_positive",
    "tensorflow.assert_negative": f"{_IN}.debugging.assert_negative",
    "tensorflow.assert_non_negative": f"{_IN}.debugging.assert_non_negative",
    "tensorflow.assert_non_positive": f"{_IN}.debugging.assert_non_positive",
    "tensorflow.assert_near": f"{_IN}.debugging.assert_near",
    "tensorflow.assert_rank": f"{_IN}.debugging.assert_rank",
    "tensorflow.assert_integer": f"{_IN}.debugging.assert_integer",
    "tensorflow.assert_type": f"{_IN}.debugging.assert_type",
    "tensorflow.assert_scalar": f"{_IN}.debugging.assert_scalar",
    "tensorflow.experimental.numpy.experimental_enable_numpy_behavior": f"{_IN}.version_one.enable_numpy_behavior",
    "tensorflow.svd": f"{_IN}.linalg.svd",
    "tensorflow.tensor_diag": f"{_IN}.linalg.tensor_diag",
    "tensorflow.tensor_diag_part": f"{_IN}.linalg.tensor_diag_part",
    "tensorflow.random_crop": f"{_IN}.image.random_changes.random_crop",
    "tensorflow.as_string": f"{_IN}.strings.as_string",
    "tensorflow.FixedLenFeature": f"{_IN}.records.parsing.FixedLenFeature",
    "tensorflow.VarLenFeature": f"{_IN}.records.parsing.VarLenFeature",
    "tensorflow.parse_example": f"{_IN}.records.parsing.parse_example",
    "tensorflow.parse_single_example": f"{_IN}.records.parsing.parse_single_example",
    "tensorflow.sparse_tensor_to_dense": f"{_IN}.records.sparse.to_dense",
    "tensorflow.read_file": f"{_IN}.files.read_file",
    "tensorflow.write_file": f"{_IN}.files.write_file",
    "tensorflow.zeros_initializer": "jkeras.initializers.Zeros",
    "tensorflow.ones_initializer": "jkeras.initializers.Ones",
    "tensorflow.constant_initializer": "jkeras.initializers.Constant",
    "tensorflow.random_normal_initializer": "jkeras.initializers.RandomNormal",
    "tensorflow.random_uniform_initializer": "jkeras.initializers.RandomUniform",
    "tensorflow.truncated_normal_initializer": "jkeras.initializers.TruncatedNormal",
    "tensorflow.glorot_uniform_initializer": "jkeras.initializers.GlorotUniform",
}
