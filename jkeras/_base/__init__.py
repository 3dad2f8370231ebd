"""Floor 0: errors, names, the registry, configs, dtypes. Knows nothing of layers or models."""
