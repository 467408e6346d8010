"""jiehuan (借还): a closed-loop credit-risk platform for unsecured online consumer micro-loans."""

__version__ = "0.1.0"
