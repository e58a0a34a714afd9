"""Views of a text: normalised, masked, lemmatised, split into passages. The original is never changed."""
