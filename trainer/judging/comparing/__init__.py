"""Methods compared as MIINet's paper compares them: quality, reproducibility, and what a truth says."""
