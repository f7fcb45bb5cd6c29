"""What `python -m storage` can do: one command, one file. Each declares its options and does its work."""
