"""`Restored`: what reading weights returns under TensorFlow's names."""

from __future__ import annotations


class Restored:
    """What reading TensorFlow's checkpoints returns; its methods ask for what jkeras has checked already.

    Example:
        >>> Restored().expect_partial().assert_consumed()                      # doctest: +ELLIPSIS
        <jkeras.compat.restored.Restored object at ...>
    """

    def assert_consumed(self) -> Restored:
        """Nothing to do: all values were restored, or there was an error."""
        return self

    assert_existing_objects_matched = assert_nontrivial_match = expect_partial = assert_consumed
