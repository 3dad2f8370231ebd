"""Small helpers around models and data: files from the network, labels as one-hot rows, unit norms."""

from jkeras._base.registry import CustomObjectScope as CustomObjectScope
from jkeras._base.registry import custom_object_scope as custom_object_scope
from jkeras._base.registry import get_custom_objects as get_custom_objects
from jkeras._base.registry import get_registered_name as get_registered_name
from jkeras._base.registry import get_registered_object as get_registered_object
from jkeras._base.registry import register_keras_serializable as register_keras_serializable
from jkeras.callbacks.progress import Progbar as Progbar
from jkeras.data.batch import pack_x_y_sample_weight as pack_x_y_sample_weight
from jkeras.data.batch import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from jkeras.data.py_dataset import PyDataset as PyDataset
from jkeras.data.py_dataset import Sequence as Sequence
from jkeras.state.random import set_random_seed as set_random_seed
from jkeras.utils import np_utils as np_utils
from jkeras.utils.files import get_file as get_file
from jkeras.utils.numerical import normalize as normalize
from jkeras.utils.numerical import to_categorical as to_categorical
from jkeras.utils.session import clear_session as clear_session
