"""Talks to models. The only room that knows wire formats; it knows no page and no database."""
