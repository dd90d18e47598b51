"""What DICOM is here: whose pictures they are, objects made of what was saved, and objects read."""
