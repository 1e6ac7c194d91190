"""What Taskora decides, without input, output or a clock."""
