"""Floor 7: callbacks, the event protocol of `fit`, `evaluate` and `predict`, one file each."""

from jkeras.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from jkeras.callbacks.base import Callback as Callback
from jkeras.callbacks.base_logger import BaseLogger as BaseLogger
from jkeras.callbacks.callback_list import CallbackList as CallbackList
from jkeras.callbacks.csv_logger import CSVLogger as CSVLogger
from jkeras.callbacks.early_stopping import EarlyStopping as EarlyStopping
from jkeras.callbacks.history import History as History
from jkeras.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from jkeras.callbacks.layer_statistics import LayerStatistics as LayerStatistics
from jkeras.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
from jkeras.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
from jkeras.callbacks.learning_rate_finder import LearningRateFinder as LearningRateFinder
from jkeras.callbacks.learning_rate_finder import find_learning_rate as find_learning_rate
from jkeras.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from jkeras.callbacks.monitor import MonitorCallback as MonitorCallback
from jkeras.callbacks.nan_locator import NaNLocator as NaNLocator
from jkeras.callbacks.orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
from jkeras.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
from jkeras.callbacks.progress import Progbar as Progbar
from jkeras.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
from jkeras.callbacks.run_parameters import RunParameters as RunParameters
from jkeras.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from jkeras.callbacks.tensorboard import TensorBoard as TensorBoard
from jkeras.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
from jkeras.callbacks.time_limit import TimeLimit as TimeLimit
