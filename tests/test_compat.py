"""Unchanged Keras scripts: names give jkeras' objects, errors name missing ones with their line, nothing is replaced."""

import importlib
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

import jax
import numpy as np
import pytest
from documents import compat_in

import jkeras
import jkeras.compat
from jkeras._base.dtypes import result_type
from jkeras.compat import check_script, keras_table, tensorflow_table
from jkeras.compat.hidden import spec_of_others
from jkeras.compat.identity import CompatDistribution
from jkeras.compat.modules import names_in, place_of


@pytest.fixture
def compat(tmp_path):
    with compat_in(tmp_path):
        yield


@pytest.mark.parametrize(
    "line, path",
    [
        ("from keras.layers import Dense as x", "layers.Dense"),
        ("from tensorflow.keras.layers import Dense as x", "layers.Dense"),
        ("from tensorflow.python.keras.layers import Dense as x", "layers.Dense"),
        ("from tensorflow.compat.v1.keras.layers import Dense as x", "layers.Dense"),
        ("from tensorflow.contrib.keras.python.keras.layers import Dense as x", "layers.Dense"),
        ("from tf_keras.layers import Dense as x", "layers.Dense"),
        ("from keras.src.layers.core.dense import Dense as x", "layers.Dense"),
        ("from keras.layers.core import Dense as x", "layers.Dense"),
        ("from keras.constraints import maxnorm as x", "constraints.MaxNorm"),
        ("from keras.layers.convolutional import Conv2D as x", "layers.Conv2D"),
        ("from keras.layers.convolutional import Convolution2D as x", "layers.Convolution2D"),
        ("from keras.layers.pooling import MaxPooling2D as x", "layers.MaxPooling2D"),
        ("from keras.layers.recurrent import LSTM as x", "layers.LSTM"),
        ("from keras.layers.embeddings import Embedding as x", "layers.Embedding"),
        ("from keras.layers.normalization import BatchNormalization as x", "layers.BatchNormalization"),
        ("from keras.layers.normalization.batch_normalization import BatchNormalization as x", "layers.BatchNormalization"),
        ("from keras.layers.merge import concatenate as x", "layers.concatenate"),
        ("from keras.layers.merging.add import Add as x", "layers.Add"),
        ("from keras.layers.advanced_activations import LeakyReLU as x", "layers.LeakyReLU"),
        ("from keras.layers.wrappers import TimeDistributed as x", "layers.TimeDistributed"),
        ("from keras.layers.experimental.preprocessing import Rescaling as x", "layers.Rescaling"),
        ("from keras.engine import Layer as x", "layers.Layer"),
        ("from keras.engine.topology import Input as x", "layers.Input"),
        ("from keras.engine.training import Model as x", "models.Model"),
        ("from keras.models import Sequential as x", "models.Sequential"),
        ("from keras.models import load_model as x", "models.load_model"),
        ("from keras import Model as x", "models.Model"),
        ("from keras.optimizers import Adam as x", "optimizers.Adam"),
        ("from keras.optimizers.legacy import Adam as x", "optimizers.Adam"),
        ("from keras.optimizer_v2.adam import Adam as x", "optimizers.Adam"),
        ("from tensorflow.optimizers import SGD as x", "optimizers.SGD"),
        ("from keras.optimizers.schedules import ExponentialDecay as x", "optimizers.schedules.ExponentialDecay"),
        ("from keras.utils.np_utils import to_categorical as x", "utils.np_utils.to_categorical"),
        ("from keras.utils.vis_utils import plot_model as x", "utils.plot_model"),
        ("from keras.utils.generic_utils import Progbar as x", "utils.Progbar"),
        ("from keras.preprocessing.image import ImageDataGenerator as x", "preprocessing.image.ImageDataGenerator"),
        ("from keras.preprocessing.sequence import pad_sequences as x", "preprocessing.sequence.pad_sequences"),
        ("from keras.preprocessing.text import Tokenizer as x", "preprocessing.text.Tokenizer"),
        ("from keras.wrappers.scikit_learn import KerasClassifier as x", "wrappers.scikit_learn.KerasClassifier"),
        ("from keras.datasets.mnist import load_data as x", "datasets.mnist.load_data"),
        ("from keras.callbacks import EarlyStopping as x", "callbacks.EarlyStopping"),
        ("from keras.regularizers import l2 as x", "regularizers.l2"),
        ("from keras.losses import mse as x", "losses.mean_squared_error"),
        ("from keras.objectives import binary_crossentropy as x", "losses.binary_crossentropy"),
        ("from keras.metrics import categorical_crossentropy as x", "metrics.categorical_crossentropy"),
        ("from keras.backend import mean as x", "backend.mean"),
        ("from keras.mixed_precision import set_global_policy as x", "config.set_dtype_policy"),
        ("from keras.ops.linalg import inv as x", "ops.linalg.inv"),
        ("import keras.layers as L; x = L.Dense", "layers.Dense"),
        ("import tensorflow as tf; x = tf.keras.layers.Dense", "layers.Dense"),
        ("import tensorflow.keras.backend as K; x = K.square", "backend.square"),
        ("from keras import layers, backend as K; x = layers.Dense", "layers.Dense"),
        ("from tensorflow import keras; x = keras.callbacks.History", "callbacks.History"),
        ("from keras.layers import *; x = MaxPool2D", "layers.MaxPool2D"),
    ],
)
def test_lines_of_old_and_new_scripts_give_jkeras_objects(compat, line, path):
    space = {}
    exec(line, space)
    module, _, name = path.rpartition(".")
    holder = jkeras
    for part in module.split("."):
        holder = getattr(holder, part, None) or importlib.import_module(f"jkeras.{module}")
    assert space["x"] is getattr(holder, name)


