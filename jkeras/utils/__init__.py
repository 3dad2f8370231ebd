"""Small helpers around models and data: files from the network, labels as one-hot rows, unit norms, pictures of models."""

from typing import TYPE_CHECKING

from jkeras._base.dtypes import dtype_of_values as standardize_dtype  # noqa: F401 - Keras' name
from jkeras._base.lazy import lazy_names as lazy_names
from jkeras._base.registry import CustomObjectScope as CustomObjectScope
from jkeras._base.registry import custom_object_scope as custom_object_scope
from jkeras._base.registry import get_custom_objects as get_custom_objects
from jkeras._base.registry import get_registered_name as get_registered_name
from jkeras._base.registry import get_registered_object as get_registered_object
from jkeras._base.registry import register_keras_serializable as register_keras_serializable
from jkeras.callbacks.printing import disable_interactive_logging as disable_interactive_logging
from jkeras.callbacks.printing import enable_interactive_logging as enable_interactive_logging
from jkeras.callbacks.printing import is_interactive_logging_enabled as is_interactive_logging_enabled
from jkeras.callbacks.progress import Progbar as Progbar
from jkeras.data.batch import pack_x_y_sample_weight as pack_x_y_sample_weight
from jkeras.data.batch import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from jkeras.data.py_dataset import PyDataset as PyDataset
from jkeras.data.py_dataset import Sequence as Sequence
from jkeras.saving.serialization import deserialize_keras_object as deserialize_keras_object
from jkeras.saving.serialization import serialize_keras_object as serialize_keras_object
from jkeras.state.random import set_random_seed as set_random_seed
from jkeras.utils import np_utils as np_utils
from jkeras.utils.config import Config as Config
from jkeras.utils.dataset_splitting import split_dataset as split_dataset
from jkeras.utils.numerical import normalize as normalize
from jkeras.utils.numerical import to_categorical as to_categorical
from jkeras.utils.session import clear_session as clear_session
from jkeras.utils.symbolic import get_source_inputs as get_source_inputs
from jkeras.utils.symbolic import is_keras_tensor as is_keras_tensor

# What few scripts need is loaded on first use.
if TYPE_CHECKING:
    from jkeras.models.feature_space import FeatureSpace as FeatureSpace
    from jkeras.preprocessing.directories import audio_dataset_from_directory as audio_dataset_from_directory
    from jkeras.preprocessing.directories import image_dataset_from_directory as image_dataset_from_directory
    from jkeras.preprocessing.directories import text_dataset_from_directory as text_dataset_from_directory
    from jkeras.preprocessing.image.files import array_to_img as array_to_img
    from jkeras.preprocessing.image.files import img_to_array as img_to_array
    from jkeras.preprocessing.image.files import load_img as load_img
    from jkeras.preprocessing.image.files import save_img as save_img
    from jkeras.preprocessing.sequence import pad_sequences as pad_sequences
    from jkeras.preprocessing.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
    from jkeras.utils import bounding_boxes as bounding_boxes
    from jkeras.utils import legacy as legacy
    from jkeras.utils import vis_utils as vis_utils
    from jkeras.utils.files import get_file as get_file
    from jkeras.utils.model_pictures import model_to_dot as model_to_dot
    from jkeras.utils.model_pictures import plot_model as plot_model
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "jkeras.models.feature_space": "FeatureSpace",
        "jkeras.preprocessing.directories": """
            audio_dataset_from_directory image_dataset_from_directory text_dataset_from_directory
        """,
        "jkeras.preprocessing.image.files": "array_to_img img_to_array load_img save_img",
        "jkeras.preprocessing.sequence": "pad_sequences",
        "jkeras.preprocessing.timeseries": "timeseries_dataset_from_array",
        "jkeras.utils.bounding_boxes": "bounding_boxes",
        "jkeras.utils.files": "get_file",
        "jkeras.utils.legacy": "legacy",
        "jkeras.utils.model_pictures": "model_to_dot plot_model",
        "jkeras.utils.vis_utils": "vis_utils",
    },
    "utils",
)
