"""Floor 5.5: the layers of Keras, one family per file."""

from typing import TYPE_CHECKING

from jkeras._base.lazy import lazy_names as lazy_names
from jkeras.layer.base import Layer as Layer
from jkeras.layer.declaration import Updated as Updated
from jkeras.layer.declaration import Weight as Weight
from jkeras.layer.input_spec import InputSpec as InputSpec
from jkeras.layers.activation import ELU as ELU
from jkeras.layers.activation import Activation as Activation
from jkeras.layers.activation import LeakyReLU as LeakyReLU
from jkeras.layers.activation import PReLU as PReLU
from jkeras.layers.activation import ReLU as ReLU
from jkeras.layers.activation import Softmax as Softmax
from jkeras.layers.attention import AdditiveAttention as AdditiveAttention
from jkeras.layers.attention import Attention as Attention
from jkeras.layers.batch_normalization import BatchNormalization as BatchNormalization
from jkeras.layers.convolution import Conv1D as Conv1D
from jkeras.layers.convolution import Conv2D as Conv2D
from jkeras.layers.convolution import Conv3D as Conv3D
from jkeras.layers.convolution import Convolution1D as Convolution1D
from jkeras.layers.convolution import Convolution2D as Convolution2D
from jkeras.layers.convolution import Convolution3D as Convolution3D
from jkeras.layers.convolution_transpose import Conv1DTranspose as Conv1DTranspose
from jkeras.layers.convolution_transpose import Conv2DTranspose as Conv2DTranspose
from jkeras.layers.convolution_transpose import Conv3DTranspose as Conv3DTranspose
from jkeras.layers.convolution_transpose import Convolution1DTranspose as Convolution1DTranspose
from jkeras.layers.convolution_transpose import Convolution2DTranspose as Convolution2DTranspose
from jkeras.layers.convolution_transpose import Convolution3DTranspose as Convolution3DTranspose
from jkeras.layers.dense import Dense as Dense
from jkeras.layers.depthwise import DepthwiseConv1D as DepthwiseConv1D
from jkeras.layers.depthwise import DepthwiseConv2D as DepthwiseConv2D
from jkeras.layers.depthwise import SeparableConv1D as SeparableConv1D
from jkeras.layers.depthwise import SeparableConv2D as SeparableConv2D
from jkeras.layers.depthwise import SeparableConvolution1D as SeparableConvolution1D
from jkeras.layers.depthwise import SeparableConvolution2D as SeparableConvolution2D
from jkeras.layers.dropout import AlphaDropout as AlphaDropout
from jkeras.layers.dropout import Dropout as Dropout
from jkeras.layers.dropout import GaussianDropout as GaussianDropout
from jkeras.layers.dropout import GaussianNoise as GaussianNoise
from jkeras.layers.dropout import SpatialDropout1D as SpatialDropout1D
from jkeras.layers.dropout import SpatialDropout2D as SpatialDropout2D
from jkeras.layers.dropout import SpatialDropout3D as SpatialDropout3D
from jkeras.layers.dropout import StochasticDepth as StochasticDepth
from jkeras.layers.einsum_dense import EinsumDense as EinsumDense
from jkeras.layers.embedding import Embedding as Embedding
from jkeras.layers.features.feature_normalization import Normalization as Normalization
from jkeras.layers.identity import ActivityRegularization as ActivityRegularization
from jkeras.layers.identity import Identity as Identity
from jkeras.layers.input import Input as Input
from jkeras.layers.input import InputLayer as InputLayer
from jkeras.layers.lambda_layer import Lambda as Lambda
from jkeras.layers.lookup import deserialize as deserialize
from jkeras.layers.lookup import serialize as serialize
from jkeras.layers.masking import Masking as Masking
from jkeras.layers.merging import Add as Add
from jkeras.layers.merging import Average as Average
from jkeras.layers.merging import Concatenate as Concatenate
from jkeras.layers.merging import Dot as Dot
from jkeras.layers.merging import Maximum as Maximum
from jkeras.layers.merging import Minimum as Minimum
from jkeras.layers.merging import Multiply as Multiply
from jkeras.layers.merging import Subtract as Subtract
from jkeras.layers.merging import add as add
from jkeras.layers.merging import average as average
from jkeras.layers.merging import concatenate as concatenate
from jkeras.layers.merging import dot as dot
from jkeras.layers.merging import maximum as maximum
from jkeras.layers.merging import minimum as minimum
from jkeras.layers.merging import multiply as multiply
from jkeras.layers.merging import subtract as subtract
from jkeras.layers.multi_head_attention import GroupQueryAttention as GroupQueryAttention
from jkeras.layers.multi_head_attention import MultiHeadAttention as MultiHeadAttention
from jkeras.layers.normalization import GroupNormalization as GroupNormalization
from jkeras.layers.normalization import LayerNormalization as LayerNormalization
from jkeras.layers.normalization import RMSNormalization as RMSNormalization
from jkeras.layers.normalization import UnitNormalization as UnitNormalization
from jkeras.layers.padding import Cropping1D as Cropping1D
from jkeras.layers.padding import Cropping2D as Cropping2D
from jkeras.layers.padding import Cropping3D as Cropping3D
from jkeras.layers.padding import ZeroPadding1D as ZeroPadding1D
from jkeras.layers.padding import ZeroPadding2D as ZeroPadding2D
from jkeras.layers.padding import ZeroPadding3D as ZeroPadding3D
from jkeras.layers.pooling import AveragePooling1D as AveragePooling1D
from jkeras.layers.pooling import AveragePooling2D as AveragePooling2D
from jkeras.layers.pooling import AveragePooling3D as AveragePooling3D
from jkeras.layers.pooling import AvgPool1D as AvgPool1D
from jkeras.layers.pooling import AvgPool2D as AvgPool2D
from jkeras.layers.pooling import AvgPool3D as AvgPool3D
from jkeras.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from jkeras.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from jkeras.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from jkeras.layers.pooling import GlobalAvgPool1D as GlobalAvgPool1D
from jkeras.layers.pooling import GlobalAvgPool2D as GlobalAvgPool2D
from jkeras.layers.pooling import GlobalAvgPool3D as GlobalAvgPool3D
from jkeras.layers.pooling import GlobalMaxPool1D as GlobalMaxPool1D
from jkeras.layers.pooling import GlobalMaxPool2D as GlobalMaxPool2D
from jkeras.layers.pooling import GlobalMaxPool3D as GlobalMaxPool3D
from jkeras.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from jkeras.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from jkeras.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from jkeras.layers.pooling import MaxPool1D as MaxPool1D
from jkeras.layers.pooling import MaxPool2D as MaxPool2D
from jkeras.layers.pooling import MaxPool3D as MaxPool3D
from jkeras.layers.pooling import MaxPooling1D as MaxPooling1D
from jkeras.layers.pooling import MaxPooling2D as MaxPooling2D
from jkeras.layers.pooling import MaxPooling3D as MaxPooling3D
from jkeras.layers.recurrent.bidirectional import Bidirectional as Bidirectional
from jkeras.layers.recurrent.cells import GRUCell as GRUCell
from jkeras.layers.recurrent.cells import LSTMCell as LSTMCell
from jkeras.layers.recurrent.cells import SimpleRNNCell as SimpleRNNCell
from jkeras.layers.recurrent.layers import GRU as GRU
from jkeras.layers.recurrent.layers import LSTM as LSTM
from jkeras.layers.recurrent.layers import SimpleRNN as SimpleRNN
from jkeras.layers.recurrent.rnn import RNN as RNN
from jkeras.layers.recurrent.stacked_cells import StackedRNNCells as StackedRNNCells
from jkeras.layers.recurrent.time_distributed import TimeDistributed as TimeDistributed
from jkeras.layers.rescaling import Rescaling as Rescaling
from jkeras.layers.reshaping import Flatten as Flatten
from jkeras.layers.reshaping import Permute as Permute
from jkeras.layers.reshaping import RepeatVector as RepeatVector
from jkeras.layers.reshaping import Reshape as Reshape
from jkeras.layers.reversible_embedding import ReversibleEmbedding as ReversibleEmbedding
from jkeras.layers.scaled import CustomScaleLayer as CustomScaleLayer
from jkeras.layers.scaled import LayerScale as LayerScale
from jkeras.layers.spectral_normalization import SpectralNormalization as SpectralNormalization
from jkeras.layers.upsampling import UpSampling1D as UpSampling1D
from jkeras.layers.upsampling import UpSampling2D as UpSampling2D
from jkeras.layers.upsampling import UpSampling3D as UpSampling3D
from jkeras.layers.wrapper import Wrapper as Wrapper

