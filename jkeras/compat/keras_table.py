"""Where to find the names of Keras in jkeras: a table of modules, one of their old parts, one of names.

A *root* is a module under which Keras was shipped; what follows it is a *place*: `tensorflow.keras.layers`, `keras.layers` and
`keras.src.layers` are all the place `layers`. `PLACES` says which modules of jkeras serve a place. The modules into which Keras
split a place over the years (`keras.layers.convolutional`, `keras.layers.core.dense`) are its `PARTS`: each of them offers what
the place offers, so it does not matter which of them a script imports from. `NAMES` has the names that jkeras spells differently
or keeps elsewhere.
"""

from __future__ import annotations

# The longest matching root counts.
_ROOTS = """
keras keras.src keras.api keras.api.keras keras.api._v1.keras keras.api._v2.keras keras._tf_keras.keras keras_core
keras_core.src tf_keras tf_keras.src tf_keras.api._v1.keras tf_keras.api._v2.keras tensorflow.keras tensorflow.python.keras
tensorflow.python.keras.api.keras tensorflow.compat.v1.keras tensorflow.compat.v2.keras tensorflow.contrib.keras
tensorflow.contrib.keras.api.keras tensorflow.contrib.keras.python.keras tensorflow._api.v1.keras tensorflow._api.v2.keras
"""
ROOTS = tuple(_ROOTS.split())

_SAME = """
activations applications applications.convnext applications.densenet applications.efficientnet applications.efficientnet_v2
applications.imagenet_utils applications.inception_resnet_v2 applications.inception_v3 applications.mobilenet
applications.mobilenet_v2 applications.mobilenet_v3 applications.nasnet applications.resnet applications.resnet50
applications.resnet_v2 applications.vgg16 applications.vgg19 applications.xception backend callbacks config constraints
datasets datasets.boston_housing datasets.california_housing datasets.cifar10 datasets.cifar100 datasets.fashion_mnist
datasets.imdb datasets.mnist datasets.reuters distillation distribution dtype_policies export initializers layers losses
metrics mixed_precision models ops ops.image ops.linalg ops.nn ops.numpy optimizers optimizers.schedules preprocessing
preprocessing.image preprocessing.sequence preprocessing.text quantizers random regularizers saving tree utils
utils.bounding_boxes utils.legacy visualization wrappers wrappers.scikit_learn
"""
PLACES = {
    **{place: f"jkeras.{place}" for place in _SAME.split()},
    "": "jkeras",
    "engine": "jkeras.layers jkeras.models jkeras",
    "experimental": "jkeras jkeras.optimizers.schedules",
    "legacy": "jkeras.utils",
    "preprocessing": "jkeras.compat.standin.directories jkeras.preprocessing",
    "utils": "jkeras.compat.standin.directories jkeras.utils",
    "utils.np_utils": "jkeras.utils.np_utils jkeras.utils",
    "trainers": "jkeras.compat.standin",
    "trainers.data_adapters": "jkeras.compat.standin",
    "trainers.data_adapters.data_adapter_utils": "jkeras.compat.standin",
    "utils.backend_utils": "jkeras.compat.keras3_internals",
    "utils.tracking": "jkeras.compat.keras3_names",
}

