"""Append J&F of an exported model to the training log, from what `propagate eval davis ... --json` prints:

    propagate eval davis ../shared/data/davis-train --model MODEL --json | python3 log_evaluation.py MODEL STATE/log.jsonl

The record's values are in percent; its step and minutes are the model's own.
"""

import argparse
import json
import sys
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of the model that was evaluated")
    parser.add_argument("log", type=Path)
    args = parser.parse_args()
    training = json.loads((args.model / "manifest.json").read_text()).get("training")
    if training is None:
        sys.exit(f"{args.model} does not say how long it was trained; give a model that export.py wrote.")
    printed = [json.loads(line) for line in sys.stdin]
    values = {r["name"]: r["jAndF"] for r in printed if r["type"] == "sequence"}
    values |= {"mean": r["jAndF"] for r in printed if r["type"] == "done" and r["dataset"] == "davis"}
    if "mean" not in values:
        sys.exit("The evaluation did not end; pipe the whole output of `propagate eval davis ... --json`.")
    record = {"stage": "evaluation", "minutes": training["minutes"], "step": training["step"]}
    record["jAndF"] = {name: round(100 * value, 2) for name, value in values.items()}
    with open(args.log, "a") as out:
        out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
