"""Fogs by family: each file is a forward model of its own, from linear light to linear light."""
