"""How a call looks on HTTP: one module per wire format, and what those modules are made of."""