def test_every_row_of_the_tables_leads_somewhere():
    assert all(place_of(f"keras.{part}") for parts in keras_table.PARTS.values() for part in parts.split())
    assert all(place_of(f"{root}.layers").key == "layers" for root in keras_table.ROOTS)
    for table in (keras_table, tensorflow_table):
        for homes in table.PLACES.values():
            assert all(importlib.import_module(home) for home in homes.split())
        for row, target in getattr(table, "NAMES_3", table.NAMES).items():
            module, _, name = target.rpartition(".")
            assert hasattr(importlib.import_module(module), name), (row, target)
    assert keras_table.PARTS.keys() <= keras_table.PLACES.keys() >= set(tensorflow_table.KERAS_PLACES.values())
    for name in (*tensorflow_table.PLACES, *tensorflow_table.ALIASES, *tensorflow_table.KERAS_PLACES):
        assert place_of(name), name


def test_the_stand_in_offers_what_its_files_list_and_nothing_that_they_import():
    for name, homes in tensorflow_table.PLACES.items():
        for home in homes.split():
            module = importlib.import_module(home)
            assert all(hasattr(module, n) for n in getattr(module, "__all__", ())), home
        assert not {"Any", "annotations", "jax", "np", "ops", "Sequence"} & set(names_in(place_of(name)))


def test_private_names_and_modules_of_jkeras_are_not_shown(compat):
    import keras.datasets.mnist
    import keras.layers

    assert not hasattr(keras.layers, "dense") and not hasattr(keras.layers, "_anything")
    assert not hasattr(keras.datasets.mnist, "np") and not hasattr(keras.datasets.mnist, "zipfile")
    assert "Dense" in dir(keras.layers) and "dense" not in dir(keras.layers)


# What is missing.


def error_of(line, kind):
    with pytest.raises(kind) as caught:
        exec(compile(line, "script.py", "exec"), {"__name__": "__main__"})
    return str(caught.value)


