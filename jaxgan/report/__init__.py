"""One HTML page of a run, or of several: templates, curves that zoom, pictures with a slider."""

from jaxgan.report.content import Checkpoint, Content, Frame, Pictures, Scored, Warned
from jaxgan.report.page import render

__all__ = ["Checkpoint", "Content", "Frame", "Pictures", "Scored", "Warned", "render"]
