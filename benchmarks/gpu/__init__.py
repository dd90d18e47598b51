"""What needs a GPU, or stands for one."""
