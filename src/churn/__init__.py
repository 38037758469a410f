"""Churn prediction for retail banks: which customers will leave, how sure that is, and what would keep them.

Names are imported when they are first used, so that `import churn` itself takes milliseconds; docs/python.md has a
page for each use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
