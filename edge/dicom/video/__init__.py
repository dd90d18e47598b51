"""A recording as the stream that DICOM's H.264 transfer syntaxes take (PS3.5 8.2.7, 8.2.8)."""
