#!/usr/bin/env bash
# The whole training from a folder of photographs, resumable: run it again and it goes on where it was.
#     training/train.sh IMAGES STATE [minutes of denoising] [minutes of correspondences]
set -euo pipefail
images=$(realpath "$1") state=$(realpath -m "$2") denoising=${3:-60} correspondences=${4:-240}
stickers=${STICKERS:-/usr/share/tuxpaint/stamps}
python=${PYTHON:-/usr/bin/python3}
cd "$(dirname "$0")"
# Threads that spin at barriers slow two processes on two cores tenfold.
export OMP_WAIT_POLICY=passive
mkdir -p "$state"
if [ ! -f "$state/cutouts.json" ]; then
	"$python" cutouts.py "$images" --state "$state" $([ -d "$stickers" ] && echo --stickers "$stickers")
fi
if [ ! -f "$state/correspondence.pt" ]; then
	"$python" train_diffusion.py "$images" --state "$state" --minutes "$denoising"
fi
"$python" train_correspondence.py --state "$state" --minutes "$correspondences"
