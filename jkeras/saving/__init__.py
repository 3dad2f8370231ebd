"""Floor 10: models in files. `api` has the whole; each other file is one format, one door or one idea.

Whatever is read comes through three doors, `json_door`, `hdf5_door` and `zip_door`, and is refused there unless it is plain data.
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
from jkeras.saving.export import export_model as export_model
from jkeras.saving.safetensors import load_safetensors as load_safetensors
from jkeras.saving.safetensors import save_safetensors as save_safetensors
from jkeras.saving.serialization import deserialize_keras_object as deserialize_keras_object
from jkeras.saving.serialization import model_from_json as model_from_json
from jkeras.saving.serialization import serialize_keras_object as serialize_keras_object
from jkeras.saving.serialization import to_json as to_json
