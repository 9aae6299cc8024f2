#!/usr/bin/env bash
# A Cloud TPU slice from a queued resource: asks for it, waits until it is ACTIVE, deletes it.
#
#   NAME=gan ZONE=us-west4-a ACCELERATOR_TYPE=v5litepod-16 launch/tpu_queued_resource.sh create
#
# Commands
#   create   asks for the slice and waits until it is ACTIVE. Does nothing where it is ACTIVE, and
#            asks anew where it was preempted (SUSPENDED) or refused (FAILED). Further arguments
#            go to `gcloud compute tpus queued-resources create`
#   wait     only waits
#   state    prints the state: WAITING_FOR_RESOURCES, PROVISIONING, ACTIVE, SUSPENDED, FAILED, ...
#   delete   deletes the slice and the request
#
# Variables
#   NAME              of the queued resource, and of its one TPU (needed)
#   ZONE              such as us-west4-a (needed)
#   ACCELERATOR_TYPE  such as v5litepod-16, v5p-32, v6e-64 (needed by create)
#   RUNTIME_VERSION   image of the TPU VMs; by default the one for ACCELERATOR_TYPE
#   PROJECT           gcloud's own by default
#   SPOT              1 (default): cheaper, may be preempted; 0: on demand or reserved
#   RESERVED          1: from a reservation, with SPOT=0; 0 by default
#   VALID_UNTIL       gives up on a request not filled in this time, such as 6h; never by default
#   WAIT_SECONDS      how long to wait for ACTIVE; 86400 by default
#   POLL_SECONDS      between two looks; 30 by default
#   DRY_RUN           1: prints the commands and runs none; 0 by default
#
# Exit codes: 0, 1 not ACTIVE (refused, or not in time), 2 bad input; else those of gcloud.
set -euo pipefail

usage() {
  echo "usage: NAME=... ZONE=... [ACCELERATOR_TYPE=...] $0 create|wait|state|delete: $1" >&2
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

queued_resources() {
  local where=("--zone=$ZONE")
  [[ -z ${PROJECT:-} ]] || where+=("--project=$PROJECT")
  run gcloud compute tpus queued-resources "$1" "$NAME" "${where[@]}" "${@:2}"
}

# Prints nothing where there is no such request.
state() {
  queued_resources describe "--format=value(state.state)" 2>/dev/null || true
}

runtime_version() {
  case $ACCELERATOR_TYPE in
    v5litepod-*) echo v2-alpha-tpuv5-lite ;;
    v5p-*) echo v2-alpha-tpuv5 ;;
    v6e-*) echo v2-alpha-tpuv6e ;;
    v[234]-*) echo tpu-ubuntu2204-base ;;
    *) return 1 ;;
  esac
}

create() {
  needs ACCELERATOR_TYPE
  local image=${RUNTIME_VERSION:-}
  [[ -n $image ]] || image=$(runtime_version) ||
    usage "no RUNTIME_VERSION is known for ACCELERATOR_TYPE=$ACCELERATOR_TYPE"
  local flags=("--node-id=$NAME" "--accelerator-type=$ACCELERATOR_TYPE" "--runtime-version=$image")
  [[ ${SPOT:-1} != 1 ]] || flags+=(--spot)
  [[ ${RESERVED:-0} != 1 ]] || flags+=(--reserved)
  [[ -z ${VALID_UNTIL:-} ]] || flags+=("--valid-until-duration=$VALID_UNTIL")
  local now=""
  [[ ${DRY_RUN:-0} == 1 ]] || now=$(state)
  case $now in
    SUSPENDING | SUSPENDED | FAILED)
      echo "$NAME is $now: asking anew" >&2
      delete
      now=""
      ;;
  esac
  [[ -n $now ]] || queued_resources create "${flags[@]}" "$@"
  wait_until_active
}

wait_until_active() {
  if [[ ${DRY_RUN:-0} == 1 ]]; then
    queued_resources describe "--format=value(state.state)"
    return
  fi
  local now end=$((SECONDS + ${WAIT_SECONDS:-86400}))
  while true; do
    now=$(state)
    echo "$NAME: ${now:-no answer}" >&2
    case $now in
      ACTIVE) return 0 ;;
      FAILED | SUSPENDING | SUSPENDED | DELETING) return 1 ;;
    esac
    ((SECONDS < end)) || return 1
    sleep "${POLL_SECONDS:-30}"
  done
}

# --force deletes the TPU VMs too; without --async the command returns when all are gone.
delete() {
  queued_resources delete --force --quiet
}

[[ $# -ge 1 ]] || usage "which command?"
command=$1
shift
case $command in
  create | wait | state | delete) needs NAME ZONE ;;
  *) usage "unknown command $command" ;;
esac
case $command in
  create) create "$@" ;;
  wait) wait_until_active ;;
  state) queued_resources describe "--format=value(state.state)" ;;
  delete) delete ;;
esac
