"""DICOM objects read: a stranger's file, parsed and decoded in a process that reaches nothing else."""
