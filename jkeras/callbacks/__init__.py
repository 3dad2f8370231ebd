"""Floor 7: callbacks, the event protocol of `fit`, `evaluate` and `predict`, one file each."""

from jkeras.callbacks.base import Callback as Callback
from jkeras.callbacks.csv_logger import CSVLogger as CSVLogger
from jkeras.callbacks.early_stopping import EarlyStopping as EarlyStopping
from jkeras.callbacks.history import History as History
from jkeras.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from jkeras.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
from jkeras.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
from jkeras.callbacks.list import CallbackList as CallbackList
from jkeras.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from jkeras.callbacks.monitor import MonitorCallback as MonitorCallback
from jkeras.callbacks.orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
from jkeras.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
from jkeras.callbacks.progress import Progbar as Progbar
from jkeras.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
