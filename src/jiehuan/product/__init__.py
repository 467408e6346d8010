"""The catalogue of products, and the offers it makes to one applicant within the law and the cash flow."""

from jiehuan.product.catalogue import Catalogue, Product, load_catalogue, read_catalogue
from jiehuan.product.offers import Asked, Capacity, LeftOut, Menu, Offer, offers

__all__ = [
    "Asked", "Capacity", "Catalogue", "LeftOut", "Menu", "Offer", "Product", "load_catalogue", "offers",
    "read_catalogue",
]  # fmt: skip
