"""Portfolio metrics, vintages, roll rates, the decomposition of the NPL ratio, experiments and the report.

Everything here reads a tape (``read_tape``): one row a loan at a date.
"""

from jiehuan.book.decompose import Cause, Decomposition, decompose
from jiehuan.book.figures import figures
from jiehuan.book.instalments import entry_rate, first_payment_default
from jiehuan.book.metrics import metrics, with_provision
from jiehuan.book.panel import read_panel
from jiehuan.book.report import report
from jiehuan.book.roll import Roll, roll, roll_months
from jiehuan.book.tape import at, bucket, classify, read_tape
from jiehuan.book.vintage import vintage

__all__ = [
    "Cause",
    "Decomposition",
    "Roll",
    "at",
    "bucket",
    "classify",
    "decompose",
    "entry_rate",
    "figures",
    "first_payment_default",
    "metrics",
    "read_panel",
    "read_tape",
    "report",
    "roll",
    "roll_months",
    "vintage",
    "with_provision",
]
