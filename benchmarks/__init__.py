"""Measures and prints tables beside a baseline that ran in the same minute; asserts nothing about absolute time."""
