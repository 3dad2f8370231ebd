"""One class for each file format; `known.py` lists them."""

from jkeras.saving.formats.base import Format as Format
from jkeras.saving.formats.base import ReadOptions as ReadOptions
from jkeras.saving.formats.base import WriteOptions as WriteOptions
