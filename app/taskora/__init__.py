"""The Taskora application: one image, one role per process."""
