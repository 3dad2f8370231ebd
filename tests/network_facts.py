"""What tests ask of a network: its layers and weights in one line each, plain weights, a few outputs. `golden/networks.json` has
Keras' answers; `python -m tests.network_facts` writes them anew.
"""

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "golden/networks.json"
# One small network of each family; the largest differ from them in their tables alone.
SMALLEST = (
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S", "InceptionResNetV2", "InceptionV3",
    "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16",
    "Xception",
)  # fmt: skip
_SIZES = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}  # others take images of 32 pixels


def facts(model):
    """Parameters, layers, weights, and a hash of the layers' kinds and names and of the weights' shapes, all in order."""
    lines = [f"{type(layer).__name__} {layer.name}" for layer in layers_of(model) if type(layer).__name__ != "InputLayer"]
    lines += [str(tuple(weight.shape)) for weight in model.weights]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return [model.name, model.count_params(), len(model.layers), len(model.weights), digest]


def layers_of(model):
    """All layers in order, those of models in the model too."""
    for layer in model.layers:
        yield layer
        yield from layers_of(layer) if hasattr(layer, "layers") else ()


def small(package, name, /, **arguments):
    """A network for few classes and small images, which gives logits; and what `include_top=False` leaves of it."""
    size = _SIZES.get(name, 32)
    arguments = {"weights": None, "input_shape": (size, size, 3), "classes": 3, "classifier_activation": None, **arguments}
    return getattr(package.applications, name)(**arguments)


def set_plain_weights(model):
    """Weights that keep the numbers in their range through all layers, the same ones for the same shapes in the same order."""
    rng = np.random.default_rng(7)

    def values(weight):
        shape = tuple(weight.shape)
        if len(shape) < 2:
            positive = re.search(r"(gamma|variance|variable(_\d+)?)$", weight.path)
            return rng.uniform(0.5, 1.5, shape) if positive else 0.2 * rng.normal(size=shape)
        inputs = shape[:2] if len(shape) == 4 and shape[-1] == 1 else shape[:-1]
        return rng.normal(size=shape) / np.sqrt(np.prod(inputs))

    model.set_weights([np.asarray(values(weight), weight.dtype) for weight in model.weights])


def images_for(name, model):
    """Two images as the network takes them."""
    images = np.random.default_rng(8).uniform(0, 255, (2, *model.input_shape[1:])).astype("float32")
    scales_itself = name.startswith(("EfficientNet", "ConvNeXt", "MobileNetV3"))
    return images if scales_itself else images / 127.5 - 1


def outputs(package, name):
    """What a small network of plain weights says of two images."""
    model = small(package, name)
    set_plain_weights(model)
    return np.asarray(model.predict(images_for(name, model), verbose=0))


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    golden = {}
    for name in [name for name in dir(keras.applications) if name[0].isupper()]:
        keras.utils.clear_session()
        golden[name] = {"facts": facts(getattr(keras.applications, name)(weights=None))}
        if name in SMALLEST:
            golden[name]["outputs"] = outputs(keras, name).tolist()
        print(name, *golden[name].values(), flush=True)
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in golden.items())
    GOLDEN.write_text(f"{{\n{rows}\n}}\n")
