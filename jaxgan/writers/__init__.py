"""What a run leaves for people to look at: metrics, event files, pictures, a progress line."""

from jaxgan.writers.curves import curves_png as curves_png
from jaxgan.writers.metrics import MetricWriter as MetricWriter
from jaxgan.writers.metrics import read_metrics as read_metrics
from jaxgan.writers.pictures import image_grid as image_grid
from jaxgan.writers.pictures import save_png as save_png
from jaxgan.writers.pictures import scatter_png as scatter_png
from jaxgan.writers.progress import Progress as Progress
