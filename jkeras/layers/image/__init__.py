"""Layers that resize, crop and augment images, with their labels, boxes and masks; `base.py` says what they share."""
