"""Floor 9: models and their summaries."""

from jkeras.models.cloning import clone_model as clone_model
from jkeras.models.functional import Functional as Functional
from jkeras.models.model import Model as Model
from jkeras.models.sequential import Sequential as Sequential
from jkeras.saving.api import load_model as load_model
from jkeras.saving.api import save_model as save_model
from jkeras.saving.serialization import model_from_json as model_from_json
