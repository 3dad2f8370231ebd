"""medicai: a segmentation network and a classifier trained, sliding windows, transforms, a file."""

import keras
import numpy as np
from medicai.losses import SparseDiceCELoss
from medicai.metrics import SparseDiceMetric
from medicai.models import ConvNeXtV2Atto, UNet
from medicai.transforms import Compose, Orientation, RandomRotate, Resize, ScaleIntensityRange, TensorBundle
from medicai.utils import SlidingWindowInference

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# Discs in noise.
rows, columns = np.mgrid[:32, :32]
centres = rng.integers(10, 22, (8, 2))
labels = np.stack([((rows - r) ** 2 + (columns - c) ** 2 < 36) for r, c in centres]).astype("float32")[..., None]
images = labels + rng.normal(0, 0.1, labels.shape).astype("float32")

network = UNet(input_shape=(32, 32, 1), num_classes=2, encoder_name="resnet18", classifier_activation=None)
loss = SparseDiceCELoss(from_logits=True, num_classes=2)
dice = SparseDiceMetric(from_logits=True, num_classes=2, ignore_empty=True, name="dice_score")
network.compile(keras.optimizers.Adam(1e-3), loss, metrics=[dice])
history = network.fit(images, labels, epochs=3, batch_size=4, verbose=0).history
assert history["loss"][-1] < history["loss"][0] and 0 < history["dice_score"][-1] <= 1, history

whole = SlidingWindowInference(network, num_classes=2, roi_size=(32, 32), sw_batch_size=2, overlap=0.5)
wide = np.concatenate([images[:1], images[1:2]], 2)
assert np.asarray(whole(wide)).shape == (1, 32, 64, 2)
np.testing.assert_allclose(np.asarray(whole(images[:1])), network.predict(images[:1], verbose=0), rtol=1e-3, atol=1e-3)

network.save_weights("unet.weights.h5")
again = UNet(input_shape=(32, 32, 1), num_classes=2, encoder_name="resnet18", classifier_activation=None)
again.load_weights("unet.weights.h5")
np.testing.assert_array_equal(again.predict(images[:2], verbose=0), network.predict(images[:2], verbose=0))

classifier = ConvNeXtV2Atto(input_shape=(32, 32, 1), num_classes=2, classifier_activation=None)
assert classifier.predict(images[:2], verbose=0).shape == (2, 2)

prepare = Compose(
    [
        ScaleIntensityRange(keys=["image"], input_min=0, input_max=4, output_min=0, output_max=1, clip=True),
        Resize(keys=["image", "label"], interpolation=("trilinear", "nearest"), target_shape=(8, 8, 8)),
    ]
)
volume = rng.uniform(0, 4, (4, 8, 8, 1)).astype("float32")
made = prepare({"image": volume, "label": (volume > 2).astype("float32")})
assert made["image"].shape == made["label"].shape == (8, 8, 8, 1) and float(np.max(made["image"])) <= 1
assert set(np.unique(made["label"])) <= {0, 1}

tensor = keras.ops.convert_to_tensor(volume)
bundle = TensorBundle({"image": tensor}, {"affine": np.eye(4, dtype="float32")})
orientation = Orientation(keys=["image"], axcodes="RAS")
turned = orientation(bundle)
assert turned["image"].shape == (8, 8, 4, 1)
np.testing.assert_array_equal(orientation.inverse(turned)["image"], volume)
assert RandomRotate(keys=["image"], factor=0.2, prob=1.0)({"image": tensor})["image"].shape == volume.shape
