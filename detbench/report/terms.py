"""The words that pages use beside the names of numbers, each explained once for somebody new to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Term", "terms"]


class Term(NamedTuple):
    """A word and what it means, in one to three sentences."""

    name: str
    meaning: str


_ALWAYS = (
    Term("ground truth", "An object as somebody annotated it: its category, and the box around it."),
    Term("prediction", "A box that a model puts out, with a category and a score: how sure the model is."),
    Term(
        "IoU",
        "Intersection over union: the area that two boxes share, divided by the area that they cover together. 1 is "
        "the same box, 0 is no overlap; a prediction finds an object if their IoU reaches a threshold.",
    ),
    Term("precision", "The share of the predictions that are right."),
    Term("recall", "The share of the ground truths that are found."),
    Term(
        "interval",
        "Where the number would plausibly lie had other images of the same kind been drawn; nothing about other "
        "kinds. Of 95 % intervals about one in twenty misses.",
    ),
)

_OF_SEVERAL = (
    Term(
        "tied",
        "The images are too few to tell which of two models is better: had others of the same kind been drawn, the "
        "order might well be another. The difference, measured on the same images for both, decides; intervals of "
        "two models may overlap although they are not tied.",
    ),
    Term(
        "p",
        "How often chance alone would make a difference at least as large, were two models equally good. They are "
        "tied unless it is below 0.05, after Holm's correction.",
    ),
    Term(
        "Holm's correction",
        "Who compares many models finds a difference by chance alone sooner or later. So each p is raised, the more "
        "of them there are the more, and all differences together are wrong in at most 5 % of such comparisons.",
    ),
)

#: What only some sections speak of, by the section's name.
_OF_SECTIONS = {
    "speed": (
        Term(
            "median, p90, p99",
            "Half, nine of ten and 99 of 100 samples take no longer. A sample is a batch, divided by its pictures.",
        ),
        Term("Pareto front", "The models that none of the others beats in both speed and accuracy."),
    ),
    "proposals": (
        Term(
            "proposal",
            "A box in which the first stage of a detector suspects an object of any category; the second "
            "stage looks nowhere else.",
        ),
    ),
    "errors": (
        Term("operating point", "The score from which a model's boxes are accepted, as somebody would who uses it."),
        Term("F1", "The harmonic mean of precision and recall: high only where both are."),
        Term(
            "ECE", "Expected calibration error: how far scores are from the share of boxes that is right, on average."
        ),
    ),
    "operators": (
        Term("operator", "A step of a detector that can be run by itself, such as NMS or RoI pooling."),
        Term(
            "NMS",
            "Non-maximum suppression: of boxes that overlap much, only the one of highest score is kept. Batched: for "
            "each category by itself. Soft: the others are not dropped but lose score, in proportion to the overlap "
            "(linear) or along a bell curve (gaussian). Matrix: as soft, for all boxes at once.",
        ),
        Term("RoI pooling", "Cuts a region of interest out of a map of features, as a grid of one size for all."),
        Term("reference", "How detbench.operators does it in NumPy, to be read; in the tables it is called numpy."),
        Term("native", "Detbench's own implementation in C++."),
        Term(
            "keras-graph, keras-xla",
            "Detbench's own in Keras, as TensorFlow runs it: as a graph, or compiled by XLA. opencv, tf.image and the "
            "like are what other libraries have.",
        ),
        Term(
            "bound",
            "The least time that this machine could need for the arithmetic and the memory traffic that were counted: "
            "a floor that nobody reaches.",
        ),
        Term("× fastest, × bound", "How many times as long as the fastest, or as the bound, the median is."),
    ),
    "counting": (
        Term("MAE", "Mean absolute error: by how many objects a picture is miscounted, on average."),
        Term("RMSE", "Root mean squared error: as the MAE, but a few large errors weigh more."),
        Term("bias", "The mean error with its sign: above 0 too many are counted, below 0 too few."),
    ),
}


def terms(sections: Iterable[str], *, several: bool = False) -> list[Term]:
    """Return the words that a page with these ``sections`` uses; ``several`` where it ranks models."""
    found = [*_ALWAYS, *(_OF_SEVERAL if several else ())]
    for name in sections:
        found += _OF_SECTIONS.get(name, ())
    return found
