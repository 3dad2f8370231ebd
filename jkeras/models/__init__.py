"""Floor 9: models and their summaries."""

from jkeras.models.cloning import clone_model as clone_model
from jkeras.models.functional import Functional as Functional
from jkeras.models.model import Model as Model
from jkeras.models.persistence import load_model as load_model
from jkeras.models.persistence import model_from_json as model_from_json
from jkeras.models.persistence import save_model as save_model
from jkeras.models.sequential import Sequential as Sequential
