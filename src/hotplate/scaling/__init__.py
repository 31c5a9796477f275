"""How many replicas an endpoint wants: pure functions of what was sampled, and their replay over a recorded trace."""
