"""Distillation: a small model, the student, learns from the outputs of a large one, the teacher."""

from jkeras.distillation.distiller import Distiller as Distiller
from jkeras.distillation.losses import DistillationLoss as DistillationLoss
from jkeras.distillation.losses import FeatureDistillation as FeatureDistillation
from jkeras.distillation.losses import LogitsDistillation as LogitsDistillation
