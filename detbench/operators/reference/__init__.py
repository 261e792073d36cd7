"""The operators written to be read: NumPy, a page each, the paper named. They are what the others are held to."""
