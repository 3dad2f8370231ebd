"""Floor 7: callbacks, the event protocol of `fit`, `evaluate` and `predict`, one file each."""

from typing import TYPE_CHECKING

from jkeras._base.lazy import lazy_names as lazy_names
from jkeras.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from jkeras.callbacks.base import Callback as Callback
from jkeras.callbacks.base_logger import BaseLogger as BaseLogger
from jkeras.callbacks.callback_list import CallbackList as CallbackList
from jkeras.callbacks.csv_logger import CSVLogger as CSVLogger
from jkeras.callbacks.early_stopping import EarlyStopping as EarlyStopping
from jkeras.callbacks.history import History as History
from jkeras.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from jkeras.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
from jkeras.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
from jkeras.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from jkeras.callbacks.monitor import MonitorCallback as MonitorCallback
from jkeras.callbacks.nan_locator import NaNLocator as NaNLocator
from jkeras.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
from jkeras.callbacks.progress import Progbar as Progbar
from jkeras.callbacks.run_parameters import RunParameters as RunParameters
from jkeras.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from jkeras.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
from jkeras.callbacks.time_limit import TimeLimit as TimeLimit

# What few scripts need is loaded on first use.
if TYPE_CHECKING:
    from jkeras.callbacks.layer_statistics import LayerStatistics as LayerStatistics
    from jkeras.callbacks.learning_rate_finder import LearningRateFinder as LearningRateFinder
    from jkeras.callbacks.learning_rate_finder import find_learning_rate as find_learning_rate
    from jkeras.callbacks.orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
    from jkeras.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
    from jkeras.callbacks.tensorboard import TensorBoard as TensorBoard
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "jkeras.callbacks.layer_statistics": "LayerStatistics",
        "jkeras.callbacks.learning_rate_finder": "LearningRateFinder find_learning_rate",
        "jkeras.callbacks.orbax_checkpoint": "OrbaxCheckpoint",
        "jkeras.callbacks.remote_monitor": "RemoteMonitor",
        "jkeras.callbacks.tensorboard": "TensorBoard",
    },
)
