"""Where the figures of docs/results.md come from, each with the command that makes it."""
