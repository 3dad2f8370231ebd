"""Pictures by Graphviz' program, if it is installed."""

from __future__ import annotations

import shutil
import subprocess
import warnings

PROGRAMS = ("dot", "neato", "fdp", "sfdp", "circo", "twopi", "osage", "patchwork")
_TIMEOUT = 120  # seconds


def graphviz_bytes(text: str, kind: str, prog: str = "dot", required: bool = False) -> bytes | None:
    """The picture that Graphviz makes of a DOT text.

    The text goes in and the picture comes out through pipes; the only argument that the program gets is the kind of picture.

    Args:
        text: in DOT.
        kind: of the picture, as for the option `-T`: `png`, `svg`, `pdf`, ...
        prog: which program.
        required: whether to raise an error if there is no picture.

    Returns:
        The picture, or None if the program is not installed or, with a warning, fails.

    Raises:
        RuntimeError: there is no picture, and it is required.
        ValueError: `prog` is not a program of Graphviz, or `kind` is not a word.
    """
    if prog not in PROGRAMS:
        raise ValueError(f"prog must be a program of Graphviz: {', '.join(PROGRAMS)}. Received: prog={prog!r}.")
    if not kind.isalnum():
        raise ValueError(f"The format of a picture is a word such as 'png'. Received: {kind!r}.")
    path = shutil.which(prog)
    if path is None:
        if required:
            raise RuntimeError(f"engine='graphviz' needs Graphviz' program {prog!r}, which is not on the PATH. Omit engine.")
        return None
    try:
        done = subprocess.run([path, f"-T{kind}"], input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    else:
        if done.returncode == 0 and done.stdout:
            return done.stdout
        said = done.stderr.decode(errors="replace").strip().splitlines()
        problem = said[-1] if said else f"exit status {done.returncode}"
    if required:
        raise RuntimeError(f"Graphviz could not draw the model as {kind!r}: {problem}. Omit engine.")
    warnings.warn(f"Graphviz could not draw the model as {kind!r}: {problem}. jkeras draws it instead.", stacklevel=2)
    return None