@pytest.mark.parametrize(
    "line, kind, said",
    [
        ("from keras.layers import Dens", ImportError, ["keras.layers.Dens is not in", "line 1", "keras.layers.Dense"]),
        ("from keras.layers import Adam", ImportError, ["There is keras.optimizers.Adam"]),
        ("import keras.layer", ImportError, ["keras.layer is not", "keras.layers"]),
        ("import keras; keras.layers.CuDNNLSTM", AttributeError, ["Write keras.layers.LSTM"]),
        ("from keras.models import model_from_yaml", ImportError, ["model_from_json"]),
        ("import tensorflow as t; t.data.experimental.CsvDataset", AttributeError, ["experimental.CsvData", "from_generator"]),
        ("import tensorflow as t; t.lite.TFLiteConverter", AttributeError, ["tensorflow.lite", "not TensorFlow", "model.export"]),
        ("import tensorflow.lite", ImportError, ["tensorflow.lite", "not TensorFlow", "script.py, line 1"]),
        ("import tensorflow as t; t.reduce_men", AttributeError, ["There is tensorflow.reduce_mean", "without jkeras"]),
        ("import tensorflow as t; t.compat.v1.placeholder", AttributeError, ["compat.v1.placeholder", "placeholders"]),
        ("from tensorflow.examples.tutorials.mnist import input_data", ImportError, ["mnist.load_data()"]),
        ("import tensorflow as t; t.contrib.layers", AttributeError, ["TensorFlow 1"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_its_line_and_what_to_write(compat, line, kind, said):
    text = error_of(line, kind)
    assert all(part in text for part in said), text
    assert "not TensorFlow" in text or "tensorflow" not in line


def test_a_library_that_needs_tensorflow_is_named_beside_the_script(compat, tmp_path, monkeypatch):
    (tmp_path / "library.py").write_text("import tensorflow as tf\n\ndef rows():\n    return tf.lite.Interpreter\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = error_of("import library\nlibrary.rows()", AttributeError)
    sys.modules.pop("library")
    assert f"{tmp_path / 'library.py'}, line 4: return tf.lite.Interpreter" in text and "script.py, line 2" in text


def test_asking_whether_there_is_a_name_works_as_ever(compat):
    import tensorflow as tf

    assert not hasattr(tf, "lite") and getattr(tf, "placeholder", None) is None and hasattr(tf, "constant")
    try:
        from keras.layers import NotThere
    except ImportError:
        NotThere = None
    assert NotThere is None


def test_a_script_is_looked_over_without_running():
    source = textwrap.dedent("""
        import os.path
        import tensorflow as tf
        from tensorflow import keras as k
        from keras.layers import Dense, Dens
        import keras.foo
        x = tf.constant([1.0]).data
        with tf.mlir("/GPU:0") as tape:
            y = k.layers.Dense(1)(x) + k.layers.Fancy(1)(x)
        os.path.nothing
        raise SystemExit("it ran")
    """)
    assert [(a.line, a.name, a.is_tensorflow) for a in check_script(source)] == [
        (5, "keras.layers.Dens", False),
        (6, "keras.foo", False),
        (8, "tensorflow.mlir", True),
        (9, "tensorflow.keras.layers.Fancy", False),
    ]
    with pytest.raises(SyntaxError):
        check_script("def")


# Installing.


def test_what_is_imported_already_is_not_replaced(compat):
    jkeras.compat.uninstall()
    for name in ("keras", "tensorflow"):
        theirs = types.ModuleType(name)
        theirs.__file__ = f"/somewhere/{name}/__init__.py"
        sys.modules[name] = theirs
        with pytest.raises(RuntimeError, match=rf"{name} is already imported, from /somewhere/{name}/.*\n.*install\(\) before"):
            jkeras.compat.install()
        assert sys.modules.pop(name) is theirs and not jkeras.compat.is_installed()
    jkeras.compat.install()
    jkeras.compat.install()  # a second time has no effect
    assert jkeras.compat.is_installed()


def test_uninstalling_takes_everything_back(compat):
    import keras.layers

    finders = len(sys.meta_path)
    assert hasattr(jkeras.ops.ones(1), "numpy")
    jkeras.compat.uninstall()
    jkeras.compat.uninstall()
    assert len(sys.meta_path) == finders - 1 and not jkeras.compat.is_installed()
    assert not [name for name in sys.modules if name.partition(".")[0] in ("keras", "tensorflow")]
    assert not hasattr(jkeras.ops.ones(1), "numpy")
    jkeras.compat.install()
    assert keras.layers.Dense is jkeras.layers.Dense  # names imported earlier still work


def test_the_settings_file_is_honoured_and_given_back(compat, tmp_path, monkeypatch):
    jkeras.compat.uninstall()
    home = tmp_path / "home"
    home.mkdir()
    file = home / "keras.json"
    monkeypatch.setenv("KERAS_HOME", str(home))
    file.write_text(
        json.dumps({"floatx": "float16", "epsilon": 1e-4, "image_data_format": "channels_first", "backend": "theano"})
    )
    jkeras.compat.install()
    import keras

    settings = keras.backend.floatx(), keras.backend.epsilon(), keras.backend.image_data_format()
    assert settings == ("float16", 1e-4, "channels_first")
    jkeras.compat.uninstall()
    assert (jkeras.config.floatx(), jkeras.config.epsilon()) == ("float32", 1e-7)
    for text, said in (("{", "keras.json is not read"), ('{"floatx": "float31"}', "float31")):
        file.write_text(text)
        with pytest.warns(UserWarning, match=said):
            jkeras.compat.install()
        assert jkeras.config.floatx() == "float32"
        jkeras.compat.uninstall()
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"epsilon": 0.01}')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jkeras.compat.install()
    assert jkeras.config.epsilon() == 0.01


def test_the_version_says_what_it_is(compat):
    import keras
    import tensorflow as tf

    assert keras.version() == keras.__version__ and re.fullmatch(r"3\.\d+\.\d+", keras.__version__)
    assert tf.__version__ == tf.keras.__version__ == tf.version.VERSION == "2.15.0"
    assert tf.version.GIT_VERSION.removeprefix("jkeras-") == jkeras.__version__
    assert not hasattr(tf.keras, "version") and not hasattr(tf.config, "__version__")
    assert keras.backend.backend() == keras.config.backend() == "jax"


def test_the_metadata_of_packages_agree_with_the_modules(compat):
    import keras
    import tensorflow as tf

    assert metadata.version("keras") == keras.__version__
    assert metadata.version("tensorflow") == metadata.version("tf-keras") == tf.__version__
    assert metadata.packages_distributions()["keras"][0] == "keras"
    assert metadata.version("jkeras") and next(iter(metadata.distributions(name="pytest"))).metadata["Name"] == "pytest"
    jkeras.compat.uninstall()
    assert not any(isinstance(found, CompatDistribution) for found in metadata.distributions(name="keras"))


def test_tensorflow_can_be_left_alone(tmp_path):
    with compat_in(tmp_path):
        jkeras.compat.uninstall()
        jkeras.compat.install(tensorflow=False)
        finder = sys.meta_path[0]
        assert finder.find_spec("keras") and finder.find_spec("tensorflow") is finder.find_spec("tensorflow.keras") is None
        assert not any(isinstance(found, CompatDistribution) for found in metadata.distributions(name="tensorflow"))


def test_what_packages_ask_the_stand_in(compat):
    import tensorflow as tf

    kinds = tf.RaggedTensor, tf.SparseTensor, tf.IndexedSlices
    assert not isinstance(jkeras.ops.ones(2), kinds) and isinstance(jkeras.ops.ones(2), tf.Tensor) and tf.newaxis is None
    with pytest.raises(NotImplementedError, match=r"tf.SparseTensor is not in jkeras. Arrays are dense"):
        tf.SparseTensor([[0, 0]], [1.0], (2, 2))
    with pytest.raises(tf.errors.NotFoundError):
        open("/nowhere/at all")  # noqa: SIM115
    with pytest.raises(ImportError, match=r"Write tf\.GradientTape"):
        from tensorflow.python.eager import context  # noqa: F401


def test_a_symbolic_shape_has_tensorflows_methods_as_long_as_compat_is_there(compat):
    import tensorflow as tf

    x = tf.keras.layers.Dense(4)(tf.keras.Input((3,)))
    assert x.shape == (None, 4) and x.shape.as_list() == [None, 4] and x.shape.rank == x.shape.ndims == 2
    assert not x.shape.is_fully_defined() and json.dumps(x.shape) == "[null, 4]"
    model = tf.keras.models.model_from_json(tf.keras.Model(x.node.inputs, x).to_json())
    assert model.output_shape == (None, 4) and model.predict(np.ones((2, 3)), verbose=0).shape == (2, 4)
    jkeras.compat.uninstall()
    assert x.shape == (None, 4) and type(jkeras.Input((3,)).shape) is tuple


def test_shapes_of_arrays_weights_and_inputs_of_build_have_tensorflows_methods_as_long_as_compat_is_there(compat):
    import tensorflow as tf

    class Own(tf.keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=[shape.as_list()[-1], 2])

        def call(self, x):
            return tf.matmul(x, self.kernel)[(..., *[None] * (3 - x.shape.rank))]

    x = tf.constant([[1.0, 2.0, 3.0]])
    assert (x.shape, x.shape.rank, x.shape.as_list(), x.shape.num_elements()) == ((1, 3), 2, [1, 3], 3)
    layer = Own()
    y = tf.function(layer)(x)
    assert y.shape.as_list() == layer(x).shape.as_list() == [1, 2, 1] and layer.kernel.shape.as_list() == [3, 2]
    assert jax.tree.map(lambda n: 2 * n, x.shape) == (2, 6), "to JAX the shape is a tuple"
    assert tf.TensorShape([None, 3]).num_elements() is None and tf.TensorShape(None).rank is None
    json.dumps(layer.get_build_config())
    jkeras.compat.uninstall()
    assert {type(one.shape) for one in (x, y, jax.numpy.ones(2))} == {tuple}
    assert jax.jit(lambda x: x.sum() * (type(x.shape) is tuple))(jax.numpy.ones(2)) == 2


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Packages that look for TensorFlow when they are imported."""
    looks = "import importlib.util\nhas = importlib.util.find_spec('tensorflow') is not None\n"
    looks += "try:\n    import tensorflow.nn as nn\nexcept ImportError:\n    nn = None\n"
    names = ["looks_here", "looks_there", "looks_too", "inside_there"]
    for name in names[:3]:
        (tmp_path / f"{name}.py").write_text(looks)
    (tmp_path / "inside_there.py").write_text("import looks_too\nfrom looks_too import has, nn\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    for name in names:
        sys.modules.pop(name, None)


class NoTensorFlow:
    """Finds what is installed, except TensorFlow."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name.partition(".")[0] == "tensorflow" else PathFinder.find_spec(name, path, target)


def test_named_packages_find_no_tensorflow_while_they_are_imported(packages, compat, monkeypatch):
    jkeras.compat.uninstall()
    with pytest.raises(TypeError, match=r"write \('looks_there',\)"):
        jkeras.compat.install(without_tensorflow="looks_there")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "meta_path", [NoTensorFlow() if one is PathFinder else one for one in sys.meta_path])
        jkeras.compat.install(without_tensorflow=("looks_there", "inside_there"))
        import looks_there
        import tensorflow as first

        import inside_there  # isort: skip
        import looks_here
        import tensorflow

        jkeras.compat.uninstall()
    assert looks_here.has and looks_here.nn.relu is first.nn.relu
    assert not looks_there.has and looks_there.nn is None
    assert not inside_there.has and inside_there.nn is None
    assert tensorflow is first


def test_tensorflow_itself_is_hidden_too_and_other_threads_find_the_stand_in(compat):
    finder, hidden = sys.meta_path[0], []
    real = importlib.util.spec_from_loader("tensorflow", None)
    others = [object(), types.SimpleNamespace(find_spec=lambda name, path: real)]  # Python passes over finders without it
    assert spec_of_others("tensorflow", None, others) is real and spec_of_others("tensorflow", None, others[:1]) is None
    with finder.hiding.block(), ThreadPoolExecutor(1) as pool:
        hidden.append(pool.submit(finder.find_spec, "tensorflow").result())
        sys.meta_path.append(others[1])
        try:
            with pytest.raises(ModuleNotFoundError):
                finder.find_spec("tensorflow")
        finally:
            sys.meta_path.remove(others[1])
    assert hidden != [None]


def test_tensorboard_does_not_take_the_stand_in_for_tensorflow(compat):
    pytest.importorskip("tensorboard")
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if name.startswith("tensorboard.compat")}
    import tensorflow  # noqa: F401
    from tensorboard.compat import tf

    assert tf.io.gfile.__name__.startswith("tensorboard")
    sys.modules.update(kept)


def test_a_session_of_keras_2(compat):
    import keras
    import tensorflow as tf

    model = keras.models.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    x = np.ones((4, 3), "float32")
    np.testing.assert_allclose(model(x).numpy(), model.predict(x, verbose=0), rtol=1e-6)
    with tf.Session() as session:
        keras.backend.set_session(session)
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(model.weights[0]), model.get_weights()[0])


# The command line, in as few processes as possible.


def python(tmp_path, *arguments, env=None):
    done = subprocess.run(
        [sys.executable, "-m", "jkeras", *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(jkeras.__file__).parents[1]), "KERAS_HOME": str(tmp_path), **(env or {})},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_script_runs_as_python_would_run_it(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "neighbour.py").write_text("NAME = 'beside the script'\n")
    script = tmp_path / "sub" / "script.py"
    script.write_text(
        "# -*- coding: latin-1 -*-\n"
        "import sys, pickle, neighbour\n"
        "import tensorflow as tf\n"
        "from keras.models import Sequential\n"
        "from keras.layers import Dense\n"
        "class Mine: pass\n"
        "print(__name__, sys.argv, __file__, neighbour.NAME, sys.modules['__main__'].Mine is Mine, 'gr\xfcn')\n"
        "print(type(pickle.loads(pickle.dumps(Mine()))) is Mine, Sequential([Dense(1)]))\n"
        "def needs():\n"
        "    return tf.lite.Interpreter()\n"
        "needs()\n",
        encoding="latin-1",
    )
    status, out, err = python(tmp_path, "sub/script.py", "a", "--b", env={"PYTHONUTF8": "1"})
    assert status == 1
    first, second = out.splitlines()
    assert first == "__main__ ['sub/script.py', 'a', '--b'] sub/script.py beside the script True gr\xfcn"
    assert second.startswith("True <jkeras.models.sequential.Sequential object at 0x")
    # The traceback starts with the script, and the message names the line.
    assert err.splitlines()[:2] == ["Traceback (most recent call last):", '  File "sub/script.py", line 11, in <module>']
    assert "tensorflow.lite is not in jkeras.\n  needed by sub/script.py, line 10: return tf.lite.Interpreter()" in err
    assert "running.py" not in err


def test_modules_lines_and_bad_input(tmp_path, monkeypatch, capsys):
    from jkeras.__main__ import main

    monkeypatch.chdir(tmp_path)
    assert main(["-h"]) == 0 and "usage: python -m jkeras" in capsys.readouterr().out
    assert main(["--version"]) == 0 and capsys.readouterr().out == f"jkeras {jkeras.__version__}\n"
    for arguments, said in (
        ([], "usage"),
        (["--fast"], "--fast is no option"),
        (["-m"], "-m"),
        (["none.py"], "no file 'none.py'"),
    ):
        assert main(arguments) == 2 and said in capsys.readouterr().err
    (tmp_path / "script.py").write_text("import tensorflow as tf\ntf.lite\n")
    assert main(["--check", "script.py"]) == 1
    first, hint, *_ = capsys.readouterr().out.splitlines()
    assert first == "script.py:2: tensorflow.lite (TensorFlow's own)" and hint.startswith("    Write model.save('model.keras')")
    (tmp_path / "script.py").write_text("import tensorflow as tf\ntf.keras\n")
    assert main(["--check", "script.py"]) == 0
    assert main(["--check", "none.py"]) == 2


@pytest.mark.parametrize("how", ["-m", "-c", "folder", "exit", "syntax"])
def test_ways_to_run_in_this_process(compat, tmp_path, monkeypatch, capsys, how):
    from jkeras.__main__ import main

    jkeras.compat.uninstall()
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", ["first", str(tmp_path), *sys.path[1:]])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    code = "import sys, keras\nprint(__name__, sys.argv[1:], keras.layers.Dense.__module__)\n"
    if how == "-c":
        main(["-c", code, "a"])
    elif how == "-m":
        (tmp_path / "a_module.py").write_text(code)
        main(["-m", "a_module", "a"])
    elif how == "folder":
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "__main__.py").write_text(code)
        main(["folder", "a"])
    else:
        (tmp_path / "s.py").write_text("import sys; sys.exit('ended')" if how == "exit" else "x = 1\n%matplotlib inline\n")
        with pytest.raises(SystemExit) as caught:
            main(["s.py"])
        assert caught.value.code == ("ended" if how == "exit" else 1)
        if how == "syntax":
            err = capsys.readouterr().err
            assert "line 2" in err and "%matplotlib inline" in err and "SyntaxError" in err and "notebook" in err
        return
    assert capsys.readouterr().out == "__main__ ['a'] jkeras.layers.dense\n"


