"""Packages built on Keras run on jkeras, unmodified: their main uses, each in a process without Keras or TensorFlow.

A package that is not installed is skipped. The scripts are `tests/packages/with_NAME.py`; they end with an error if anything is
wrong.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jkeras

SCRIPTS = Path(__file__).parent / "packages"
# The script, and the modules that it needs besides its package's.
PACKAGES = {
    "bayesflow": ("bayesflow",),
    "efficientnet": ("efficientnet",),
    "image_classifiers": ("classification_models",),
    "keras_hub": ("keras_hub", "grain"),
    "keras_multi_head": ("keras_multi_head",),
    "keras_self_attention": ("keras_self_attention",),
    "keras_sig": ("keras_sig",),
    "keras_tcn": ("tcn",),
    "keras_transformer": ("keras_transformer",),
    "keras_unet": ("keras_unet",),
    "lime": ("lime", "skimage"),
    "livelossplot": ("livelossplot",),
    "medicai": ("medicai",),
    "mlflow": ("mlflow", "tensorboard"),
    "optuna_integration": ("optuna_integration",),
    "segmentation_models": ("segmentation_models", "efficientnet", "classification_models"),
    "shap": ("shap",),
    "tf_keras_vis": ("tf_keras_vis",),
    "tqdm": ("tqdm",),
    "visualkeras": ("visualkeras", "aggdraw"),
    "vit_keras": ("vit_keras", "cv2"),
    "wandb": ("wandb",),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_runs(name, tmp_path):
    absent = [module for module in PACKAGES[name] if importlib.util.find_spec(module) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    done = subprocess.run(
        [sys.executable, "-m", "jkeras", str(SCRIPTS / f"with_{name}.py")],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(jkeras.__file__).parents[1]), "KERAS_HOME": str(tmp_path), "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_script_is_in_the_table():
    assert sorted(f"with_{name}.py" for name in PACKAGES) == sorted(path.name for path in SCRIPTS.glob("with_*.py"))
