"""A page that samples in the browser: a generator and onnxruntime-web in one file.

    jaxgan export --workdir runs/digits --to onnx --out digits.onnx
    python experiments/browser_page.py --model digits.onnx --runtime package/dist --out page.html

`npm pack onnxruntime-web` gets the runtime, whose archive has the folder package/dist. The page is
one file of about 5 MB that works from the file system: it asks nothing of a network. It draws 16
samples of a seed, moves them to the next seed's on an arc, and has classes and truncation where the
generator has.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan.cli.program import Parser, check_out, run_script
from jaxgan.core.errors import InputError
from jaxgan.files.atomic import replacing

TEMPLATE = Path(__file__).with_suffix(".html")
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
"""What of onnxruntime-web a page needs."""


def about(model: bytes) -> dict[str, Any]:
    """What the page has to know of a generator.

    Args:
      model: as `jaxgan export --to onnx` writes it.

    Raises:
      InputError: if it makes images of something else than latents.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise InputError(f"{error}: pip install jaxgan[onnx]") from error

    try:
        graph = onnx.load_from_string(model)
    except DecodeError as error:
        raise InputError("model is no ONNX file") from error
    inputs = {one.name: one.type.tensor_type.shape.dim for one in graph.graph.input}
    if "latent" not in inputs:
        raise InputError(
            f"model has the inputs {', '.join(inputs) or 'none'}; it must have 'latent'"
        )
    props = {one.key: one.value for one in graph.metadata_props}
    return {
        "latent_dim": inputs["latent"][1].dim_value,
        "num_classes": int(props.get("num_classes", 0)) if "label" in inputs else 0,
        "truncation": "truncation" in inputs,
    }


def page(model: bytes, runtime: Path) -> str:
    """The page.

    Args:
      model: as `jaxgan export --to onnx` writes it.
      runtime: the folder `dist` of onnxruntime-web.

    Raises:
      InputError: if the generator is none of latents, or the folder is another.
    """
    for name in RUNTIME:
        if not (runtime / name).is_file():
            raise InputError(f"runtime is {str(runtime)!r}; it must be a folder with {name}")
    script, wasm = ((runtime / name).read_bytes() for name in RUNTIME)
    parts = {"RUNTIME": packed(script), "WASM": packed(wasm), "MODEL": packed(model)}
    text = TEMPLATE.read_text().replace("@ABOUT@", json.dumps(about(model)))
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def packed(data: bytes) -> str:
    """Base64 of gzip, the same for the same bytes."""
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the page."""
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="of jaxgan export --to onnx")
    parser.add_argument("--runtime", type=Path, required=True, help="dist of onnxruntime-web")
    parser.add_argument("--out", type=Path, required=True, help="the page")
    args = parser.parse_args(argv)
    check_out(args.out)
    made = page(args.model.read_bytes(), args.runtime)
    with replacing(args.out) as temporary:
        temporary.write_text(made)
    print(f"{args.out}: {len(made) / 1e6:.1f} MB")


if __name__ == "__main__":
    run_script(main)
