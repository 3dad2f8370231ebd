"""Bounding boxes: formats, windows and maps of the plane, overlap, and boxes as seen from anchors."""

from jkeras.utils.bounding_boxes.anchors import decode_deltas_to_boxes as decode_deltas_to_boxes
from jkeras.utils.bounding_boxes.anchors import encode_box_to_deltas as encode_box_to_deltas
from jkeras.utils.bounding_boxes.formats import clip_to_image_size as clip_to_image_size
from jkeras.utils.bounding_boxes.formats import convert_format as convert_format
from jkeras.utils.bounding_boxes.moving import affine_transform as affine_transform
from jkeras.utils.bounding_boxes.moving import crop as crop
from jkeras.utils.bounding_boxes.moving import pad as pad
from jkeras.utils.bounding_boxes.overlap import compute_ciou as compute_ciou
from jkeras.utils.bounding_boxes.overlap import compute_iou as compute_iou
