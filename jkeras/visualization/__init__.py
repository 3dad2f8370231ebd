"""Floor 9.5: pictures of models, of how they learned, and of what they predict.

Functions return figures of matplotlib, an extra: `pip install "jkeras[plots]"`. It is loaded when the first figure is drawn.
"""

from jkeras.callbacks.history_curves import plot_history as plot_history
from jkeras.callbacks.history_html import history_html as history_html
from jkeras.visualization.boxes import draw_bounding_boxes as draw_bounding_boxes
from jkeras.visualization.boxes import plot_bounding_box_gallery as plot_bounding_box_gallery
from jkeras.visualization.confusion import confusion_matrix as confusion_matrix
from jkeras.visualization.feature_maps import layer_outputs as layer_outputs
from jkeras.visualization.gallery import plot_image_gallery as plot_image_gallery
from jkeras.visualization.image_grids import image_grid as image_grid
from jkeras.visualization.kernels import convolution_kernels as convolution_kernels
from jkeras.visualization.layouts import plot_layouts as plot_layouts
from jkeras.visualization.masks import draw_segmentation_masks as draw_segmentation_masks
from jkeras.visualization.masks import plot_segmentation_mask_gallery as plot_segmentation_mask_gallery
from jkeras.visualization.picture import Picture as Picture
from jkeras.visualization.score_curves import precision_recall_curve as precision_recall_curve
from jkeras.visualization.score_curves import roc_curve as roc_curve
