"""Cells, and the layers that run them over the steps of a series; `rnn.py` is the loop."""