# What few scripts need is loaded on first use.
if TYPE_CHECKING:
    from jkeras.layers.features.category_encoding import CategoryEncoding as CategoryEncoding
    from jkeras.layers.features.discretization import Discretization as Discretization
    from jkeras.layers.features.hashing import HashedCrossing as HashedCrossing
    from jkeras.layers.features.hashing import Hashing as Hashing
    from jkeras.layers.features.integer_lookup import IntegerLookup as IntegerLookup
    from jkeras.layers.features.string_lookup import StringLookup as StringLookup
    from jkeras.layers.features.text_vectorization import TextVectorization as TextVectorization
    from jkeras.layers.flax_layer import FlaxLayer as FlaxLayer
    from jkeras.layers.image.affine import RandomRotation as RandomRotation
    from jkeras.layers.image.affine import RandomShear as RandomShear
    from jkeras.layers.image.affine import RandomTranslation as RandomTranslation
    from jkeras.layers.image.affine import RandomZoom as RandomZoom
    from jkeras.layers.image.boxes import MaxNumBoundingBoxes as MaxNumBoundingBoxes
    from jkeras.layers.image.color import RandomBrightness as RandomBrightness
    from jkeras.layers.image.color import RandomContrast as RandomContrast
    from jkeras.layers.image.color import RandomInvert as RandomInvert
    from jkeras.layers.image.color import RandomPosterization as RandomPosterization
    from jkeras.layers.image.color import Solarization as Solarization
    from jkeras.layers.image.erasing import RandomErasing as RandomErasing
    from jkeras.layers.image.filters import RandomGaussianBlur as RandomGaussianBlur
    from jkeras.layers.image.filters import RandomSharpness as RandomSharpness
    from jkeras.layers.image.flip_crop import RandomCrop as RandomCrop
    from jkeras.layers.image.flip_crop import RandomFlip as RandomFlip
    from jkeras.layers.image.histogram import AutoContrast as AutoContrast
    from jkeras.layers.image.histogram import (
        ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
    )
    from jkeras.layers.image.histogram import Equalization as Equalization
    from jkeras.layers.image.hue import RandomColorDegeneration as RandomColorDegeneration
    from jkeras.layers.image.hue import RandomGrayscale as RandomGrayscale
    from jkeras.layers.image.hue import RandomHue as RandomHue
    from jkeras.layers.image.hue import RandomSaturation as RandomSaturation
    from jkeras.layers.image.mixing import CutMix as CutMix
    from jkeras.layers.image.mixing import MixUp as MixUp
    from jkeras.layers.image.policies import AugMix as AugMix
    from jkeras.layers.image.policies import RandAugment as RandAugment
    from jkeras.layers.image.policies import RandomColorJitter as RandomColorJitter
    from jkeras.layers.image.size import CenterCrop as CenterCrop
    from jkeras.layers.image.size import Resizing as Resizing
    from jkeras.layers.image.warp import RandomElasticTransform as RandomElasticTransform
    from jkeras.layers.image.warp import RandomPerspective as RandomPerspective
    from jkeras.layers.jax_layer import JaxLayer as JaxLayer
    from jkeras.layers.of_other_frameworks import TFSMLayer as TFSMLayer
    from jkeras.layers.of_other_frameworks import TorchModuleWrapper as TorchModuleWrapper
    from jkeras.layers.pipeline import Pipeline as Pipeline
    from jkeras.layers.pooling_adaptive import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
    from jkeras.layers.pooling_adaptive import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
    from jkeras.layers.pooling_adaptive import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
    from jkeras.layers.pooling_adaptive import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
    from jkeras.layers.pooling_adaptive import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
    from jkeras.layers.pooling_adaptive import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
    from jkeras.layers.random_fourier_features import RandomFourierFeatures as RandomFourierFeatures
    from jkeras.layers.recurrent.conv_lstm import ConvLSTM1D as ConvLSTM1D
    from jkeras.layers.recurrent.conv_lstm import ConvLSTM2D as ConvLSTM2D
    from jkeras.layers.recurrent.conv_lstm import ConvLSTM3D as ConvLSTM3D
    from jkeras.layers.spectrograms import MelSpectrogram as MelSpectrogram
    from jkeras.layers.spectrograms import STFTSpectrogram as STFTSpectrogram
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "jkeras.layers.features.category_encoding": "CategoryEncoding",
        "jkeras.layers.recurrent.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
        "jkeras.layers.features.discretization": "Discretization",
        "jkeras.layers.flax_layer": "FlaxLayer",
        "jkeras.layers.features.hashing": "HashedCrossing Hashing",
        "jkeras.layers.image.affine": "RandomRotation RandomShear RandomTranslation RandomZoom",
        "jkeras.layers.image.boxes": "MaxNumBoundingBoxes",
        "jkeras.layers.image.color": "RandomBrightness RandomContrast RandomInvert RandomPosterization Solarization",
        "jkeras.layers.image.erasing": "RandomErasing",
        "jkeras.layers.image.filters": "RandomGaussianBlur RandomSharpness",
        "jkeras.layers.image.flip_crop": "RandomCrop RandomFlip",
        "jkeras.layers.image.histogram": "AutoContrast ContrastLimitedAdaptiveHistogramEqualization Equalization",
        "jkeras.layers.image.hue": "RandomColorDegeneration RandomGrayscale RandomHue RandomSaturation",
        "jkeras.layers.image.mixing": "CutMix MixUp",
        "jkeras.layers.image.policies": "AugMix RandAugment RandomColorJitter",
        "jkeras.layers.image.size": "CenterCrop Resizing",
        "jkeras.layers.image.warp": "RandomElasticTransform RandomPerspective",
        "jkeras.layers.features.integer_lookup": "IntegerLookup",
        "jkeras.layers.jax_layer": "JaxLayer",
        "jkeras.layers.of_other_frameworks": "TFSMLayer TorchModuleWrapper",
        "jkeras.layers.pipeline": "Pipeline",
        "jkeras.layers.random_fourier_features": "RandomFourierFeatures",
        "jkeras.layers.pooling_adaptive": """
            AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
            AdaptiveMaxPooling2D AdaptiveMaxPooling3D
        """,
        "jkeras.layers.spectrograms": "MelSpectrogram STFTSpectrogram",
        "jkeras.layers.features.string_lookup": "StringLookup",
        "jkeras.layers.features.text_vectorization": "TextVectorization",
    },
    "layers",
)
