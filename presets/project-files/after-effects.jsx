// Made by propagate: builds a composition of the clip with its matte as a track matte.
// Run it in After Effects with File > Scripts > Run Script File.
(function () {
	var project = /* PROJECT */ {};

	// Beside this script, or where the file was when the script was made.
	function footage(names) {
		var here = File($.fileName).parent.fsName;
		var file = new File(here + '/' + names.beside);
		if (!file.exists) {
			file = new File(names.absolute);
		}
		if (!file.exists) {
			throw new Error('The file ' + names.absolute + ' is not there; move it back, or edit this script.');
		}
		return app.project.importFile(new ImportOptions(file));
	}

	app.beginUndoGroup('Propagate: ' + project.title);
	try {
		if (!app.project) {
			app.newProject();
		}
		var clip = footage(project.clip);
		var layer = footage(project.layer);
		if (project.shows === 'cut-out') {
			layer.mainSource.alphaMode = AlphaMode.STRAIGHT;
		}
		var comp = app.project.items.addComp(
			project.title,
			project.width,
			project.height,
			1,
			project.seconds,
			project.frameRate
		);

		// The clip stays below, untouched, for effects on the background.
		var background = comp.layers.add(clip);
		background.name = 'Background';
		background.startTime = -project.clipStartSeconds;

		var object = comp.layers.add(clip);
		object.name = 'Object';
		object.startTime = -project.clipStartSeconds;
		object.audioEnabled = false;

		var matte = comp.layers.add(layer);
		matte.name = 'Matte';
		matte.audioEnabled = false;
		var type = project.shows === 'cut-out' ? TrackMatteType.ALPHA : TrackMatteType.LUMA;
		if (object.setTrackMatte) {
			// After Effects 23 and later: the matte is named.
			object.setTrackMatte(matte, type);
		} else {
			// Before: it is the layer above.
			object.trackMatteType = type;
		}
		matte.enabled = false;
		comp.openInViewer();
	} finally {
		app.endUndoGroup();
	}
})();
