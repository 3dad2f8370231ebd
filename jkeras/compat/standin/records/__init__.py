"""TFRecord files, and the messages `tf.train.Example` in them."""
