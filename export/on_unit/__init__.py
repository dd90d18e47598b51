"""What builds, judges and inspects engines, without torch or onnx."""
