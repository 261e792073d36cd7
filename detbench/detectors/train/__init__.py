"""Training a baseline: a loop, what makes a step on each backend, what a run can go on from, and what it writes."""
