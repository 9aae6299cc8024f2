"""Wrong command lines and odd names: one line, exit code 2, nothing on disk changed."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxgan.cli.main import main
from tests import helpers

RING = f"{Path(__file__).parents[2] / 'configs' / 'ring.py'}:smoke"
Snapshot = dict[str, tuple[int, int, int]]

# What is typed, with RING for a config that is there; what the line says.
PARSED = {
    "": "the following arguments are required: COMMAND",
    "trian": "invalid choice: 'trian' (choose from",
    "--verbose": "the following arguments are required: COMMAND",
    "--workdir runs/ring sample": "invalid choice: 'runs/ring'",
    "train": "required: --workdir",
    "train --config RING": "required: --workdir",
    "train --workdir new": "required: --config",
    "train --config RING --workdir new extra": "unrecognized arguments: extra",
    "train --config RING --workdir new --profile x": "--profile: invalid int value: 'x'",
    "train --config RING --workdir new --confg=3": "--confg=3; did you mean --config?",
    "train --config RING --workdir new --config.seed": "unrecognized arguments: --config.seed",
    "train --config RING --workdir new --override": "did you mean --override-config?",
    "train --config RING --workdir new --num-processes two": "invalid int value: 'two'",
    "train --config RING --workdir new --connect-timeout 0": "of at least 1",
    "train --config RING --workdir new --connect-timeout -5": "'-5' is not a whole number",
    "train --config RING --workdir new --connect-timeout 1.5": "'1.5' is not a whole number",
    "sample": "required: --workdir",
    "sample --workdir": "--workdir: expected one argument",
    "sample --workdir runs/ring --num x": "--num: invalid int value: 'x'",
    "sample --workdir runs/ring --num 1e3": "--num: invalid int value: '1e3'",
    "sample --workdir runs/ring --seed 1.5": "--seed: invalid int value: '1.5'",
    "sample --workdir runs/ring --truncation wide": "--truncation: invalid float value: 'wide'",
    "sample --workdir runs/ring --config.seed=3": "unrecognized arguments: --config.seed=3",
    "sample --workdir runs/ring --no-emma": "did you mean --no-ema?",
    "sample --workdir runs/ring --out a.png --format webp": "format is 'webp'; it must be left out",
    "sample --workdir runs/ring --out a.png --flat": "flat is True; it must be left out",
    "translate --workdir runs/ring --data a": "required: --out",
    "translate --workdir runs/ring --data a --out b --domain x": "--domain: invalid choice: 'x'",
    "translate --workdir runs/ring --data . --out b": "game is 'gan'; it must be pix2pix",
    "futures": "required: --workdir",
    "futures --workdir runs/ring --num 0": "--num: '0' is not a whole number of at least 1",
    "futures --workdir runs/ring --step 7": "step is 7; runs/ring has checkpoints of step 10, 20",
    "futures --workdir runs/ring --out a.png/b --member 0": "member is 0; it must be left out",
    "futures --workdir runs/ring --intervention seed=1": "seed makes another run",
    "evaluate": "fake is missing; give --workdir DIR, or --fake PATH --real PATH",
    "evaluate --fake empty.npz": "real is missing",
    "evaluate --fake none.npz --real none.npz": "none.npz: no such file or folder",
    "evaluate --fake empty.npz --real empty.npz --ema": "ema is True; it must be left out",
    "evaluate --fake empty.npz --real empty.npz --no-ema": "ema is False; it must be left out",
    "evaluate --fake empty.npz --real empty.npz --member 0": "member is 0; it must be left out",
    "evaluate --fake digits --real ring": "real is 'ring'; it must be data in files",
    "evaluate --workdir runs/ring --real ring": "real is 'ring'; it must be left out, as --workdir",
    "evaluate --fake digits --real digits --image-size 0": "of at least 1",
    "evaluate --workdir runs/ring --members all": "members is 'all'; it must be left out",
    "evaluate --workdir runs/ring --members one": "members is 'one'; it must be all, or numbers",
    "evaluate --workdir runs/ring --members 0 --member 0": "member is 0; it must be left out",
    "evaluate --workdir runs/ring --repeats 0": "of at least 1",
    "evaluate --fake empty.npz --real empty.npz --repeats 2": "repeats is 2; it must be left out",
    "evaluate --workdir runs/ring --num-samples many": "invalid int value: 'many'",
    "evaluate --workdir runs/ring --connect-timeout 0": "of at least 1",
    "evaluate --workdir runs/ring --config.seed=1": "unrecognized arguments: --config.seed=1",
    "evaluate --workdir runs/ring --metric fd": "did you mean --metrics?",
    "explore": "required: WHAT, --workdir",
    "explore fly --workdir runs/ring": "WHAT: invalid choice: 'fly'",
    "explore interpolate": "required: --workdir",
    "explore interpolate --workdir runs/ring --frames x": "--frames: invalid int value: 'x'",
    "explore serve --workdir runs/ring --port x": "--port: invalid int value: 'x'",
    "compare": "required: DIR",
    "compare runs/ring --jsn": "did you mean --json?",
    "report": "required: DIR",
    "report runs/ring --ot a.html": "did you mean --out?",
    "checkpoints": "required: DIR",
    "checkpoints runs/ring runs/ring": "unrecognized arguments: runs/ring",
    "map": "required: --config, --axis, --steps, --out",
    "map --config RING --axis a --steps x --out b": "'x' is not a whole number",
    "plan": "required: --config, --topology",
    "plan --config RING": "required: --topology",
    "plan --config RING --topology": "--topology: expected at least one argument",
    "plan --config RING --topology cpu:1 --batch-per-chip x": "invalid int value: 'x'",
    "plan --config RING --topology cpu:1 --timeout x": "'x' is not a whole number",
    "plan --config RING --topology cpu:1 --timeout -1": "'-1' is not a whole number",
    "weights": "required: network",
    "weights resnet": "network: invalid choice: 'resnet'",
    "weights inception --too a": "did you mean --to?",
    "import": "required: --config, --workdir",
    "import --config RING": "required: --workdir",
}
TRAIN = {
    "--profile -1": "profile is -1; it must be",
    "--process-id 0": "give all three, or none",
    "--coordinator a:0 --num-processes 2 --process-id 0": "it must be HOST:PORT",
    "--coordinator a:99999 --num-processes 2 --process-id 0": "the port from 1 to 65535",
    "--coordinator a:1 --num-processes 0 --process-id 0": "num_processes is 0; it must be",
    "--coordinator a:1 --num-processes 2 --process-id -1": "process_id is -1; with num_processes 2",
    "--config.=3": "'' is no dotted path",
    "--config.seed=": "seed is ''; it must be an integer",
    "--config.seed.a=3": "seed is {'a': 3}; it must be an integer",
    "--config.loss..a=3": "'loss..a' is no dotted path",
    "--config.total_steps=0": "total_steps is 0; it must be an integer, at least 1",
    "--config.num_seeds=0": "num_seeds is 0; it must be an integer, from 1",
    "--config.batch_size=0": "batch_size is 0; it must be an integer, from 1",
    "--config.optimizer=adam": "optimizer is 'adam'; it must be {'gen'",
    "--config.data.source=folder": "data is 'folder'",
    "--config.data.source=": "data is ''",
    "--config.data.num_modes=0": "num_modes is 0",
}
OTHERS = {
    "train --config RING --workdir runs/ring --config.seed=1": "seed was 0, is 1",
    "train --config RING --workdir runs/ring --config.loss=hinge": "another config's run is there",
    "train --config RING --workdir file.txt": "file.txt is no folder",
    "train --config RING --workdir file.txt/new": "file.txt is no folder",
    "train --config nothing.py --workdir new": "'nothing.py' is not a file",
    "train --workdir new": "one of the arguments --config --data is required",
    "train --config RING --data runs --workdir new": "not allowed with argument --config",
    "train --config RING --size 8 --workdir new": "size is 8; it must be left out, as --config is",
    "train --data nowhere --workdir new": "nowhere: no such file or folder",
    "train --data file.txt --workdir new": "file.txt: a file of no kind that is known",
    "init --data nowhere": "nowhere: no such file or folder",
    "init": "required: --data",
    "train --config runs --workdir new": "config: 'runs' is not a file, nor the folder of a run",
    "train --config file.txt --workdir new": "file.txt:1' fails: NameError",
    "train --config broken.py --workdir new": "broken.py' fails: SyntaxError",
    "train --config empty.py --workdir new": "empty.py defines no get_config(arg)",
    "train --config raises.py --workdir new": "raises.py fails: ZeroDivisionError",
    "train --config number.py --workdir new": "number.py: get_config's value is 3; it must be",
    "train --config RING:smoke --workdir new": "argument 'smoke:smoke'",
    "sample --workdir nothing": "nothing holds no run",
    "sample --workdir file.txt": "file.txt holds no run",
    "sample --workdir runs": "runs holds no run",
    "sample --workdir bare": "bare has no checkpoint",
    "sample --workdir runs/ring --num 0": "num is 0; it must be at least 1",
    "sample --workdir runs/ring --num -3": "num is -3; it must be at least 1",
    "sample --workdir runs/ring --seed -1": "seed is -1; it must be from 0 to",
    "sample --workdir runs/ring --seed 99999999999999999999": "it must be from 0 to 2147483647",
    "sample --workdir runs/ring --label 3": "the run is unconditional",
    "sample --workdir runs/ring --label all": "the run is unconditional",
    "sample --workdir runs/ring --step 7": "has no checkpoint 7",
    "sample --workdir runs/ring --step x": "step is 'x'; it must be a step, best or last",
    "sample --workdir runs/ring --step best": "step is best; runs/ring has no best one",
    "sample --workdir runs/ring --truncation 0": "truncation is 0.0; it must be above 0",
    "sample --workdir runs/ring --step -1": "has no checkpoint -1",
    "sample --workdir runs/ring --standing-statistics -1": "standing_statistics is -1",
    "sample --workdir runs/ring --out a.jpg": "out is 'a.jpg'; it must be a .png or .npz file",
    "sample --workdir runs/ring --out runs.png": "out is 'runs.png'; it must be a file",
    "sample --workdir runs/ring --out file.txt/a.png": "file.txt is no folder",
    "export --workdir nothing": "nothing holds no run",
    "export --workdir runs/ring --to torch": "--to: invalid choice: 'torch'",
    "export --workdir runs/ring --step 7": "has no checkpoint 7",
    "export --workdir runs/ring --out runs": "out is 'runs'; it must be a file",
    "evaluate --workdir nothing": "nothing holds no run",
    "evaluate --workdir bare": "bare has no checkpoint",
    "evaluate --workdir runs/ring --step x": "step is 'x'; it must be a step, best or last",
    "evaluate --workdir runs/ring --step 7": "has no checkpoint 7",
    "evaluate --workdir runs/ring --step best": "step is best; runs/ring has no best one",
    "evaluate --workdir runs/ring --standing-statistics -1": "standing_statistics is -1",
    "evaluate --workdir runs/ring --ema": "kept no average of the generator",
    "evaluate --workdir runs/ring --seed -1": "seed is -1; it must be from 0 to",
    "evaluate --workdir runs/ring --out file.txt/a.json": "file.txt is no folder",
    "evaluate --workdir runs/ring --out runs": "out is 'runs'; it must be a file",
    "evaluate --workdir runs/ring --coordinator here": "give all three, or none",
    "evaluate --workdir runs/ring --metrics nonsense": "metrics is 'nonsense'",
    "evaluate --workdir runs/ring --features nonsense": "features is 'nonsense'",
    "evaluate --workdir runs/ring --num-samples 0": "num_samples is 0; it must be at least 2",
    "evaluate --workdir runs/ring --truncation -1": "truncation is -1.0; it must be",
    "evaluate --workdir runs/ring --truncation inf": "truncation is inf; it must be finite",
    "evaluate --workdir runs/ring --split test": "split is 'test'",
    "explore interpolate --workdir nothing": "nothing holds no run",
    "explore interpolate --workdir runs/ring": "the run makes points",
    "explore interpolate --workdir runs/ring --num 0": "num is 0; it must be at least 1",
    "explore interpolate --workdir runs/ring --seed -1": "seed is -1; it must be from 0 to",
    "explore interpolate --workdir runs/ring --label 1": "the run is unconditional",
    "explore interpolate --workdir runs/ring --values 1": "interpolate has no such option",
    "explore interpolate --workdir runs/ring --out a.jpg": "it must be a .png or .gif or .mp4 file",
    "explore interpolate --workdir runs/ring --out file.txt/a.png": "file.txt is no folder",
    "explore interpolate --workdir runs/ring --step 7": "has no checkpoint 7",
    "explore mixing --workdir runs/ring --frames 3": "mixing has no such option",
    "explore serve --workdir runs/ring": "the run makes points",
    "explore serve --workdir nothing": "nothing holds no run",
    "explore serve --workdir runs/ring --seed -1": "seed is -1; it must be from 0 to",
    "explore serve --workdir runs/ring --frames 3": "serve has no such option",
    "explore mixing --workdir runs/ring --port 80": "mixing has no such option",
    "compare nothing": "nothing",
    "compare runs/ring": "`jaxgan evaluate --workdir runs/ring` writes it",
    "compare file.txt": "file.txt",
    "compare list.json": "list.json",
    "report nothing": "nothing holds no run",
    "report file.txt": "file.txt holds no run",
    "report runs/ring nothing --out a.html": "nothing holds no run",
    "report runs/ring --out runs": "out is 'runs'; it must be a file, and no folder",
    "report runs/ring --out file.txt/a.html": "file.txt is no folder",
    "checkpoints nothing": "nothing is no folder",
    "checkpoints file.txt": "file.txt is no folder",
    "map --config RING --axis seed --steps 1 --out a": "axis is 'seed'; it must be KEY=log:",
    "map --config RING --axis a=log:1:2:x --steps 1 --out a": "it must be KEY=log:LOW:HIGH:NUM",
    "map --config RING --axis a=log:2:1:4 --steps 1 --out a": "axis a.log is [2.0, 1.0, 4]; it",
    "map --config RING --axis sed=list:1,2 --steps 1 --out a": "sed: unknown key; did you mean",
    "map --config RING --axis seed=list:0 --steps 1 --out runs/ring/config.json": "is no folder",
    "map --config RING --axis seed=list:0 --steps 1 --out a --halving x": "halving is 'x'; it must",
    "plan --config RING --topology v9:2x2": "topology is 'v9:2x2'; it must be",
    "plan --config RING --topology cpu:0": "topology is 'cpu:0'; it must be",
    "plan --config RING --topology cpu:99999": "at most 1024 devices",
    "plan --config RING --topology cpu": "topology is 'cpu'; it must be",
    "plan --config RING --topology v4:2x2": "topology is 'v4:2x2'; it must be",
    "plan --config RING --topology cpu:1 --batch-per-chip 0": "batch-per-chip is 0; it must be",
    "plan --config RING --topology cpu:1 --out nothing/a.json": "its folder must exist",
    "plan --config RING --topology cpu:1 --out runs": "out is 'runs'; it must be a file",
    "plan --config RING --topology cpu:1 --plot nothing/a.png": "its folder must exist",
    "plan --config RING --topology cpu:1 --plot a.txt": "plot is 'a.txt'; it must be a .png file",
    "plan --config RING --topology cpu:1 --example-shape 1,x": "example-shape is '1,x'",
    "plan --config RING --topology cpu:1 --config.sed=1": "sed: unknown key; did you mean seed",
    "plan --config nothing.py --topology cpu:1": "'nothing.py' is not a file",
    "weights inception --from nothing.pth": "nothing.pth",
    "weights inception --from file.txt": "file.txt",
    "weights inception --from runs": "runs",
    "weights inception --from file.txt --to a.txt": "to is 'a.txt'; it must be a file with",
    "import --config RING --workdir file.txt --from empty.npz": "file.txt is no folder",
    "import --config RING --workdir new": "give --from FILE, --disc-from FILE, or both",
    "import --config RING --workdir new --from nothing.npz": "nothing.npz",
    "import --config RING --workdir new --from file.txt": "file.txt'; it must be a file",
    "import --config RING --workdir new --from empty.npz": "empty.npz",
    "import --config RING --workdir new --from text.npz": "text.npz",
    "import --config RING --workdir new --disc-from nothing.pt": "nothing.pt",
    "import --config RING --workdir runs/ring --from empty.npz": "runs/ring holds a run already",
    "import --config RING --workdir new --from empty.npz --model biggan": "model is 'biggan'",
    "import --config nothing.py --workdir new --from empty.npz": "'nothing.py' is not a file",
    "import --config RING --workdir new --from empty.npz --config.seed=-1": "seed is -1",
}
LINES = {
    **PARSED,
    **{f"train --config RING --workdir new {flags}": says for flags, says in TRAIN.items()},
    **OTHERS,
}

# A long one, a hidden one, others of shells, of terminals, of globs, of paths, of other systems.
NAMES = (
    *("a b", " a", "a ", "a\nb", "a\tb", "a\rb", "a\x1b[31mb", "a\x07b", "a\x7fb", "\u202ea"),
    *("é", "日本語", "a\udcffb", "🙂", "a\u2028b", "x" * 300, ".hidden", "...", "a/../b", "a//b"),
    *("./a", "a/", "~", "~nobody", "$HOME", "`a`", "a;b", "a|b", "a>b", "a'b", 'a"b', "a\\b"),
    *("*", "?", "[a]", "a[0.001]", "{a}", "a%sb", "a#b", "a,b", "a=b", "a:b", "@a", "!a", "con"),
    *(
        "-x",
        "--help",
        "-",
        "a\0b",
        "[bold]a[/bold]",
        "runs/ring/config.json",
        "/dev/null",
        "/dev/null/a",
        "loop",
    ),
)


def snapshot(folder: Path) -> Snapshot:
    """What is there, when and how large: a file that is rewritten has another time."""
    found = {}
    for path in folder.rglob("*"):
        about = path.lstat()
        found[str(path.relative_to(folder))] = (about.st_mode, about.st_mtime_ns, about.st_size)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ring_run: Path) -> Path:
    """A run, a run without checkpoints, and files that are not what is asked for."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(ring_run, folder / "runs" / "ring")
    (folder / "bare").mkdir()
    (folder / "runs.png").mkdir()
    for name in ("config.json", "run.json"):
        shutil.copy(ring_run / name, folder / "bare" / name)
    for name, text in {
        "file.txt": "text\n",
        "list.json": "[]\n",
        "text.npz": "text\n",
        "empty.py": "",
        "broken.py": "def get_config(:\n",
        "raises.py": "def get_config(arg):\n    return 1 / 0\n",
        "number.py": "def get_config(arg):\n    return 3\n",
    }.items():
        (folder / name).write_text(text)
    np.savez(folder / "empty.npz")
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.fixture
def unchanged(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test is in `place`, and leaves it as it was."""
    before = snapshot(place)
    monkeypatch.chdir(place)
    yield
    assert snapshot(place) == before


def refused(words: Sequence[str], capfd: pytest.CaptureFixture[str]) -> str:
    """The line that the command ends with."""
    try:
        code: object = main(words)
    except SystemExit as stop:
        code = stop.code
    out, error = capfd.readouterr()
    assert (code, out) == (2, ""), error
    assert error.startswith("jaxgan: error: ")
    assert error.endswith("\n")
    line = error[:-1]
    assert line.isprintable(), line
    assert "Traceback" not in line
    return line


# Those that load the run before they are refused.
LATE = [
    *(one for one in LINES if re.match("evaluate .*(metrics|features|num-samp|trunc|split) ", one)),
]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("typed", helpers.rows(LINES, LATE))
def test_a_wrong_command_line_is_one_line(typed: str, capfd: pytest.CaptureFixture[str]) -> None:
    words = [word.replace("RING", RING) for word in shlex.split(typed)]
    assert LINES[typed] in refused(words, capfd)


COMMANDS = (
    ["sample", "--workdir=NAME"],
    ["evaluate", "--workdir=NAME"],
    ["explore", "interpolate", "--workdir=NAME"],
    ["translate", "--workdir=NAME", "--data=.", "--out=new"],
    ["futures", "--workdir=NAME"],
    ["compare", "./NAME"],
    ["report", "./NAME"],
    ["checkpoints", "./NAME/none"],
    ["train", "--config=NAME", "--workdir=new"],
    ["sample", "--workdir=runs/ring", "--out=NAME"],
    ["weights", "inception", "--from=NAME"],
    ["import", f"--config={RING}", "--workdir=new", "--from=NAME"],
)


def refuse_name(name: str, commands: Sequence[list[str]], capfd: Any) -> None:
    for words in commands:
        refused([word.replace("NAME", name) for word in words], capfd)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_an_odd_name_is_one_line(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    # Three commands each, all of them in turn.
    refuse_name(name, COMMANDS[NAMES.index(name) % 3 :: 3], capfd)


@pytest.mark.slow
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_an_odd_name_is_one_line_for_every_command(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    refuse_name(name, COMMANDS, capfd)


def test_there_are_enough_of_them() -> None:
    assert len(LINES) >= 100
    assert len(set(NAMES)) == len(NAMES) >= 40
    assert {typed.split()[0] for typed in LINES if typed} >= {
        *("train", "sample", "evaluate", "explore", "plan"),
        *("checkpoints", "compare", "report", "weights", "import"),
    }