# place: the modules below it, or at the top, that offer the same.
PARTS = {
    "utils.legacy": "saving.legacy.serialization legacy.saving.serialization",
    "layers": """
        layers.activation layers.activation.elu layers.activation.leaky_relu layers.activation.prelu layers.activation.relu
        layers.activation.softmax layers.activations layers.advanced_activations layers.attention
        layers.attention.additive_attention layers.attention.attention layers.attention.multi_head_attention layers.convolutional
        layers.convolutional.base_conv layers.convolutional.base_conv_transpose layers.convolutional.base_depthwise_conv
        layers.convolutional.base_separable_conv
        layers.convolutional.conv1d layers.convolutional.conv1d_transpose layers.convolutional.conv2d
        layers.convolutional.conv2d_transpose layers.convolutional.conv3d layers.convolutional.conv3d_transpose
        layers.convolutional.depthwise_conv1d layers.convolutional.depthwise_conv2d layers.convolutional.separable_conv1d
        layers.convolutional.separable_conv2d layers.convolutional_recurrent layers.core layers.core.activation layers.core.dense
        layers.core.dropout layers.core.einsum_dense layers.core.embedding layers.core.flatten layers.core.identity
        layers.core.input_layer layers.core.lambda_layer layers.core.masking layers.core.permute layers.core.repeat_vector
        layers.core.reshape layers.core.wrapper layers.cudnn_recurrent layers.dense_attention layers.einsum_dense
        layers.embeddings layers.experimental layers.experimental.preprocessing layers.layer layers.local
        layers.locally_connected layers.merge layers.merging layers.merging.add layers.merging.average
        layers.merging.concatenate layers.merging.dot layers.merging.maximum layers.merging.minimum layers.merging.multiply
        layers.merging.subtract layers.multi_head_attention layers.noise layers.normalization
        layers.normalization.batch_normalization layers.normalization.batch_normalization_v1
        layers.normalization.group_normalization layers.normalization.layer_normalization
        layers.normalization.unit_normalization layers.normalization_v2 layers.pooling layers.pooling.average_pooling1d
        layers.pooling.average_pooling2d layers.pooling.average_pooling3d layers.pooling.global_average_pooling1d
        layers.pooling.global_average_pooling2d layers.pooling.global_average_pooling3d layers.pooling.global_max_pooling1d
        layers.pooling.global_max_pooling2d layers.pooling.global_max_pooling3d layers.pooling.max_pooling1d
        layers.pooling.max_pooling2d layers.pooling.max_pooling3d layers.preprocessing layers.preprocessing.image_preprocessing
        layers.preprocessing.category_encoding
        layers.preprocessing.discretization layers.preprocessing.hashed_crossing layers.preprocessing.hashing
        layers.preprocessing.integer_lookup layers.preprocessing.normalization layers.preprocessing.string_lookup
        layers.preprocessing.text_vectorization layers.recurrent layers.recurrent_v2 layers.regularization
        layers.regularization.activity_regularization layers.regularization.alpha_dropout layers.regularization.dropout
        layers.regularization.gaussian_dropout layers.regularization.gaussian_noise layers.regularization.spatial_dropout1d
        layers.regularization.spatial_dropout2d layers.regularization.spatial_dropout3d layers.reshaping
        layers.reshaping.cropping1d layers.reshaping.cropping2d layers.reshaping.cropping3d layers.reshaping.flatten
        layers.reshaping.permute layers.reshaping.repeat_vector layers.reshaping.reshape layers.reshaping.up_sampling1d
        layers.reshaping.up_sampling2d layers.reshaping.up_sampling3d layers.reshaping.zero_padding1d
        layers.reshaping.zero_padding2d layers.reshaping.zero_padding3d layers.rnn layers.rnn.bidirectional layers.rnn.gru
        layers.rnn.lstm layers.rnn.rnn layers.rnn.simple_rnn layers.rnn.stacked_rnn_cells layers.rnn.time_distributed
        layers.serialization layers.wrappers
    """,
    "engine": """
        engine.base_layer engine.container engine.functional engine.input_layer engine.input_spec engine.keras_tensor
        engine.network engine.node engine.saving engine.sequential engine.topology engine.training
    """,
    "models": "models.cloning models.functional models.model models.sequential",
    "optimizers": """
        optimizers.adadelta optimizers.adagrad optimizers.adam optimizers.adamax optimizers.adamw optimizers.experimental
        optimizers.ftrl optimizers.legacy optimizers.legacy.adadelta optimizers.legacy.adagrad optimizers.legacy.adam
        optimizers.legacy.adamax optimizers.legacy.ftrl optimizers.legacy.gradient_descent optimizers.legacy.nadam
        optimizers.legacy.optimizer_v2 optimizers.legacy.rmsprop optimizers.lion optimizers.nadam optimizers.optimizer
        optimizers.optimizer_experimental optimizers.optimizer_experimental.adam optimizers.optimizer_experimental.rmsprop
        optimizers.optimizer_experimental.sgd optimizers.optimizer_v1 optimizers.optimizer_v2 optimizers.optimizer_v2.adam
        optimizers.optimizer_v2.gradient_descent optimizers.optimizer_v2.rmsprop optimizers.rmsprop optimizers.sgd optimizer_v1
        optimizer_v2 optimizer_v2.adadelta optimizer_v2.adagrad optimizer_v2.adam optimizer_v2.adamax optimizer_v2.ftrl
        optimizer_v2.gradient_descent optimizer_v2.nadam optimizer_v2.optimizer_v2 optimizer_v2.rmsprop
    """,
    "optimizers.schedules": "optimizers.schedules.learning_rate_schedule optimizer_v2.learning_rate_schedule",
    "losses": "losses.losses losses.loss objectives",
    "metrics": """
        metrics.accuracy_metrics metrics.base_metric metrics.confusion_metrics metrics.metrics metrics.probabilistic_metrics
        metrics.reduction_metrics metrics.regression_metrics
    """,
    "activations": "activations.activations",
    "initializers": "initializers.initializers initializers.initializers_v1 initializers.initializers_v2",
    "backend": """
        backend.common backend.common.dtypes backend.common.variables backend.load_backend backend.tensorflow_backend
        backend_config
    """,
    "callbacks": "callbacks.callback callbacks.callbacks callbacks.experimental callbacks_v1",
    "datasets": "datasets.cifar",
    "distribution": "distribution.distribution_lib",
    "utils": """
        utils.conv_utils utils.custom_object_utils utils.data_utils utils.dataset_utils utils.generic_utils utils.image_dataset
        utils.image_utils utils.io_utils utils.layer_utils utils.losses_utils utils.model_visualization
        utils.multi_gpu_utils utils.progbar utils.summary_utils utils.tf_utils utils.training_utils utils.vis_utils
    """,
    "utils.np_utils": "utils.numerical_utils",
    "preprocessing": "preprocessing.image_dataset preprocessing.text_dataset preprocessing.timeseries",
    "saving": """
        saving.legacy saving.legacy.hdf5_format
        saving.legacy.save saving.object_registration saving.save saving.saving_api
        saving.saving_lib saving.serialization_lib
    """,
    "mixed_precision": "mixed_precision.experimental mixed_precision.policy",
}

