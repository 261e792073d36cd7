"""The operators in ``keras.ops``: batches, static shapes, one code for TensorFlow, XLA, JAX and PyTorch."""
