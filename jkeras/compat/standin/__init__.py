"""The stand-in for `tensorflow`; `jkeras.compat.tensorflow_table` says which file serves which module."""
