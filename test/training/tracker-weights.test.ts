import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runPython, trainingPython } from '../helpers/python.js';

const folder = fileURLToPath(new URL('../../training', import.meta.url));

/** Loads the shipped weights as training does that goes on from them. */
const script = `
import json, sys
import torch
sys.path.insert(0, sys.argv[1])
from tracker import Tracker
given = {name: weight.float() for name, weight in torch.load(sys.argv[1] + "/tracker-weights.pt", map_location="cpu").items()}
tracker = Tracker()
missing, unexpected = tracker.load_state_dict(given, strict=False)
same = torch.equal(tracker.label_weight, given.get("vote", given.get("label_weight")))
print(json.dumps({"missing": [name for name in missing if not name.startswith("encoder.")], "unexpected": unexpected, "same": same}))
`;

describe.skipIf(trainingPython === undefined)('the shipped weights of the tracker (needs PyTorch)', () => {
	it('are those of all of it but the encoder', { timeout: 60_000 }, async () => {
		const found: unknown = JSON.parse(await runPython(trainingPython ?? '', script, folder));
		expect(found).toEqual({ missing: [], unexpected: [], same: true });
	});
});
