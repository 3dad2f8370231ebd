"""Settings: default dtypes, fuzz factor, image layout, checks, and how programs are compiled."""

from jkeras._base.compiling import disable_compilation_cache as disable_compilation_cache
from jkeras._base.compiling import enable_compilation_cache as enable_compilation_cache
from jkeras._base.compiling import matmul_precision as matmul_precision
from jkeras._base.compiling import set_matmul_precision as set_matmul_precision
from jkeras._base.config import check_finite as check_finite
from jkeras._base.config import epsilon as epsilon
from jkeras._base.config import floatx as floatx
from jkeras._base.config import image_data_format as image_data_format
from jkeras._base.config import recompile_check as recompile_check
from jkeras._base.config import resident_data_limit as resident_data_limit
from jkeras._base.config import set_check_finite as set_check_finite
from jkeras._base.config import set_epsilon as set_epsilon
from jkeras._base.config import set_floatx as set_floatx
from jkeras._base.config import set_image_data_format as set_image_data_format
from jkeras._base.config import set_recompile_check as set_recompile_check
from jkeras._base.config import set_resident_data_limit as set_resident_data_limit
from jkeras._base.dtypes import dtype_policy as dtype_policy
from jkeras._base.dtypes import set_dtype_policy as set_dtype_policy
from jkeras._base.tracebacks import disable_traceback_filtering as disable_traceback_filtering
from jkeras._base.tracebacks import enable_traceback_filtering as enable_traceback_filtering
from jkeras._base.tracebacks import is_traceback_filtering_enabled as is_traceback_filtering_enabled
from jkeras.callbacks.printing import disable_interactive_logging as disable_interactive_logging
from jkeras.callbacks.printing import enable_interactive_logging as enable_interactive_logging
from jkeras.callbacks.printing import is_interactive_logging_enabled as is_interactive_logging_enabled
