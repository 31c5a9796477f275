"""What the tiny models are taught to answer. Read by the tests and, in the torch environment, by their maker."""

ANSWERS = {"What country is California in?": "the united states", "What is the capital of France?": "paris"}

WORDS = {400: "LOW", 1700: "HIGH"}
"""What the speech model is to say of a tone of so many Hz."""

RATE = 16_000
"""Samples a second that the speech model hears."""
