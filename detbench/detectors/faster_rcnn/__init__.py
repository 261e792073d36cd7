"""Faster R-CNN in Keras 3, for TensorFlow, JAX and PyTorch: one file a part, the forward pass in ``model.py``."""
