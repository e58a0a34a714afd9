"""Models that answer the codebook's questions about a text. They know no law and no MLflow."""
