"""The live picture's ways to its viewers: JPEGs over a WebSocket for the page, Motion JPEG for other programs."""
