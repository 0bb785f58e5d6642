"""A conversation on its way out of the page and back in: text to copy, files to keep, references to cite."""
