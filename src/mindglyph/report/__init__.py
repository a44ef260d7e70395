"""Self-contained pages: of a run, the verdict first, then all that belongs to it; of a store, what to look at.

`page.write_report` needs PyTorch and `inspection.write_inspection` does not, so neither is imported here.
"""
