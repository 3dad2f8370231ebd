"""Programs of models, which JAX runs without jkeras."""

from jkeras.saving.export_archive import ExportArchive as ExportArchive
