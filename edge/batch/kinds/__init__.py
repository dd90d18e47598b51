"""What a run over files takes: each kind of input in a file of its own."""
