"""Sound that comes in: devices, and files that are played as if they were one."""
