"""What a picture is, and how one is read, measured and marked."""
