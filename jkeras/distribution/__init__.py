"""Floor 4: how a model is spread over devices; the names of `keras.distribution`, and `FullySharded`."""

from jkeras.distribution.base import Distribution as Distribution
from jkeras.distribution.current import distribution as distribution
from jkeras.distribution.current import set_distribution as set_distribution
from jkeras.distribution.data_parallel import DataParallel as DataParallel
from jkeras.distribution.devices import get_device_count as get_device_count
from jkeras.distribution.devices import list_devices as list_devices
from jkeras.distribution.fully_sharded import FullySharded as FullySharded
from jkeras.distribution.joining import initialize as initialize
from jkeras.distribution.layout_map import LayoutMap as LayoutMap
from jkeras.distribution.mesh import DeviceMesh as DeviceMesh
from jkeras.distribution.mesh import TensorLayout as TensorLayout
from jkeras.distribution.mesh import distribute_tensor as distribute_tensor
from jkeras.distribution.model_parallel import ModelParallel as ModelParallel
from jkeras.distribution.named import get as get
