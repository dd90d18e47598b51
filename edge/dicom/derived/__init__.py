"""What is made of an object that was read: the enhanced one of the same patient, or of nobody that can be told."""
