"""The models that come with the package, and the scripts that build them."""
