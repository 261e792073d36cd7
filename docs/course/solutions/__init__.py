"""One way to write each step of each piece; there are others. Open them when yours is right, or when you are stuck."""

from detbench.operators.course.quiet import import_tensorflow

import_tensorflow()
