#!/usr/bin/env bash
# What someone does who has found the package, with what the README says and nothing of this checkout: a fresh clone, the tarball,
# an empty prefix and home, masks of the sample, uninstall. Then the library from a strict TypeScript program.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/home" "$work/prefix" "$work/here"
# npm keeps its downloads where they are, and nothing else of this user's.
npm_cache="$(npm config get cache)"

echo "smoke: the tarball, from a fresh clone"
git clone --quiet "file://$root" "$work/clone"
(cd "$work/clone" && npm run package -- --pack-destination "$work") >"$work/package.log" 2>&1 ||
	{ cat "$work/package.log" >&2; exit 1; }
tarball="$(echo "$work"/propagate-video-*.tgz)"
cp "$work/clone/README.md" "$work/clone/package-lock.json" "$work/clone/.ci/library.ts" "$work"
rm -rf "$work/clone"
for needed in dist/cli/main.js dist/index.d.ts dist/kernels/kernels.wasm dist/studio/page/index.html dist/propagate-blender.zip docs/first-mask.md models/propagate-small/manifest.json \
	samples/LICENSE LICENSE NOTICE CHANGELOG.md; do
	# All of the list is read: tar must not write to a pipe that nobody reads any more.
	tar -tzf "$tarball" | grep -c -x "package/$needed" >/dev/null || { echo "the tarball has no $needed" >&2; exit 1; }
done

# As a login on a machine that never saw this project; node and npm come from where they are.
as_user() {
	(cd "$work/here" && env -i HOME="$work/home" PATH="$work/prefix/bin:$(dirname "$(command -v node)"):/usr/bin:/bin" \
		npm_config_prefix="$work/prefix" npm_config_cache="$npm_cache" \
		npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false \
		${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"} \
		${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} ${npm_config_registry:+npm_config_registry="$npm_config_registry"} \
		"$@")
}

echo "smoke: the README's command"
install="$(grep -m1 -o 'npm install -g .*propagate-video' "$work/README.md")"
as_user sh -c "${install/propagate-video/$tarball}"
as_user propagate doctor
# The README's first hour, with its own words.
as_user sh -c "$(sed -n '/^<!-- smoke -->/,/^```$/p' "$work/README.md" | grep -v '^<!--\|^```')"
test "$(find "$work/here/masks" -name '*.png' | wc -l)" -eq 72

echo "smoke: uninstalled"
as_user npm uninstall --global propagate-video
left="$(cd "$work" && find prefix home -not -type d | grep -v '^home/.cache/propagate/' || true)"
test -z "$left" || { echo "left behind: $left" >&2; exit 1; }

echo "smoke: the library, strictly typed"
cd "$work/here"
typescript="$(node -p "require('$work/package-lock.json').packages['node_modules/typescript'].version")"
node_types="$(node -p "require('$work/package-lock.json').packages['node_modules/@types/node'].version")"
echo '{ "type": "module", "private": true }' >package.json
as_user npm install --ignore-scripts --silent "$tarball" "typescript@$typescript" "@types/node@$node_types"
cp "$work/library.ts" .
cat >tsconfig.json <<'END'
{ "compilerOptions": {
	"strict": true, "noUncheckedIndexedAccess": true, "exactOptionalPropertyTypes": true, "skipLibCheck": false,
	"module": "NodeNext", "target": "ES2023", "types": ["node"] }, "files": ["library.ts"] }
END
as_user npx --no-install tsc
as_user node library.js
echo "smoke: the packed package works"
