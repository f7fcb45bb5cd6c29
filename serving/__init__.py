"""Says how to serve a model: recipes, memory, known bugs, as data. It knows no page, no SQL, no network."""
