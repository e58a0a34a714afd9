"""Scoring over HTTP: a FastAPI app with bounded requests that repeats no text in errors or logs."""
