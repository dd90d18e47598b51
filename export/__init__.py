"""From a trained checkpoint to the graphs and engines that the unit runs."""
