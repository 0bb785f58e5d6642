"""From answers, papers and conversations to markup: pure functions, one module for each part of the page.

``markup`` is the one place where outside text meets HTML; ``turns`` and ``evidence`` show
an answer, ``frame`` what stands around it, ``library`` and ``plots`` the papers.
"""
