"""Timing operators: what is to be run, the check of every answer, the samples by turns, and the profile of it all."""
