"""`keras.applications`: the names of its networks, so that a package that lists them can be imported.

jkeras has neither these networks nor their trained weights. Calling one says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from jkeras.compat.hints import hint_for

_ALL = """
    ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge DenseNet121 DenseNet169 DenseNet201
    EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7
    EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M EfficientNetV2S
    InceptionResNetV2 InceptionV3 MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetLarge NASNetMobile
    ResNet101 ResNet101V2 ResNet152 ResNet152V2 ResNet50 ResNet50V2 VGG16 VGG19 Xception
"""
NETWORKS = _ALL.split()
__all__ = [*NETWORKS]


def _absent(name: str) -> Callable[..., NoReturn]:
    def network(*args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"keras.applications.{name} is not in jkeras. {hint_for('keras.applications')}")

    network.__name__ = network.__qualname__ = name
    network.__doc__ = f"{name}, which jkeras does not have: calling it is an error."
    return network


for _name in NETWORKS:
    globals()[_name] = _absent(_name)
