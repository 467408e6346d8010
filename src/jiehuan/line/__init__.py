"""Dynamic limit, and price for new draws.

``review`` decides one line: raise, lower or hold, with reasons, step limits, a dead band, law's caps and a random holdout.
"""

from jiehuan.line.account import read_account, read_accounts
from jiehuan.line.decision import LineAccount, LineDecision
from jiehuan.line.evaluate import evaluate
from jiehuan.line.notice import Notice, notice
from jiehuan.line.offpolicy import METHODS, Estimate, estimate, estimate_policy
from jiehuan.line.params import Grade, LineParams, default_params, load_params, read_params
from jiehuan.line.review import holdout_arm, review
from jiehuan.line.value import affordable_limit, expected_profit

__all__ = [
    "METHODS",
    "Estimate",
    "Grade",
    "LineAccount",
    "LineDecision",
    "LineParams",
    "Notice",
    "affordable_limit",
    "default_params",
    "estimate",
    "estimate_policy",
    "evaluate",
    "expected_profit",
    "holdout_arm",
    "load_params",
    "notice",
    "read_account",
    "read_accounts",
    "read_params",
    "review",
]
