"""What the stand-in for `tensorflow` is made of; `jkeras.compat.tensorflow_table` says which file serves which module."""
