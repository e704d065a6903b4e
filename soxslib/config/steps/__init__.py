"""One module a step, each with its `Settings` model."""
