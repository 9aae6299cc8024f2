"""From a jaxpr to an ONNX graph: a row for each primitive."""
