"""segmentation-models: four architectures, its losses and metrics, in Keras and under tensorflow.keras."""

import os
import sys

os.environ["SM_FRAMEWORK"] = sys.argv[1] if len(sys.argv) > 1 else "tf.keras"

import numpy as np
import segmentation_models as sm

assert sm.framework() == os.environ["SM_FRAMEWORK"]
x = np.random.default_rng(0).random((4, 64, 64, 3)).astype("float32")
y = (x[..., :1] > 0.5).astype("float32")

for network, backbone, size in ((sm.FPN, "mobilenetv2", 64), (sm.Linknet, "efficientnetb0", 64), (sm.PSPNet, "resnet18", 48)):
    model = network(backbone, input_shape=(size, size, 3), classes=1, encoder_weights=None)
    assert model.predict(sm.get_preprocessing(backbone)(x[:, :size, :size]), verbose=0).shape == (4, size, size, 1)

model = sm.Unet("resnet18", input_shape=(64, 64, 3), encoder_weights=None, encoder_freeze=True, decoder_filters=(16, 8, 8, 4, 4))
loss = sm.losses.DiceLoss() + 0.5 * sm.losses.BinaryFocalLoss()
model.compile("adam", loss, metrics=[sm.metrics.iou_score, sm.metrics.FScore(threshold=0.5)])
logs = model.fit(x, y, epochs=2, batch_size=2, verbose=0).history
assert {"loss", "iou_score", "f1-score"} <= logs.keys() and 0 < logs["iou_score"][-1] < 1, logs
