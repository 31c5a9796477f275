"""One module for each page, or for the few pages of one idea: from what control knows to a template's values."""
