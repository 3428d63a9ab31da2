"""Simple graph convolution (Wu et al. 2019)."""
