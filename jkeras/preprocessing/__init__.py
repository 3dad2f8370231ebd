"""Floor 9.5: from raw data to batches: images, texts, sequences."""

from jkeras.preprocessing import image as image
from jkeras.preprocessing import sequence as sequence
from jkeras.preprocessing import text as text
from jkeras.preprocessing.directories import image_dataset_from_directory as image_dataset_from_directory
from jkeras.preprocessing.directories import text_dataset_from_directory as text_dataset_from_directory
from jkeras.preprocessing.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
