"""Runs Keras scripts unchanged: `keras`, `tensorflow.keras` and what such scripts use of TensorFlow resolve to jkeras.

From the command line, `python -m jkeras script.py`; in the first cell of a notebook:

import jkeras.compat
jkeras.compat.install()

In code of your own you can have the stand-in for TensorFlow without replacing anything:

from jkeras.compat import tensorflow as tf
"""

from jkeras.compat.check import check_script as check_script
from jkeras.compat.install import install as install
from jkeras.compat.install import is_installed as is_installed
from jkeras.compat.install import uninstall as uninstall
from jkeras.compat.missing import MissingModuleError as MissingModuleError
from jkeras.compat.missing import MissingNameError as MissingNameError
