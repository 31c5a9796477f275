"""Durable jobs: calls whose answer is fetched later, kept on disk from before their `202` to the end of their result.

Used by the server alone. Nothing here is imported until the first job; user code never gets near the store.
"""
