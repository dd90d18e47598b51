"""Judging under every family of fog, with and without a truth."""
