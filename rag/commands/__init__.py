"""What each command does, a module for a group of them; ``rag.cli`` parses and hands over.

A command is a function of the parsed options that returns the exit code. Results go to
stdout, messages to stderr, and imports that cost time wait inside the functions.
"""
