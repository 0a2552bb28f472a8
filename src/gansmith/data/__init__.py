"""What is imitated: sets of images, opened from anywhere, toy distributions, and batches drawn from them.

Example:
    >>> from gansmith.data import Batches, open_images
    >>> batches = Batches(open_images("digits"), batch=64, seed=0)
    >>> images, labels = batches(0)
    >>> tuple(images.shape), tuple(labels.shape)
    ((64, 1, 28, 28), (64,))
"""

from gansmith.data.batches import Batches
from gansmith.data.check import Report, check_images
from gansmith.data.few import few_labelled
from gansmith.data.held_out import parted
from gansmith.data.images import DataError, ImageSet, from_array
from gansmith.data.open import NAMES, open_images
from gansmith.data.toy import Distribution, Grid, Mixture, Ring, Stream, toy

__all__ = [
    "NAMES",
    "Batches",
    "DataError",
    "Distribution",
    "Grid",
    "ImageSet",
    "Mixture",
    "Report",
    "Ring",
    "Stream",
    "check_images",
    "few_labelled",
    "from_array",
    "open_images",
    "parted",
    "toy",
]
