"""The arguments of `compile` and `fit`: what they mean, what is refused, and when two are the same."""
