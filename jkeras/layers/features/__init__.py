"""Layers that make numbers of raw columns: texts, categories, numbers in ranges; most learn from data by `adapt`."""
