"""Shows. The only room that imports gradio; it knows no SQL and no wire format."""
