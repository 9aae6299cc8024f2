"""Fields, and maps from field to field: one a file."""

from jaxgan.fields.base import Field
from jaxgan.fields.gradient import gradient
from jaxgan.fields.microbatch import microbatch

__all__ = ["Field", "gradient", "microbatch"]
