#!/usr/bin/env bash
# From a checkpoint to a model folder: the exported graph, its manifest, and the 8-bit graph that CPUs run.
#     training/export.sh STATE IMAGES models/propagate-small
set -euo pipefail
state=$(realpath "$1") images=$(realpath "$2") model=$(realpath -m "$3")
python=${PYTHON:-/usr/bin/python3}
cd "$(dirname "$0")"
"$python" export.py "$state/correspondence.pt" "$model"
"$python" optimise.py "$model" "$images"
"$python" plot_log.py "$state/log.jsonl" "$state/training.png"
