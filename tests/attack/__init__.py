"""Attacks on the port of a node, on loopback, each for a few seconds. ``make attack`` runs them against a real node."""
