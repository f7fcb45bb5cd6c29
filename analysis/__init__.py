"""Reads what was measured and rated: pure functions over plain values. It knows no page, no SQL, no network."""