def test_json_has_the_keys_of_keras_2(tmp_path):
    """As the documents print it; without compat it is Keras 3's, and both are read."""
    plain = jkeras.Sequential([jkeras.Input((1,)), jkeras.layers.Dense(16, activation="relu")])
    with compat_in(tmp_path):
        from tensorflow.keras.models import Sequential, model_from_json

        model = Sequential([importlib.import_module("tensorflow.keras.layers").Dense(16, input_shape=(1,), activation="relu")])
        shown = json.loads(model.to_json())
        first, second = shown["config"]["layers"]
        assert first["class_name"] == "InputLayer" and first["config"]["batch_input_shape"] == [None, 1]
        assert second["config"]["dtype"] == "float32" and second["config"]["units"] == 16
        assert second["config"]["bias_initializer"]["class_name"] == "Zeros" and shown["keras_version"].startswith("2.")
        assert model_from_json(model.to_json()).output_shape == (None, 16)
    assert json.loads(plain.to_json())["config"]["layers"][0]["config"]["batch_shape"] == [None, 1]


def test_nothing_of_it_stays_after_uninstall_also_where_two_were_nested(tmp_path):
    from jkeras.compat.modules import CompatModule

    with compat_in(tmp_path):
        import tensorflow

        with compat_in(tmp_path):
            import keras  # noqa: F401
        import tensorflow.keras  # noqa: F401
    assert not [name for name, module in sys.modules.items() if isinstance(module, CompatModule)]
    assert not jkeras.compat.is_installed()


