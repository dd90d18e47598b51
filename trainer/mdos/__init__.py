"""The mean doctor opinion score (the paper, section 3.4): a rating study that a hospital can run, and its report."""
