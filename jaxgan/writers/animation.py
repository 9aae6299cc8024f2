"""Moving pictures: GIF by Pillow, MP4 where an encoder is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.core.errors import bad_value
from jaxgan.files.atomic import replacing

SUFFIXES = (".gif", ".mp4")


def save_animation(
    path: Path, frames: Sequence[np.ndarray], *, frames_per_second: int = 12
) -> None:
    """Writes an animation that runs for ever, whole or not at all.

    Args:
      path: the file, `.gif` or `.mp4`; its folder is created.
      frames: uint8, each [height, width, 1 or 3].
      frames_per_second: speed.

    Raises:
      ValueError: for another suffix, or no frames.
      ImportError: for `.mp4` without imageio and its encoder, naming the extra.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.gif"
    >>> save_animation(path, [np.full((4, 4, 1), level, np.uint8) for level in (0, 255)])
    >>> with Image.open(path) as film:
    ...     film.n_frames
    2
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(bad_value("path", path, f"a {' or '.join(SUFFIXES)} file"))
    if not frames:
        raise ValueError("frames is empty; there must be at least one")
    colour = [np.broadcast_to(frame, (*frame.shape[:2], 3)) for frame in frames]
    if suffix == ".gif":
        images = [Image.fromarray(np.ascontiguousarray(frame)) for frame in colour]
        with replacing(path) as temporary:
            images[0].save(
                temporary,
                format="GIF",
                save_all=True,
                append_images=images[1:],
                duration=round(1000 / frames_per_second),
                loop=0,
            )
        return
    # The encoder wants even sizes.
    whole = np.stack([frame[: len(frame) // 2 * 2, : frame.shape[1] // 2 * 2] for frame in colour])
    try:
        import imageio.v3 as iio

        content = iio.imwrite(
            "<bytes>",
            whole,
            extension=".mp4",
            plugin="FFMPEG",
            fps=frames_per_second,
            macro_block_size=2,
        )
    except ImportError as error:
        raise ImportError("mp4 needs an encoder: pip install 'jaxgan[video]'") from error
    with replacing(path) as temporary:
        temporary.write_bytes(content)
