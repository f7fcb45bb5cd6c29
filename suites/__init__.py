"""Runs many prompts durably, in the background. It knows no page."""
