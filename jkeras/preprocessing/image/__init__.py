"""Images for training: files, arrays, random changes, and batches of them."""

from jkeras.preprocessing.image.file_iterators import DataFrameIterator as DataFrameIterator
from jkeras.preprocessing.image.file_iterators import DirectoryIterator as DirectoryIterator
from jkeras.preprocessing.image.files import array_to_img as array_to_img
from jkeras.preprocessing.image.files import img_to_array as img_to_array
from jkeras.preprocessing.image.files import load_img as load_img
from jkeras.preprocessing.image.files import save_img as save_img
from jkeras.preprocessing.image.files import smart_resize as smart_resize
from jkeras.preprocessing.image.generator import ImageDataGenerator as ImageDataGenerator
from jkeras.preprocessing.image.iterators import Iterator as Iterator
from jkeras.preprocessing.image.iterators import NumpyArrayIterator as NumpyArrayIterator
from jkeras.preprocessing.image.transforms import apply_affine_transform as apply_affine_transform
from jkeras.preprocessing.image.transforms import apply_brightness_shift as apply_brightness_shift
from jkeras.preprocessing.image.transforms import apply_channel_shift as apply_channel_shift
from jkeras.preprocessing.image.transforms import flip_axis as flip_axis
from jkeras.preprocessing.image.transforms import random_brightness as random_brightness
from jkeras.preprocessing.image.transforms import random_channel_shift as random_channel_shift
from jkeras.preprocessing.image.transforms import random_rotation as random_rotation
from jkeras.preprocessing.image.transforms import random_shear as random_shear
from jkeras.preprocessing.image.transforms import random_shift as random_shift
from jkeras.preprocessing.image.transforms import random_zoom as random_zoom
