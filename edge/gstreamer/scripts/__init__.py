"""What the system's Python runs: the standard library, `gi`, and nothing of this program; Python 3.8 and newer."""
