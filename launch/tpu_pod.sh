#!/usr/bin/env bash
# Trains on all workers of a Cloud TPU slice, from your own machine.
#
#   export NAME=gan ZONE=us-west4-a MOUNT=10.0.0.2:/share
#   export CONFIG=configs/mnist.py WORKDIR=/mnt/jaxgan/runs/mnist
#   launch/tpu_pod.sh install
#   launch/tpu_pod.sh mount
#   launch/tpu_pod.sh start --config.total_steps=50000
#   launch/tpu_pod.sh log
#
# Commands
#   install  copies this repository (what is committed: HEAD) to every worker, as ~/jaxgan, and
#            installs it there with jaxgan[tpu], in ~/jaxgan-env
#   mount    mounts MOUNT on every worker
#   start    starts `jaxgan train` on every worker, detached. Further arguments go to it
#   log      follows the log of worker 0; Ctrl-C ends the following, not the training
#   status   prints for every worker whether it runs, and its last exit code
#   stop     SIGTERM to every worker: they agree on a step, save it and exit with 75. End `keep`
#            first, which would start them again
#   keep     all of it, until the run is finished: gets the slice (see tpu_queued_resource.sh for
#            its variables), installs, mounts, starts, watches, and does so again after a
#            preemption, a lost worker, a full or failing disk, or a folder still in use
#
# Variables
#   NAME             of the TPU (needed)
#   ZONE             such as us-west4-a (needed)
#   PROJECT          gcloud's own by default
#   CONFIG           config file as seen from ~/jaxgan on the workers (needed by start and keep)
#   WORKDIR          the run's folder, on storage that all workers share (needed by start and keep)
#   MOUNT            that storage: HOST:/SHARE of an NFS server such as Filestore, or gs://BUCKET
#                    (needed by mount and keep)
#   MOUNT_POINT      where to mount it; /mnt/jaxgan by default
#   CONNECT_TIMEOUT  seconds to wait for all workers to come up; 300 by default
#   STOP_SECONDS     between SIGTERM and SIGKILL; 300 by default
#   MAX_RETRIES      how often keep starts anew; 10 by default
#   POLL_SECONDS     between two looks of keep; 60 by default
#   UNIT             name of the systemd unit; jaxgan by default
#   DRY_RUN          1: prints the commands and runs none; 0 by default
#
# Exit codes: 0, 2 bad input; of keep also those of jaxgan, 1 where the workers do not answer and
# 75 after MAX_RETRIES; else those of gcloud.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
unit=${UNIT:-jaxgan}
mount_point=${MOUNT_POINT:-/mnt/jaxgan}
retries=${MAX_RETRIES:-10}

usage() {
  echo "usage: NAME=... ZONE=... [CONFIG=... WORKDIR=...] [MOUNT=...]" \
    "$0 install|mount|start|log|status|stop|keep: $1" >&2
  exit 2
}

needs() {
  local variable
  for variable in "$@"; do
    [[ -n ${!variable:-} ]] || usage "$variable is not set"
  done
}

run() {
  if [[ ${DRY_RUN:-0} != 1 ]]; then
    "$@"
    return
  fi
  local word line=""
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word=${word@Q}
    line+="$word "
  done
  echo "${line% }"
}

where() {
  echo "--zone=$ZONE"
  [[ -z ${PROJECT:-} ]] || echo "--project=$PROJECT"
}

# on WORKER COMMAND: WORKER is a number or `all`.
on() {
  local flags
  mapfile -t flags < <(where)
  run gcloud compute tpus tpu-vm ssh "$NAME" "${flags[@]}" "--worker=$1" "--command=$2"
}

# The image's own Python may be older than jaxgan needs: uv brings one.
install() {
  local flags folder
  mapfile -t flags < <(where)
  folder=$(mktemp -d)
  run git -C "$here/.." archive --format=tar.gz "--output=$folder/jaxgan.tar.gz" HEAD
  run gcloud compute tpus tpu-vm scp "$folder/jaxgan.tar.gz" "$NAME:jaxgan.tar.gz" \
    "${flags[@]}" --worker=all
  rm -r "$folder"
  on all 'set -e; mkdir -p ~/jaxgan; tar -xzf ~/jaxgan.tar.gz -C ~/jaxgan
python3 -m pip install --quiet --user uv
~/.local/bin/uv venv --quiet --clear --python 3.12 ~/jaxgan-env
~/.local/bin/uv pip install --quiet --python ~/jaxgan-env/bin/python -e ~/jaxgan"[tpu]"'
}

