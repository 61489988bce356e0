"""Training of the embedded model from rendered patients."""