def test_uninstall_leaves_what_is_not_its_own(tmp_path, monkeypatch):
    module = types.ModuleType("tensorboard.compat.notf")
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", module)
    with compat_in(tmp_path):
        pass
    assert sys.modules["tensorboard.compat.notf"] is module


# What packages on top of Keras 3 ask.


def test_names_that_packages_on_keras_3_use(compat):
    import keras

    x = keras.Input((3,))
    assert keras.utils.is_keras_tensor(x) and not keras.utils.is_keras_tensor([1])
    assert keras.utils.get_source_inputs(keras.layers.Dense(2)(x)) == [x]
    assert keras.backend.standardize_dtype(np.float32) == "float32"
    assert keras.backend.is_float_dtype("float16") and keras.backend.is_int_dtype("uint8")
    policy = keras.dtype_policies.get("mixed_bfloat16")
    assert keras.dtype_policies.deserialize(keras.dtype_policies.serialize(policy)) == policy
    assert keras.utils.deserialize_keras_object(keras.utils.serialize_keras_object(keras.layers.Dense(3))).units == 3
    space = {}
    exec("from keras import *", space)
    assert space["layers"].Dense is keras.layers.Dense and space["Model"] is keras.Model


def test_each_family_of_networks_has_its_module(compat):
    import keras
    import tensorflow as tf
    from keras.applications.resnet50 import ResNet50, preprocess_input

    assert ResNet50 is keras.applications.ResNet50 is tf.keras.applications.resnet.ResNet50
    assert keras.applications.vgg16.preprocess_input is not preprocess_input
    assert not hasattr(keras.applications.vgg16, "ResNet50") and not hasattr(keras.applications.resnet50, "layers")
    assert "efficientnet_v2" in keras.applications.__all__ and "ConvNeXtTiny" in dir(keras.applications)


