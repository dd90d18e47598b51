"""What travels on the line: frames, messages, and how both are laid out."""
