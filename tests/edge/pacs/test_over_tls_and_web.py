"""Mutual TLS, STOW-RS and dcmtk's storescp: real peers, and what is wrong with them in a line each."""

from __future__ import annotations
