"""Car parks seen from a drone: the built-in dataset that needs no download.

Flights of five neighbouring frames over one park each: vehicles parked and under way, trees that cover some of
them, shadows of one sun, several heights, turns and tilts of the camera. Flights, not frames, are dealt to the
splits, because neighbouring frames show the same vehicles.
"""

from detbench.data.synthetic.parking.dataset import DEFAULT_IMAGES, DEFAULT_SIZE_PX, SPLITS, count_images, draw
from detbench.data.synthetic.parking.vehicles import CATEGORY_NAMES

__all__ = ["CATEGORY_NAMES", "DEFAULT_IMAGES", "DEFAULT_SIZE_PX", "SPLITS", "count_images", "draw"]
