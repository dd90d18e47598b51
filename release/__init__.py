"""Makes what is released: `make dist`."""
