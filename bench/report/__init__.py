"""How a run is told: a table for the terminal and the page, a plot, and the page itself."""
