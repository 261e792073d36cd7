"""Checks: read everything there is and report what will hurt; :mod:`~detbench.data.check.run` runs them."""
