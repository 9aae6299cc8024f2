#!/usr/bin/env bash
# What is worth knowing from one GPU, in less than nine minutes, what is worth most first.
#
#   benchmarks/gpu_session.sh [--wheels DIR] [--only PART ...] [--again] [--budget SECONDS]
#
# asks for a Python with JAX for CUDA, Flax, Optax and Chex: not for jaxgan installed, not for the
# network. PYTHON names it; by default it is that of .venv, where there is one, or else python3.
# docs/gpu.md says what is measured, what is written and how to read it.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="${PYTHON:-}"
if [[ -z "$python" ]]; then
  python=python3
  if [[ -x "$root/.venv/bin/python" ]]; then
    python="$root/.venv/bin/python"
  fi
fi
exec "$python" "$root/benchmarks/gpu_session.py" "$@"
