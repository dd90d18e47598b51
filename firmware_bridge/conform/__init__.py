"""The tests of a real camera head: what `edge-bridge conform` asks of it."""
