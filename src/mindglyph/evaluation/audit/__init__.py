"""Ways in which data could lie about what can be decoded from them, looked for before anything is trained."""

from mindglyph.evaluation.audit.audit import audit_store, plans_of
from mindglyph.evaluation.audit.result import Audit, Finding

__all__ = ["Audit", "Finding", "audit_store", "plans_of"]
