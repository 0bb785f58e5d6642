"""What the project costs in time: scripts that print figures, each run by hand."""
