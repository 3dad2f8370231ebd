"""Small helpers around models and data: files from the network, labels as one-hot rows, unit norms."""

from jkeras.utils import np_utils as np_utils
from jkeras.utils.files import get_file as get_file
from jkeras.utils.numerical import normalize as normalize
from jkeras.utils.numerical import to_categorical as to_categorical
