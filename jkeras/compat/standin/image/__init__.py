"""`tf.image`: sizes and windows, colours, and random changes of both.

All functions take one image `(height, width, channels)` or a batch. NumPy arrays, such as decoded files, are computed with NumPy:
images from files come in many sizes, and JAX would compile a program for each. Everything else goes through JAX.
"""