_SHORT_LOSSES = {
    "KLD": "kl_divergence",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "MAE": "mean_absolute_error",
    "mae": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "mape": "mean_absolute_percentage_error",
    "MSE": "mean_squared_error",
    "mse": "mean_squared_error",
    "MSLE": "mean_squared_logarithmic_error",
    "msle": "mean_squared_logarithmic_error",
    "cosine_proximity": "cosine_similarity",
    "logcosh": "log_cosh",
}

# place and name -> where jkeras has it. The modules of the place come first.
NAMES = {
    **{f"losses.{old}": f"jkeras.losses.{new}" for old, new in _SHORT_LOSSES.items()},
    **{f"metrics.{old}": f"jkeras.losses.{new}" for old, new in _SHORT_LOSSES.items()},
    "constraints.maxnorm": "jkeras.constraints.MaxNorm",
    "constraints.nonneg": "jkeras.constraints.NonNeg",
    "constraints.unitnorm": "jkeras.constraints.UnitNorm",
    "applications.imagenet_utils.correct_pad": "jkeras.applications.blocks.correct_pad",
    "backend.KerasTensor": "jkeras.KerasTensor",
    "backend.KerasVariable": "jkeras.Variable",
    "backend.Variable": "jkeras.Variable",
    "backend.get_graph": "jkeras.compat.standin.op_graph.get_graph",
    "backend.get_keras_mask": "jkeras.compat.keras3_internals.get_keras_mask",
    "backend.standardize_shape": "jkeras.compat.keras3_names.standardize_shape",
    "backend.set_keras_mask": "jkeras.compat.keras3_internals.set_keras_mask",
    "random.make_default_seed": "jkeras.state.random.next_seed",
    "saving.H5IOStore": "jkeras.compat.weight_store.H5IOStore",
    "saving.SafeModeScope": "jkeras._base.safe_mode.safe_mode_scope",
    "saving.in_safe_mode": "jkeras._base.safe_mode.in_safe_mode",
    "trainers.data_adapters.data_adapter_utils.class_weight_to_sample_weights": "jkeras.data.sample_weights.class_weights",
    "engine.Container": "jkeras.models.Model",
    "engine.Network": "jkeras.models.Model",
    # Classes that `isinstance` asks for; Keras 2's `Conv` stands above the transposed and the depthwise ones too.
    "layers.Conv": "jkeras.layers.convolving.Convolving",
    "layers.BaseConv": "jkeras.layers.convolution.BaseConv",
    "layers.BaseConvTranspose": "jkeras.layers.convolution_transpose.BaseConvTranspose",
    "layers.BaseDepthwiseConv": "jkeras.layers.depthwise.BaseDepthwiseConv",
    "layers.BaseSeparableConv": "jkeras.layers.depthwise.BaseSeparableConv",
    "layers.BatchNormalizationV1": "jkeras.layers.BatchNormalization",
    "layers.BatchNormalizationV2": "jkeras.layers.BatchNormalization",
    "layers.KerasTensor": "jkeras.KerasTensor",
    "layers.Sequential": "jkeras.models.Sequential",
    "layers.Model": "jkeras.models.Model",
    "mixed_precision.set_policy": "jkeras.config.set_dtype_policy",
    "models.Input": "jkeras.layers.Input",
    "models.InputLayer": "jkeras.layers.InputLayer",
    "models.Layer": "jkeras.layers.Layer",
    "optimizers.AdamOptimizer": "jkeras.optimizers.Adam",
    "optimizers.LearningRateSchedule": "jkeras.optimizers.schedules.LearningRateSchedule",
    "preprocessing.image_dataset_from_directory": "jkeras.utils.image_dataset_from_directory",
    "preprocessing.text_dataset_from_directory": "jkeras.utils.text_dataset_from_directory",
    "preprocessing.timeseries_dataset_from_array": "jkeras.utils.timeseries_dataset_from_array",
    "utils.print_summary": "jkeras.models.summary.summary",
}

# Those that only Keras 3 has.
NAMES_3 = {**NAMES, "version": "jkeras.compat.identity.version"}
