"""Decision graphs that analysts edit: read, check, run one, compile for columns, explain, compare versions.

::

    policy = load_policy(Path("admission.json"))     # every structural mistake at once
    check_policy(policy, mainland_laws(on))          # gaps, unreachable rows, breaches of caps, unfair prices
    run(policy, values)                              # one input on the engine, with its trace
    compile_policy(policy).batch(frame)              # a million rows as columns, equal results
    diff_policies(old, new, book)                    # who is decided otherwise, and what it costs
    what_if(policy, values)                          # the nearest change that leads to approval
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jiehuan.policy.graph import Field, Policy, load_policy, policy_version
from jiehuan.policy.reasons import Reason, explain
from jiehuan.policy.run import PolicyResult, default_policy, read_values, run, shipped_policy

if TYPE_CHECKING:
    from jiehuan.policy.check import Finding, check_policy, has_errors, mainland_laws
    from jiehuan.policy.compiled import Compiled, compile_policy
    from jiehuan.policy.diff import Difference, diff_policies
    from jiehuan.policy.nearest import WhatIf, what_if

__all__ = [
    "Compiled", "Difference", "Field", "Finding", "Policy", "PolicyResult", "Reason", "WhatIf", "check_policy",
    "compile_policy", "default_policy", "diff_policies", "explain", "has_errors", "load_policy", "mainland_laws",
    "policy_version", "read_values", "run", "shipped_policy", "what_if",
]  # fmt: skip

_HOMES = {
    "Finding": "check", "check_policy": "check", "has_errors": "check", "mainland_laws": "check", "Compiled": "compiled",
    "compile_policy": "compiled", "Difference": "diff", "diff_policies": "diff", "WhatIf": "nearest", "what_if": "nearest",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that one decision does not load what a release needs."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"jiehuan.policy.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
