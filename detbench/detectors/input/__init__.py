"""Input: from a dataset's pictures to batches of one shape."""
