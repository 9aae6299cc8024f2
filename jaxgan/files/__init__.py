"""Files that others have written: one reader for each format, one error."""

from jaxgan.core.errors import FileError
from jaxgan.files.json_file import check_json, parse_json, read_json, read_json_lines
from jaxgan.files.npz import parse_npz, read_npz
from jaxgan.files.safetensors import read_safetensors

__all__ = [
    "FileError",
    "check_json",
    "parse_json",
    "parse_npz",
    "read_json",
    "read_json_lines",
    "read_npz",
    "read_safetensors",
]
