"""Quantized layers: the forms in which they keep their kernels, each a rewrite of the Variables."""