def test_objects_in_the_form_of_keras_2_by_a_table(compat):
    import keras

    class Width:
        def __init__(self, n, start="zeros"):
            self.n, self.start = n, start

        def get_config(self):
            return {"n": self.n, "start": keras.initializers.Constant(2.0)}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    legacy = keras.utils.legacy
    config = legacy.serialize_keras_object(Width(3))
    constant = {"class_name": "Constant", "config": {"value": 2.0}}
    assert config == {"class_name": "Width", "config": {"n": 3, "start": constant}}
    assert legacy.deserialize_keras_object(config, {"Width": Width}).n == 3
    assert legacy.deserialize_keras_object(config, None, {"Width": Width}).start == constant
    assert legacy.deserialize_keras_object("Width", {"Width": lambda: 5})() == 5
    with pytest.raises(ValueError, match="'Width'"):
        legacy.deserialize_keras_object(config)


KINDS = ["bool", "int8", "uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64", int, float, bool, None]


@pytest.mark.parametrize("first", KINDS)
def test_the_dtype_of_a_result_is_keras(first):
    reference = pytest.importorskip("keras")
    if reference.backend.backend() != "jax":
        pytest.skip("Keras promotes to wide types on other backends")
    assert [result_type(first, second) for second in KINDS] == [reference.backend.result_type(first, second) for second in KINDS]


@pytest.mark.parametrize("name", ["compile", "fit", "evaluate", "predict"])
def test_signatures_show_keras_arguments_and_no_keywords(name):
    keras = pytest.importorskip("keras")
    ours, theirs = (inspect.signature(getattr(model, name)).parameters for model in (jkeras.Model, keras.Model))
    assert theirs.keys() - {"kwargs"} <= ours.keys() <= theirs.keys() | {"resume", "distribution", "reproducible"}
    assert not any(p.kind is p.VAR_KEYWORD for p in ours.values())


def test_a_compiled_model_can_be_run_eagerly_from_now_on():
    model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    assert not model.run_eagerly and model.jit_compile
    model.compile("sgd", "mse")
    x = np.ones((8, 2), "float32")
    model.fit(x, x[:, :1], verbose=0)
    model.run_eagerly = True
    model.fit(x, x[:, :1], verbose=0)
    assert model.run_eagerly and not model.jit_compile
    model.jit_compile = True
    assert model.jit_compile and not model.run_eagerly
