"""TensorRT engines: plans, memory and the device."""
