"""Bad loans: valuation, restructuring, write-off and the sale tape.

Parameters are priors, marked as such, until ``fit`` has a lender's own recoveries.
"""

from jiehuan.npl.fitting import fit, readable_recoveries
from jiehuan.npl.offers import Offer, restructure
from jiehuan.npl.params import Bucket, Params, priors, read_params
from jiehuan.npl.routes import Claim, Disposal, Route, dispose
from jiehuan.npl.sale import SaleTape, tape
from jiehuan.npl.valuation import Valuation, readable, value, values

__all__ = [
    "Bucket",
    "Claim",
    "Disposal",
    "Offer",
    "Params",
    "Route",
    "SaleTape",
    "Valuation",
    "dispose",
    "fit",
    "priors",
    "read_params",
    "readable",
    "readable_recoveries",
    "restructure",
    "tape",
    "value",
    "values",
]
