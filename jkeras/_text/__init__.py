"""Floor 0: texts as bytes: arrays of them, their tokens, their hashes, as TensorFlow has them. Imports NumPy alone."""
