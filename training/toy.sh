#!/usr/bin/env bash
# The whole training at toy size: images -> both stages, interrupted, resumed, and gone on from the exported model -> graphs.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c "import torch, onnx, cv2, matplotlib" 2>/dev/null; then
	echo "training/toy.sh: skipped, $python has no torch, onnx, cv2 and matplotlib (Debian: python3-torch python3-onnx python3-opencv python3-matplotlib)"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=passive PYTHONWARNINGS=ignore

"$python" toy_images.py "$work/images" "$work/masked"
"$python" cutouts.py "$work/images" --state "$work/state"
"$python" train_diffusion.py "$work/images" --state "$work/state" --steps 2 --batch 2 --size 64
"$python" train_diffusion.py "$work/images" --state "$work/state" --steps 3 --batch 2 --size 64
"$python" train_correspondence.py --state "$work/state" --steps 2 --scenes 1 --crops 1 --size 64 --fixed-scenes 2
"$python" train_correspondence.py --state "$work/state" --steps 3 --scenes 1 --crops 1 --size 64 --fixed-scenes 2 --keep-every 3
"$python" export.py "$work/state/correspondence.pt" "$work/model"
"$python" from_model.py "$work/model" "$work/state/correspondence.pt"
"$python" train_correspondence.py --state "$work/state" --steps 4 --scenes 1 --crops 1 --size 64 --fixed-scenes 2
"$python" average.py "$work/state/mean.pt" "$work/state/correspondence-3.pt" "$work/state/correspondence.pt"
"$python" export.py "$work/state/mean.pt" "$work/model"
"$python" leave_out.py "$work/state" --scenes 1 --size 64 >/dev/null
"$python" optimise.py "$work/model" "$work/images" --count 2
"$python" join_recognition.py "$work/model" "$work/images" 2>/dev/null
"$python" from_model.py "$work/model" "$work/joined.pt"
tracker=(--state "$work/tracker" --cache "$work/state" --size 64 --batch 1)
"$python" train_tracker.py "${tracker[@]}" --frames 3 --processes 2 --steps 2 >/dev/null
"$python" train_tracker.py "${tracker[@]}" --frames 4 --encoder-from 11 --steps 3 >/dev/null
"$python" export_tracker.py "$work/tracker/tracker.pt" "$work/tracker-graphs" 2>/dev/null
clicks=(--state "$work/clicks" --cache "$work/state" --images "$work/images" --masks "$work/masked" --masked "$work/masked")
clicks+=(--weights tracker-weights.pt --size 64 --batch 2 --rounds 2)
"$python" train_clicks.py "${clicks[@]}" --steps 2 >/dev/null
"$python" train_clicks.py "${clicks[@]}" --steps 3 >/dev/null
"$python" export_clicks.py "$work/clicks/clicks.pt" "$work/model" 2>/dev/null
printf '{"type": "sequence", "name": "toy", "jAndF": 0.5}\n{"type": "done", "dataset": "davis", "jAndF": 0.5}\n' |
	"$python" log_evaluation.py "$work/model" "$work/state/log.jsonl"
"$python" plot_log.py "$work/state/log.jsonl" "$work/curves.png"
"$python" - "$work" <<'PYTHON'
import json, sys
from pathlib import Path
work = Path(sys.argv[1])
*log, evaluation = [json.loads(line) for line in (work / "state/log.jsonl").read_text().splitlines()]
steps = [record["step"] for record in log]
assert steps == [2, 3, 2, 3, 4], f"both stages should stop, and resume to 3 and 4, the log says {steps}"
assert evaluation["stage"] == "evaluation" and evaluation["step"] == 4, "the evaluation is not in the log"
assert evaluation["jAndF"] == {"toy": 50, "mean": 50}, "the log has another J&F than was printed"
manifest = json.loads((work / "model/manifest.json").read_text())
assert len(manifest["taps"]) == 16 and abs(sum(manifest["mixingWeights"][0]) - 1) < 1e-4, "the manifest's taps or weights are wrong"
assert manifest["training"]["step"] == 4 and manifest["fastGraph"] in manifest["files"], "the manifest's training or 8-bit graph is wrong"
assert manifest["files"]["step.onnx"]["bytes"] == (work / "model/step.onnx").stat().st_size
import torch
assert torch.load(work / "tracker/tracker.pt")["step"] == 3, "the tracker's training should stop at 2 and resume to 3"
manifest = json.loads((work / "tracker-graphs/manifest.json").read_text())
for name, file in manifest["files"].items():
    assert file["bytes"] == (work / "tracker-graphs" / name).stat().st_size, f"the tracker's {name} is not what its manifest says"
assert torch.load(work / "clicks/clicks.pt")["step"] == 3, "the click decoder's training should stop at 2 and resume to 3"
manifest = json.loads((work / "model/clicks/manifest.json").read_text())
for name, file in manifest["files"].items():
    assert file["bytes"] == (work / "model/clicks" / name).stat().st_size, f"the click decoder's {name} is not what its manifest says"
PYTHON
echo "training/toy.sh: both stages, the tracker and the click decoder, resuming and export work"
