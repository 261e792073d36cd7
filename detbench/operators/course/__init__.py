"""The course: Faster R-CNN, taken apart. Its pieces, and the grading of what a learner writes."""

from __future__ import annotations

from detbench.operators.course.grade import Grade, grade
from detbench.operators.course.steps import Steps, steps

__all__ = ["Grade", "Steps", "grade", "steps"]
