"""Remembers. The only room that speaks SQL; it knows backends' values, and no page."""
