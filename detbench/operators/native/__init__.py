"""The operators in C++ on all cores: NumPy arrays in and out, by the reference's signature and to its answers.

An array that is contiguous and of the right type is read where it lies; another is copied first, as NumPy would. Where
the native part is missing the reference answers.
"""
