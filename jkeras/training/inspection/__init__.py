"""Looking into a model while it runs: intercepts, statistics, the origin of NaN, the last dispatch."""
