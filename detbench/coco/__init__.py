"""pycocotools' ``COCO`` and ``COCOeval`` for boxes, on detbench's matching: a training loop changes one import.

>>> from detbench.coco import COCO, COCOeval

The names of classes, methods and attributes are pycocotools' own. The numbers are too, to the last bit, its slips
included (annotation id 0 is never found, ``ignore`` is overwritten by ``iscrowd``); ``docs/reference/cocoeval.md``
lists the few places where it fails and this does not.
"""

from detbench.coco.dataset import COCO
from detbench.coco.evaluation import COCOeval
from detbench.coco.params import Params

__all__ = ["COCO", "COCOeval", "Params"]
