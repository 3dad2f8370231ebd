"""The list of file formats, and how one is chosen: by the content when a file is read, by the suffix when it is written."""

from __future__ import annotations

from pathlib import Path

from jkeras._base.config import settings
from jkeras._base.errors import FileFormatError, describe
from jkeras._safe_io.sources import Source
from jkeras.saving.formats.base import Format, Target, WriteOptions
from jkeras.saving.formats.foreign import refusal
from jkeras.saving.formats.keras2 import Keras2Model, Keras2Weights
from jkeras.saving.formats.keras3_weights import Keras3Weights
from jkeras.saving.formats.keras_archive import KerasArchive
from jkeras.saving.formats.orbax import OrbaxFolder
from jkeras.saving.formats.safetensors import Safetensors
from jkeras.saving.formats.saved_model import SavedModel
from jkeras.saving.formats.sharded import ShardedWeights
from jkeras.saving.formats.tf_checkpoint import TensorFlowCheckpoint

# An open file, which has no suffix, gets the first format that holds what is written.
FORMATS: list[Format] = [KerasArchive(), Keras2Model(), Keras3Weights(), ShardedWeights(), Keras2Weights(), Safetensors()]

# Read only: a callback writes the first, TensorFlow the others.
_READ_ONLY: list[Format] = [OrbaxFolder(), SavedModel(), TensorFlowCheckpoint()]

_SAVED_MODEL = """jkeras writes no SavedModel of TensorFlow. Write model.save("model.keras") to load it again, or
model.export("model.stablehlo") for a program that runs without jkeras."""
_WITHOUT_SUFFIX = """The argument save_format is deprecated: it does not stand in for the suffix of {path}. Leave out
save_format={format!r} and write model.save({better!r})."""
_BARE = {
    True: "In Keras 2, a name without a suffix meant TensorFlow's SavedModel, which jkeras does not write.",
    False: "In Keras 2, a name without a suffix meant TensorFlow's checkpoints, which jkeras does not write.",
}


def format_of(source: Source) -> Format:
    """The format of a file, told by its content; suffixes lie.

    Raises:
        FileFormatError: it is of no format that jkeras reads; the message says which it is, if that is known.
    """
    found = next((form for form in (*FORMATS, *_READ_ONLY) if form.sniff(source)), None)
    if found is None:
        known = ", ".join(form.suffixes[0] for form in FORMATS)
        others = "SavedModels of Keras 2 and TensorFlow's checkpoints"
        raise FileFormatError(f"{source.where}: {refusal(source)} jkeras reads {known}, {others}.")
    return found


def is_claimed(path: Path, options: WriteOptions, *, whole: bool) -> bool:
    """Whether a path and the options say which format to write."""
    return any(form.claim(path, options) for form in FORMATS if form.whole == whole)


def format_for(target: Target, options: WriteOptions, save_format: str | None = None, *, whole: bool) -> Format:
    """The format to write.

    Args:
        target: where the model or its weights go.
        options: what the caller asks for.
        save_format: Keras 2's argument. For a whole model it overrides the suffix; for weights, and for whole models where old
            scripts run (`settings.keras2_files`), it stands in for a missing one.
        whole: whether a whole model is written.

    Raises:
        ValueError: nothing says the format, or two things say different ones.

    Example:
        >>> names = ("a.weights.h5", "a.weights.json", "a.h5", "a.safetensors")
        >>> [format_for(Path(name), WriteOptions(), whole=False).title for name in names]
        ['Keras 3', 'Keras 3, in several files', 'Keras 2', 'for other libraries']
    """
    if save_format == "tf":
        raise ValueError(_SAVED_MODEL)
    able = [form for form in FORMATS if form.whole == whole]
    if save_format is not None and not any(save_format in form.names for form in FORMATS):
        names = " or ".join(repr(form.names[0]) for form in FORMATS if form.whole and form.names)
        raise ValueError(f"save_format is {names}, or None for the format of the suffix. Received: {save_format!r}.")
    path = target if isinstance(target, Path) else Path(f"model{able[0].suffixes[0]}")
    form = max(able, key=lambda form: form.claim(path, options))
    claimed = form.claim(path, options) > 0
    if save_format is not None and (whole or not path.suffix):
        form = next((form for form in able if save_format in form.names), form)
        if whole and not claimed and isinstance(target, Path) and not settings.keras2_files:
            better = f"{path}{form.suffixes[0]}"
            raise ValueError(_WITHOUT_SUFFIX.format(format=save_format, path=path, better=better))
        claimed = True
    if not claimed:
        call = "save" if whole else "save_weights"
        lines = "\n".join(f'    model.{call}("model{form.suffixes[0]}")'.ljust(48) + f"# {form.title}" for form in able)
        raise ValueError(f"Cannot tell in which format to write {path}. Give the path a suffix:\n\n{lines}\n{_BARE[whole]}")
    for option in ("zipped", "max_shard_size", "objects_to_skip"):
        if (value := getattr(options, option)) is not None and option not in form.takes:
            others = ", ".join(other.suffixes[0] for other in able if option in other.takes)
            shown, suffix = value if isinstance(value, (int, float)) else describe(value), form.suffixes[0]
            raise ValueError(f"{option}={shown} is for {others}; {path} is written as {suffix}. Leave it out.")
    return form
