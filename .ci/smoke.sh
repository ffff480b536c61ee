#!/usr/bin/env bash
# Installs the packed package into an empty folder and carries the sample's mask with it, as a user would.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

tarball="$(cd "$root" && npm pack --silent --pack-destination "$work")"
cd "$work"
npm init --yes >/dev/null
npm install --ignore-scripts --no-audit --no-fund "./$tarball"
npx --no-install propagate doctor
sample=node_modules/propagate/samples/bear
npx --no-install propagate "$sample/clip.mp4" --mask "$sample/first.png" --end 3 -o masks --quiet
test "$(ls masks)" = "$(printf '00000.png\n00001.png\n00002.png')"
echo "smoke: the packed package works"
