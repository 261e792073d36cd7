"""What training leaves: run folders, files of arrays, and one archive of a run."""
