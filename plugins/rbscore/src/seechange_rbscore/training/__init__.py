"""Fitting the network; needs PyTorch and onnx, which scoring does not."""
