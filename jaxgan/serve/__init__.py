"""A local page on which a person explores a generator by hand."""

from jaxgan.serve.page import Facts, render
from jaxgan.serve.pictures import make_draw, make_save
from jaxgan.serve.server import Server, Site

__all__ = ["Facts", "Server", "Site", "make_draw", "make_save", "render"]