# Orbax commits a checkpoint by renaming its folder, which a flat bucket does one file at a time:
# better a bucket with a hierarchical namespace, where it is one operation.
mount_command() {
  echo "set -e; sudo mkdir -p $mount_point; if mountpoint -q $mount_point; then exit 0; fi"
  case $MOUNT in
    gs://*)
      cat << END
if ! command -v gcsfuse > /dev/null; then
  curl -fsSL https://packages.cloud.google.com/apt/doc/apt-key.gpg |
    sudo tee /usr/share/keyrings/cloud.google.asc > /dev/null
  echo "deb [signed-by=/usr/share/keyrings/cloud.google.asc]" \
    "https://packages.cloud.google.com/apt gcsfuse-\$(lsb_release -cs) main" |
    sudo tee /etc/apt/sources.list.d/gcsfuse.list > /dev/null
  sudo apt-get -qq update
  sudo apt-get -qq install -y gcsfuse
fi
sudo chown "\$(id -u):\$(id -g)" $mount_point
gcsfuse --implicit-dirs --rename-dir-limit=100000 ${MOUNT#gs://} $mount_point
END
      ;;
    *:/*)
      cat << END
sudo apt-get -qq update
sudo apt-get -qq install -y nfs-common
sudo mount -t nfs -o hard $MOUNT $mount_point
sudo mkdir -p $WORKDIR
sudo chown "\$(id -u):\$(id -g)" $WORKDIR
END
      ;;
    *) usage "MOUNT=$MOUNT is neither HOST:/SHARE nor gs://BUCKET" ;;
  esac
}

mount_storage() {
  local command
  command=$(mount_command) || exit 2
  on all "$command"
}

# A transient unit outlives the connection and gets SIGTERM when the machine goes down. It does not
# come back by itself: a worker that came back alone would meet peers of the run before; `keep`
# starts all of them together. KillMode=mixed: SIGTERM is for jaxgan itself, not for its children.
start() {
  local arguments
  printf -v arguments ' %q' train --config "$CONFIG" --workdir "$WORKDIR" --distributed \
    --connect-timeout "${CONNECT_TIMEOUT:-300}" "$@"
  on all "case \$(systemctl show $unit --property=SubState --value) in
  dead | failed | exited) ;;
  *) echo '$unit already runs; stop it first' >&2; exit 1 ;;
esac
sudo systemctl stop $unit 2> /dev/null
sudo systemctl reset-failed $unit 2> /dev/null
sudo systemd-run --unit=$unit --uid=\$(id -un) --remain-after-exit \
--property=WorkingDirectory=\$HOME/jaxgan --property=KillMode=mixed \
--property=TimeoutStopSec=${STOP_SECONDS:-300} \
\$HOME/jaxgan-env/bin/jaxgan$arguments"
}

status() {
  on "$1" "systemctl show $unit --property=SubState,ExecMainCode,ExecMainStatus"
}

stop() {
  on all "sudo systemctl stop $unit"
}

# Prints how it goes: `running`, `silent` (no answer, which tells nothing about the training),
# `lost` (start anew) or `done CODE`.
progress() {
  local shown sub how code
  case $("$here/tpu_queued_resource.sh" state 2> /dev/null || true) in
    ACTIVE) ;;
    "") echo silent && return ;;
    *) echo lost && return ;;
  esac
  if ! shown=$(status 0 2> /dev/null); then
    echo silent
    return
  fi
  sub=$(sed -n 's/^SubState=//p' <<< "$shown")
  how=$(sed -n 's/^ExecMainCode=//p' <<< "$shown")
  code=$(sed -n 's/^ExecMainStatus=//p' <<< "$shown")
  # ExecMainCode is 1 for an exit, 2 and 3 for the end by a signal; `dead` is a unit that is gone,
  # as after a reboot.
  case $sub:$how:$code in
    exited:*) echo "done 0" ;;
    failed:1:6 | failed:1:7 | failed:1:70 | failed:1:75 | dead:*) echo lost ;;
    failed:1:*) echo "done $code" ;;
    failed:*) echo lost ;;
    *) echo running ;;
  esac
}

# A fresh machine may not let anybody in at once.
again() {
  local try
  for try in 1 2 3 4 5; do
    if "$here/tpu_pod.sh" "$@"; then return 0; fi
    echo "$NAME: $* failed (try $try of 5)" >&2
    sleep "${POLL_SECONDS:-60}"
  done
  return 1
}

watch() {
  local now=running silent=0
  while [[ $now == running || $now == silent ]]; do
    sleep "${POLL_SECONDS:-60}"
    now=$(progress)
    if [[ $now == silent ]]; then silent=$((silent + 1)); else silent=0; fi
    if ((silent >= 30)); then now="done 1"; fi
  done
  echo "$now"
}

keep() {
  local attempt now
  for ((attempt = 0; attempt <= retries; attempt++)); do
    "$here/tpu_queued_resource.sh" create
    again install
    again mount
    if [[ $attempt -gt 0 ]]; then stop || true; fi
    if start "$@"; then now=running; else now=lost; fi
    [[ ${DRY_RUN:-0} != 1 ]] || return 0
    if [[ $now == running ]]; then now=$(watch); fi
    echo "$NAME: $now" >&2
    [[ $now == lost ]] || return "${now#done }"
  done
  echo "$NAME: gave up after $retries restarts" >&2
  return 75
}

[[ $# -ge 1 ]] || usage "which command?"
command=$1
shift
case $command in
  install | log | status | stop) needs NAME ZONE ;;
  mount) needs NAME ZONE MOUNT WORKDIR ;;
  start) needs NAME ZONE CONFIG WORKDIR ;;
  keep) needs NAME ZONE CONFIG WORKDIR MOUNT ACCELERATOR_TYPE ;;
  *) usage "unknown command $command" ;;
esac
case $command in
  install) install ;;
  mount) mount_storage ;;
  start) start "$@" ;;
  log) on 0 "sudo journalctl --unit=$unit --lines=100 --output=cat --follow" ;;
  status) status all ;;
  stop) stop ;;
  keep) keep "$@" ;;
esac
