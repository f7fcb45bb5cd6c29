"""Checks a backend by small requests, each with a verdict in plain words. It knows no page and no store."""
