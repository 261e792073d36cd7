"""Timings: a clock, samples and what they say, a machine's bounds, and what is written of all that."""
