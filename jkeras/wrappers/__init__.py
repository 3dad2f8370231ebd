"""Models as scikit-learn estimators."""

from jkeras.wrappers import scikit_learn as scikit_learn
from jkeras.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
from jkeras.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
from jkeras.wrappers.estimators import SKLearnTransformer as SKLearnTransformer
