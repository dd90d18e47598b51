"""How old a picture is when a browser has drawn it, by each transport: `python -m benchmarks.runtime.streams`."""
