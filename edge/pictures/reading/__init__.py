"""From a picture file of any kind to RGB of 8 bits, or to one line that says why not."""
