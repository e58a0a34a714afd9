"""Human review: what is put before people, and how their verdicts come back as labels."""
