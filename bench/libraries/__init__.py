"""How each library trains a workload: one file per library, independent of the model."""
