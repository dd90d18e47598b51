"""Figures about speed and memory: one command, one session, ratios with medians."""
