"""The scorecard: what the pipeline does to rendered patients that training never saw, with the truth beside it."""
