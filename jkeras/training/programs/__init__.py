"""Programs: many steps as one compiled call, for training, evaluation and prediction, and what is known of a model before."""
