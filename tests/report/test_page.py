"""The page as a file: what is in it, what is left out, and that nothing in it becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from jaxgan.core.errors import ConfigError
from jaxgan.report import Content, render
from jaxgan.report.plots import MAX_POINTS, plots
from jaxgan.run import report
from jaxgan.training.hooks import Moment
from jaxgan.training.telemetry import Log
from jaxgan.writers import MetricWriter
from tests.report.runs import HOSTILE, make_run


class Reader(HTMLParser):
    """The tags of a page with their attributes, and the text within each kind."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.tags[-1][0] if self.tags else "", data))


def test_the_page_asks_for_nothing_and_allows_its_own_scripts_alone(tmp_path: Path) -> None:
    folder = make_run(tmp_path / HOSTILE.replace("/", ":"))
    report.write_report(tmp_path / "a.html", [folder])
    page = Reader((tmp_path / "a.html").read_text())
    links = [
        value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")
    ]
    assert len(links) == 7
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert not {key for _, attrs in page.tags for key in attrs if key.startswith("on")}
    assert not any(attrs.get("style") for _, attrs in page.tags)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    scripts = [text for tag, text in page.texts if tag == "script" and text.strip()]
    own = [text for text in scripts if not text.lstrip().startswith("[")]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own]
    assert len(own) == 2
    assert re.findall(r"script-src (.*?);", policy) == [" ".join(f"'sha256-{x}'" for x in digests)]
    assert policy.startswith("default-src 'none'; img-src data:;")
    texts = "\n".join(text for _, text in page.texts)
    assert texts.count(HOSTILE) >= 5  # a key, a metric, a class, a warning, a protocol


def test_few_points_are_all_drawn_and_of_many_the_extremes_are() -> None:
    steps = np.arange(20_000)
    values = np.random.default_rng(0).normal(size=20_000)
    values[7777], values[7778], values[15] = 50.0, -60.0, np.nan
    (plot,) = plots({"a": {"disc/x": (steps, values)}})
    drawn, numbers, _ = plot["tables"][0]
    assert plot["num_points"] == 20_000
    assert plot["num_drawn"] == len(drawn) <= MAX_POINTS + 2
    assert drawn[0] == 0
    assert drawn[-1] == 19_999
    assert drawn == sorted(set(drawn))
    np.testing.assert_allclose(numbers, values[drawn], rtol=1e-4)
    for stretch in np.array_split(steps, MAX_POINTS // 2):
        here = np.array(numbers)[np.isin(drawn, stretch)]
        wanted = values[stretch]
        assert max(here) == pytest.approx(np.nanmax(wanted), rel=1e-4)
        assert min(here) == pytest.approx(np.nanmin(wanted), rel=1e-4)
    (few,) = plots({"a": {"disc/x": (steps[:30], values[:30])}})
    assert few["tables"][0][0] == list(range(30))
    assert few["tables"][0][1][15] is None
    json.dumps(few, allow_nan=False)


def test_runs_of_other_steps_share_a_panel_with_bands_around_their_curves() -> None:
    steps = np.array([10, 20])
    runs = {
        "a": {"loss/gen": (steps, steps / 10), "std/loss/gen": (steps, np.array([0.5, 1.0]))},
        "b": {"loss/gen": (np.array([15]), np.array([3.0]))},
    }
    (plot,) = plots(runs)
    assert plot["tables"] == [[[10, 20], [0.5, 1.0], [1.5, 3.0], [1.0, 2.0]], [[15], [3.0]]]
    kinds = [(line["curve"], line["kind"]) for line in plot["lines"]]
    assert kinds == [(0, "low"), (0, "high"), (0, "plain"), (1, "plain")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json: it is damaged"),
        ("evaluation.json", '{"schema": 9}', "its schema is 9"),
        ("nonfinite.json", "[]", "nonfinite.json"),
        ("config.json", '{"keep_best": {"metric": "a", "mode": "up"}}', "keep_best: best.mode is"),
        ("config.json", '{"keep_best": {"x": 1}}', "config.json: keep_best: "),
        ("real.png", "x" * 300_000, "real.png is no picture"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = make_run(tmp_path / "run")
    (folder / name).write_text(content)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        report.write_report(tmp_path / "a.html", [folder])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a.html").exists()


def test_a_bare_folder_has_a_page_and_no_code_of_it_runs(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("config.json", "run.json"):
            path.unlink()
    report.write_report(tmp_path / "a.html", [folder])
    (folder / "config.json").write_text(
        '{"data": 3, "game": "gan", "code": [], "total_steps": 20000}'
    )
    report.write_report(tmp_path / "a.html", [folder])
    assert "0 of 20000" in (tmp_path / "a.html").read_text()
    assert render([Content("a\udcff\x1b")]).encode("utf-8").count(b"a\\udcff\\x1b") == 2


def test_reports_take_a_hundredth_of_the_time_and_no_failure_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, wrote = [0.0], []

    def write(path: Path, _: list[Path]) -> None:
        wrote.append(clock[0])
        clock[0] += 2.0
        raise OSError("no room")

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(report, "write_report", write)
    hook = report.make_report_hook(tmp_path, every=1, total_steps=10_000)
    with MetricWriter(tmp_path) as writer:
        for step in range(1, 1000):
            clock[0] += 1.0
            hook.call(Moment(step=step, state=None, log=Log(writer)))
    assert 3 <= len(wrote) <= clock[0] * 0.01 / 2.0 + 1
    assert all(2.0 * (number + 1) <= 0.01 * at + 2 for number, at in enumerate(wrote))
    assert caplog.text.count("report.html: it cannot be written: no room") == len(wrote)
