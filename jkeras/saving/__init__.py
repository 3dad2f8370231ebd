"""Floor 8.5: models in files, and configs of graphs. `api` has the whole, `formats/` one class for each format.

Everything that is read goes through the safe readers of `_safe_io/`, which refuse what is not plain data.
"""

from jkeras._base.errors import FileFormatError as FileFormatError
from jkeras._base.errors import UnsafeFileError as UnsafeFileError
from jkeras._base.registry import CustomObjectScope as CustomObjectScope
from jkeras._base.registry import custom_object_scope as custom_object_scope
from jkeras._base.registry import get_custom_objects as get_custom_objects
from jkeras._base.registry import get_registered_name as get_registered_name
from jkeras._base.registry import get_registered_object as get_registered_object
from jkeras._base.registry import register_keras_serializable as register_keras_serializable
from jkeras.saving.api import load_model as load_model
from jkeras.saving.api import load_weights as load_weights
from jkeras.saving.api import save_model as save_model
from jkeras.saving.api import save_weights as save_weights
from jkeras.saving.file_editor import KerasFileEditor as KerasFileEditor
from jkeras.saving.formats.safetensors import load_safetensors as load_safetensors
from jkeras.saving.formats.safetensors import save_safetensors as save_safetensors
from jkeras.saving.serialization import deserialize_keras_object as deserialize_keras_object
from jkeras.saving.serialization import model_from_json as model_from_json
from jkeras.saving.serialization import serialize_keras_object as serialize_keras_object
from jkeras.saving.serialization import to_json as to_json
