#!/usr/bin/env bash
# From a checkpoint to a model folder: the exported graph, its manifest, the 8-bit graph that CPUs run, and the recognition encoder joined to both.
#     training/export.sh STATE IMAGES models/propagate-small efficientnet-lite0-57934424.pth
set -euo pipefail
state=$(realpath "$1") images=$(realpath "$2") model=$(realpath -m "$3") encoder=$(realpath "$4")
python=${PYTHON:-/usr/bin/python3}
cd "$(dirname "$0")"
"$python" export.py "$state/correspondence.pt" "$model"
"$python" optimise.py "$model" "$images"
"$python" join_recognition.py "$model" "$images" "$encoder"
"$python" plot_log.py "$state/log.jsonl" "$state/training.png"
