"""keras-unet: its three networks, its loss and metrics."""

import os

os.environ["TF_KERAS"] = "1"

import numpy as np
from keras_unet.losses import jaccard_distance
from keras_unet.metrics import dice_coef, iou, iou_thresholded
from keras_unet.models import custom_unet, satellite_unet, vanilla_unet

x = np.random.default_rng(0).random((8, 32, 32, 3)).astype("float32")
y = (x[..., :1] > 0.5).astype("float32")
assert satellite_unet(input_shape=(64, 64, 3)).output_shape == (None, 64, 64, 1)
assert vanilla_unet(input_shape=(572, 572, 3)).output_shape == (None, 388, 388, 1)
for attention in (False, True):
    options = {"filters": 8, "num_layers": 2, "dropout": 0.1, "output_activation": "sigmoid"}
    model = custom_unet((32, 32, 3), num_classes=1, use_attention=attention, **options)
    model.compile("adam", jaccard_distance, metrics=[iou, iou_thresholded, dice_coef])
    logs = model.fit(x, y, epochs=2, batch_size=4, verbose=0).history
    assert {"iou", "iou_thresholded", "dice_coef"} <= logs.keys() and np.isfinite(logs["loss"]).all(), logs
