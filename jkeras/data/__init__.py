"""Floor 7: sources of batches, from everything that users pass to `fit`, `evaluate` and `predict`."""

from jkeras.data.array_source import ArraySource as ArraySource
from jkeras.data.as_source import as_source as as_source
from jkeras.data.batch import pack_x_y_sample_weight as pack_x_y_sample_weight
from jkeras.data.batch import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from jkeras.data.indexed_source import IndexedSource as IndexedSource
from jkeras.data.iterable_source import IterableSource as IterableSource
from jkeras.data.py_dataset import PyDataset as PyDataset
from jkeras.data.sample_weights import class_weights as class_weights
from jkeras.data.source import Source as Source
from jkeras.data.split import train_validation_split as train_validation_split
