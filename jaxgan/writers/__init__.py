"""What a run leaves for people to look at: metrics, event files, pictures, a progress line."""

from jaxgan.writers.animation import save_animation
from jaxgan.writers.curves import save_curves
from jaxgan.writers.futures import futures_png
from jaxgan.writers.lettering import lettered, with_titles
from jaxgan.writers.metrics import MetricWriter, read_metrics
from jaxgan.writers.pictures import as_image, image_grid, save_png, scatter
from jaxgan.writers.progress import Progress
from jaxgan.writers.spectrum import path_png, spectrum_png
from jaxgan.writers.writer import Writer

__all__ = [
    "MetricWriter",
    "Progress",
    "Writer",
    "as_image",
    "futures_png",
    "image_grid",
    "lettered",
    "path_png",
    "read_metrics",
    "save_animation",
    "save_curves",
    "save_png",
    "scatter",
    "spectrum_png",
    "with_titles",
]
