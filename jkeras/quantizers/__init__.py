"""Quantizers: how kernels and activations become small integers or 8-bit floats, and the configs of `quantize`."""

from jkeras.quantizers.base import AbsMaxQuantizer as AbsMaxQuantizer
from jkeras.quantizers.base import Quantizer as Quantizer
from jkeras.quantizers.calibrated_config import AWQConfig as AWQConfig
from jkeras.quantizers.calibrated_config import GPTQConfig as GPTQConfig
from jkeras.quantizers.config import Float8QuantizationConfig as Float8QuantizationConfig
from jkeras.quantizers.config import Int4QuantizationConfig as Int4QuantizationConfig
from jkeras.quantizers.config import Int8QuantizationConfig as Int8QuantizationConfig
from jkeras.quantizers.config import QuantizationConfig as QuantizationConfig
from jkeras.quantizers.functions import abs_max_quantize as abs_max_quantize
from jkeras.quantizers.functions import abs_max_quantize_grouped_with_zero_point as abs_max_quantize_grouped_with_zero_point
from jkeras.quantizers.functions import compute_float8_amax_history as compute_float8_amax_history
from jkeras.quantizers.functions import compute_float8_scale as compute_float8_scale
from jkeras.quantizers.functions import fake_quant_with_min_max_vars as fake_quant_with_min_max_vars
from jkeras.quantizers.functions import pack_int4 as pack_int4
from jkeras.quantizers.functions import quantize_and_dequantize as quantize_and_dequantize
from jkeras.quantizers.functions import unpack_int4 as unpack_int4
from jkeras.quantizers.lookup import deserialize as deserialize
from jkeras.quantizers.lookup import get as get
from jkeras.quantizers.lookup import serialize as serialize
