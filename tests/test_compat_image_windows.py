"""`tf.image`: patches, boxes and filters against TensorFlow's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.compat.standin.image import color, filters, patches

tf = pytest.importorskip("tensorflow")

IMAGES = np.random.default_rng(0).random((2, 13, 12, 3)).astype("float32")


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(("size", "stride", "rate"), [((4, 4), (4, 4), 1), ((3, 2), (2, 3), 1), ((3, 3), (2, 2), 2)])
def test_extract_patches(padding, size, stride, rate):
    arguments = ([1, *size, 1], [1, *stride, 1], [1, rate, rate, 1], padding)
    np.testing.assert_array_equal(patches.extract_patches(IMAGES, *arguments), tf.image.extract_patches(IMAGES, *arguments))


def test_extract_patches_of_integers_and_their_gradient():
    arguments = ([1, 3, 3, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
    bytes_ = (IMAGES * 255).astype("uint8")
    np.testing.assert_array_equal(patches.extract_patches(bytes_, *arguments), tf.image.extract_patches(bytes_, *arguments))
    counts = jax.grad(lambda x: patches.extract_patches(x, *arguments).sum())(jnp.asarray(IMAGES))
    assert counts[0, :, :, 0].sum() == 11 * 10 * 9 and counts[0, 6, 6, 0] == 9


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(5, 7), (1, 4)])
def test_crop_and_resize(method, size):
    boxes = np.array([[0, 0, 1, 1], [0.2, 0.1, 0.7, 0.9], [0.8, 0.9, 0.1, 0.2], [-0.3, 0.5, 1.2, 1.4]], "float32")
    arguments = (boxes, np.array([0, 1, 0, 1]), size, method, 0.5)
    np.testing.assert_allclose(
        patches.crop_and_resize(IMAGES, *arguments), tf.image.crop_and_resize(IMAGES, *arguments), atol=2e-6
    )


@pytest.mark.parametrize("name", ["image_gradients", "sobel_edges"])
def test_differences(name):
    np.testing.assert_allclose(getattr(filters, name)(IMAGES), getattr(tf.image, name)(tf.constant(IMAGES)), atol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_ssim(dtype):
    scale = 255 if dtype == "uint8" else 1
    one, other = ((images * scale).astype(dtype) for images in (IMAGES, IMAGES[::-1]))
    for options in ({}, {"filter_size": 7, "filter_sigma": 1.0, "k1": 0.02, "k2": 0.05, "return_index_map": True}):
        wanted = tf.image.ssim(one, other, scale, **options)
        np.testing.assert_allclose(filters.ssim(one, other, scale, **options), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["rgb_to_yuv", "yuv_to_rgb"])
def test_television(name):
    np.testing.assert_allclose(getattr(color, name)(IMAGES), getattr(tf.image, name)(IMAGES), atol=2e-6)


def test_what_does_not_fit_is_told():
    with pytest.raises(ValueError, match=r"sizes is \[1, height, width, 1\]"):
        patches.extract_patches(IMAGES, [3, 3], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
    with pytest.raises(ValueError, match="boxes"):
        patches.crop_and_resize(IMAGES, [0, 0, 1, 1], [0], (2, 2))
    with pytest.raises(ValueError, match="filter_size=14"):
        filters.ssim(IMAGES, IMAGES, 1.0, filter_size=14)
