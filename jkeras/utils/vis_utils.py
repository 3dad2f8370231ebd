"""Keras 2's module `keras.utils.vis_utils`, for scripts that import from it; new code takes both from `keras.utils`."""

from jkeras.utils.model_pictures import model_to_dot as model_to_dot
from jkeras.utils.model_pictures import plot_model as plot_model
