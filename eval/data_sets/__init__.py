"""Questions from elsewhere: public sets that lie on the user's disk, and drafts made from a library."""

from __future__ import annotations

from eval.data_sets.data_set import DataSet, write
from eval.data_sets.public import FORMATS, read

__all__ = ["FORMATS", "DataSet", "read", "write"]
