"""The law as dated, cited data, and the checks that read it.

``law_on(on, lender_type)`` gives the law of one day for one kind of lender; ``law.rule("cost_cap")`` a rule with its
citation, ``law.value("cost_cap")`` its value alone. The rules are YAML under ``rules/``; ``checks`` compares with them.
"""

from jiehuan.law.book import Law, law_on, law_version, rule_history, rule_ids
from jiehuan.law.rule import LENDER_TYPES, History, Rule, Table

__all__ = ["LENDER_TYPES", "History", "Law", "Rule", "Table", "law_on", "law_version", "rule_history", "rule_ids"]
