"""The subcommands of ``footnoted eval``: each module adds its own with ``add_parser``."""
