"""Decision graphs that analysts edit: read, check, run one, compile for columns, explain, compare versions."""

from jiehuan.policy.graph import Field, Policy, load_policy, policy_version
from jiehuan.policy.reasons import Reason, explain
from jiehuan.policy.run import PolicyResult, default_policy, read_values, run, shipped_policy

__all__ = [
    "Field",
    "Policy",
    "PolicyResult",
    "Reason",
    "default_policy",
    "explain",
    "load_policy",
    "policy_version",
    "read_values",
    "run",
    "shipped_policy",
]
