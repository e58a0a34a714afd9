"""How good a model is, for whom, and how sure we are of it."""
