"""Graphviz' program, asked for a picture where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import warnings

PROGRAMS = ("dot", "neato", "fdp", "sfdp", "circo", "twopi", "osage", "patchwork")
_TIMEOUT = 120  # seconds


def graphviz_bytes(text: str, kind: str, prog: str = "dot", required: bool = False) -> bytes | None:
    """The picture that Graphviz makes of a DOT text.

    The text goes in and the picture comes out through pipes; the program gets no other argument than the kind of picture.

    Args:
        text: in DOT.
        kind: of the picture, as `-T` takes it: `png`, `svg`, `pdf`, ...
        prog: which program.
        required: whether it is an error that there is no picture.

    Returns:
        The picture, or None where the program is not installed, or fails, which a warning tells.

    Raises:
        RuntimeError: there is no picture, and it is required.
        ValueError: `prog` is no program of Graphviz, or `kind` is no word.
    """
    if prog not in PROGRAMS:
        raise ValueError(f"prog is a program of Graphviz: {', '.join(PROGRAMS)}. Received: prog={prog!r}.")
    if not kind.isalnum():
        raise ValueError(f"The format of a picture is a word such as 'png'. Received: {kind!r}.")
    path = shutil.which(prog)
    if path is None:
        if required:
            raise RuntimeError(f"engine='graphviz' needs Graphviz' program {prog!r}, which is not on the PATH. Leave engine out.")
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
        raise RuntimeError(f"Graphviz could not draw the model as {kind!r}: {problem}. Leave engine out.")
    warnings.warn(f"Graphviz could not draw the model as {kind!r}: {problem}. jkeras draws it instead.", stacklevel=2)
    return None
