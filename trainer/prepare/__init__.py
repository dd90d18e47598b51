"""From a folder of pictures to a manifest."""
