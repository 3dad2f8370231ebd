"""Checks a script before it runs: what it needs of Keras and TensorFlow that jkeras does not have, with the lines.

The script is read, not run. Only what its text says plainly is reported: names in modules, attributes of classes and of their
instances, names in strings, arguments of TensorFlow's functions, and steps whose arguments fit no form. So
the list may be incomplete, and it includes lines in branches that are never taken. What stands in a `try` that catches the error
is left out.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from jkeras.compat.checking.attributes import missing_attributes
from jkeras.compat.checking.keywords import unknown_keywords
from jkeras.compat.checking.names import missing_names
from jkeras.compat.checking.script import Script
from jkeras.compat.checking.steps import unfit_steps
from jkeras.compat.checking.strings import unknown_strings
from jkeras.compat.missing import is_tensorflow


class Absent(NamedTuple):
    """Something that is missing.

    Attributes:
        line: where the script uses it.
        name: in full, such as `tensorflow.device` or `keras.Model.graph`; or an argument, `loss="msee"`,
            `tensorflow.cumsum(along=)`; or a method.
        is_tensorflow: whether it is TensorFlow's own rather than Keras'.
        hint: what to write instead.
    """

    line: int
    name: str
    is_tensorflow: bool
    hint: str | None = None


def check_script(source: str, filename: str = "<script>") -> list[Absent]:
    """What a script uses of Keras and TensorFlow that jkeras does not have, in the order of its lines.

    Args:
        source: the text of the script.
        filename: for the error if it is not Python.

    Raises:
        SyntaxError: the text is not Python.

    Example:
        >>> found = check_script("import keras\\nmodel = keras.Sequential()\\nmodel.compile('adam', 'msee')\\nmodel.fitt()")
        >>> for one in found:
        ...     print(one.line, one.name, "-", one.hint)
        3 loss="msee" - Unknown loss 'msee'. Did you mean 'mse'?
        4 keras.Sequential.fitt - There is fit.
    """
    script = Script(ast.parse(source, filename))
    searches = (missing_names, missing_attributes, unknown_strings, unknown_keywords, unfit_steps)
    found = {one for search in searches for one in search(script)} if script.imported or script.missing else set()
    return sorted((Absent(line, what, is_tensorflow(what), hint) for line, what, hint in found), key=lambda one: one[:2])
