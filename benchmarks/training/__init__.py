"""Speed, memory and worth of training."""
