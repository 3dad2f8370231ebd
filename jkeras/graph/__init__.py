"""Floor 3: symbolic tensors, shape inference, sorting and running a graph."""

from jkeras.graph.infer import infer as infer
from jkeras.graph.keras_tensor import ArrayFunction as ArrayFunction
from jkeras.graph.keras_tensor import KerasTensor as KerasTensor
from jkeras.graph.keras_tensor import Node as Node
from jkeras.graph.keras_tensor import apply_symbolic as apply_symbolic
from jkeras.graph.keras_tensor import symbolic_like as symbolic_like
from jkeras.graph.program import Program as Program
from jkeras.graph.spec import Spec as Spec
